"""The kill of one container: hook, turn, stop signal, SIGKILL (T16).

A kill is a walk through TRANSITIONS, below. The process is a second, smaller machine beside it (it runs, then it has
exited) and is *not* in the table: a process may exit in every step. In HOOK and TURN that changes nothing, for the
kubelet waits for the hook and for the turn, not for the process (T36, T48); the stop call then returns at once and no
signal is sent. Whoever makes an exit skip those steps lets a sidecar stop too early: what releases the sidecars is the
end of a main container's *kill* (T41), not its exit.

Time is charged in whole seconds, rounded down (T17): hook and wait both, one after the other. A wait may thus last
until almost a second after the grace, and so may the stop (T18).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from lameduck.ending import grace
from lameduck.ending.commands import AbandonHook, Command, ContainerEnding, KillProcess, RunHook, SendSignal, Warn
from lameduck.ending.happenings import HookFailure
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Handler, Sleep, TcpSocket

__all__ = ["TRANSITIONS", "ContainerKill", "Life", "Process", "Step", "Trigger"]


class Process(Enum):
    """What is known of a container's main process."""

    NEVER_STARTED = "never started"
    RUNNING = "running"
    EXITED = "exited"


class Step(Enum):
    """How far the kill of a container has come."""

    RUNNING = "running"  # no kill
    HOOK = "preStop hook"
    TURN = "waiting for its turn"
    STOP = "stop signal"
    KILL = "SIGKILL"
    DONE = "stopped"


class Trigger(Enum):
    """What moves a kill on."""

    HOOK_DUE = "killed; it has a preStop hook"
    TURN_DUE = "no hook left to run; others stop first"
    STOP_DUE = "nothing to wait for, or no time left"
    TIME_UP = "its time is over"
    PROCESS_GONE = "the process exited"
    KUBELET_LOST = "the kubelet stopped"


TRANSITIONS: Mapping[Step, Mapping[Trigger, Step]] = {
    Step.RUNNING: {
        Trigger.HOOK_DUE: Step.HOOK,  # T16, T22
        Trigger.TURN_DUE: Step.TURN,  # T41
        Trigger.STOP_DUE: Step.STOP,
    },
    Step.HOOK: {
        Trigger.TURN_DUE: Step.TURN,  # T42
        Trigger.STOP_DUE: Step.STOP,  # T19, T20, T21
        Trigger.PROCESS_GONE: Step.HOOK,  # T36
        Trigger.KUBELET_LOST: Step.RUNNING,  # T13
    },
    Step.TURN: {
        Trigger.STOP_DUE: Step.STOP,  # T41, T43
        Trigger.PROCESS_GONE: Step.TURN,  # T48
        Trigger.KUBELET_LOST: Step.RUNNING,
    },
    Step.STOP: {
        Trigger.TIME_UP: Step.KILL,  # T18
        Trigger.PROCESS_GONE: Step.DONE,
        Trigger.KUBELET_LOST: Step.RUNNING,  # T53
    },
    Step.KILL: {
        Trigger.PROCESS_GONE: Step.DONE,
        Trigger.KUBELET_LOST: Step.RUNNING,
    },
    Step.DONE: {},
}


@dataclass(slots=True)
class Life:
    """One container of the pod, from a start of its process to the next: what is known, and what goes on."""

    container: Container
    signal: str
    process: Process
    ending: ContainerEnding
    hook: Handler | None = None
    """preStop, where this role may have one (T46, T47)."""
    presumed: bool = False
    """Taken to run because nobody said anything else; its start may still be told."""
    signalled: bool = False
    """The runtime sends the stop signal once in a life (T53)."""
    in_post_start: bool = False
    awaited: bool = False
    """The sync that runs will still start it; termination comes after that (T11)."""
    restarting: bool = False
    restarts: int = 0
    restart_at: Seconds | None = None
    kill: "ContainerKill | None" = None

    @property
    def name(self) -> str:
        return self.container.name

    @property
    def runs(self) -> bool:
        return self.process is Process.RUNNING

    @property
    def state(self) -> str:
        """In words, for errors."""
        return self.process.value if self.kill is None else f"{self.process.value}, in its kill: {self.kill.step.value}"


class ContainerKill:
    """One kill, from its start on the kubelet. Each method returns what is to be done now; `due` is when to look again.

    `turn_came` tells a method whether all that stop before this container have stopped; it is True where there is no
    order at all.
    """

    __slots__ = ("_began_s", "_emptied_after_s", "_left_s", "_life", "due", "step")

    def __init__(self, life: Life, grace_s: int, *, emptied_after_s: Seconds | None = None) -> None:
        """`emptied_after_s`: an orphan's processes are killed with their cgroup, this long after the signal (T13)."""
        self._life = life
        self._left_s = grace_s
        self._emptied_after_s = emptied_after_s
        self._began_s = Seconds(0.0)  # of the step that is charged: hook or wait
        self.step = Step.RUNNING
        self.due: Seconds | None = None

    def begin(self, now: Seconds, *, with_hook: bool, turn_came: bool) -> list[Command]:
        """Start the kill: the preStop hook, if there is one, whatever the order is (T16, T42)."""
        hook = self._life.hook
        commands: list[Command] = [Warn("Killing", self._life.name)]
        if not with_hook or hook is None:
            return commands + self._wait_or_stop(now, turn_came)
        self._advance(Trigger.HOOK_DUE)
        self._began_s = now
        first_s = self._life.ending.hook_start_s
        self._note(hook_start_s=now if first_s is None else first_s, hook_end_s=None, hook_outcome="running")
        commands.append(RunHook(self._life.name, hook, Seconds(float(self._left_s))))
        match hook:
            case TcpSocket():  # never works, fails at once (T28)
                return commands + self._hook_over(now, "failed", turn_came)
            case Sleep(seconds=seconds) if seconds < self._left_s:  # T36
                self.due = Seconds(now + seconds)
            case _:  # T19; a sleep as long as the grace is outlasted, too (T37)
                self.due = Seconds(now + self._left_s)
        return commands

    def hook_ended(self, now: Seconds, failure: HookFailure | None, *, turn_came: bool) -> list[Command]:
        """The hands say that an exec or httpGet hook is over. Of sleep and tcpSocket the flow knows it by itself."""
        if isinstance(self._life.hook, Sleep | TcpSocket):
            return []
        return self._hook_over(now, "ok" if failure is None else "failed", turn_came)

    def turn(self, now: Seconds) -> list[Command]:
        """All that stop before this container have stopped (T41)."""
        self._left_s -= grace.charged(Seconds(now - self._began_s))
        return self._stop(now)

    def time_passed(self, now: Seconds, *, turn_came: bool) -> list[Command]:
        """What was due is due: the hook's end or its limit, the wait's limit, or SIGKILL."""
        self.due = None
        match self.step:
            case Step.HOOK:
                hook = self._life.hook
                if isinstance(hook, Sleep) and hook.seconds < self._left_s:
                    return self._hook_over(now, "ok", turn_came)
                return [AbandonHook(self._life.name), *self._hook_over(now, "outlasted", turn_came)]
            case Step.TURN:
                self._left_s = 0  # T43
                return self._stop(now)
            case Step.STOP:
                self._advance(Trigger.TIME_UP)
                if self._emptied_after_s is None:
                    self._note(kill_s=now)
                return [KillProcess(self._life.name)]
            case _:
                return []

    def process_gone(self) -> None:
        """The process exited; its exit is already noted."""
        self._advance(Trigger.PROCESS_GONE)
        if self.step is Step.DONE:
            self.due = None

    def kubelet_lost(self) -> None:
        """The kubelet stopped: exec hooks are cut, a stop call is broken off without SIGKILL (T13, T53)."""
        if self.step is not Step.DONE:
            self._advance(Trigger.KUBELET_LOST)
        self.due = None

    def _hook_over(self, now: Seconds, outcome: str, turn_came: bool) -> list[Command]:
        self._note(hook_end_s=now, hook_outcome=outcome)
        self._left_s = 0 if outcome == "outlasted" else self._left_s - grace.charged(Seconds(now - self._began_s))
        warning: list[Command] = [Warn("FailedPreStopHook", self._life.name)] if outcome == "failed" else []
        return warning + self._wait_or_stop(now, turn_came)

    def _wait_or_stop(self, now: Seconds, turn_came: bool) -> list[Command]:
        if turn_came or self._left_s <= 0:
            return self._stop(now)
        self._advance(Trigger.TURN_DUE)
        self._began_s = now
        self.due = Seconds(now + self._left_s)
        return []

    def _stop(self, now: Seconds) -> list[Command]:
        timeout_s = grace.stop_timeout(self._left_s)
        self._advance(Trigger.STOP_DUE)
        self._note(stop_timeout_s=timeout_s)
        if not self._life.runs:  # the stop call returns at once; nobody is there for a signal
            self.process_gone()
            return []
        self.due = Seconds(now + (timeout_s if self._emptied_after_s is None else self._emptied_after_s))
        if self._life.signalled:  # a second stop call waits the new time, but does not signal again (T53)
            return []
        self._life.signalled = True
        self._note(stop_signal=self._life.signal, stop_signal_s=now)
        return [SendSignal(self._life.name, self._life.signal, timeout_s)]

    def _advance(self, trigger: Trigger) -> None:
        self.step = TRANSITIONS[self.step][trigger]

    def _note(self, **known: object) -> None:
        self._life.ending = replace(self._life.ending, **known)  # type: ignore[arg-type]
