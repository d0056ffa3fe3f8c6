"""Playing one recorded pod against a flow: the hands and the world of a replay, on a virtual clock.

Requests come at their recorded times. What a container does in answer (its hook ends, its process exits) comes as long
after the flow's own command as it came after the real one. An exit by SIGKILL comes only if the flow orders it.
"""

import heapq
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count

from lameduck.ending.commands import (
    Command,
    ContainerEnding,
    KillProcess,
    MarkTerminating,
    RemovePod,
    ReportEnd,
    RestartContainer,
    RunHook,
    SendSignal,
    Warn,
)
from lameduck.ending.conformance.evidence import PodPlan
from lameduck.ending.conformance.reactions import After, ExitPlan
from lameduck.ending.flow import Flow
from lameduck.ending.happenings import (
    ContainerStarted,
    Happening,
    HookEnded,
    HookFailure,
    KubeletStopped,
    ProcessExited,
    TimePassed,
)
from lameduck.ending.versions import KubernetesVersion
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, HttpGet

__all__ = ["LATE_KILL_S", "Enacted", "enact", "flow_of"]

LATE_KILL_S = 0.1
"""A SIGKILL comes up to this much after its time, and a process may end by itself in between (measured: 80 ms)."""
_KILL_S = 0.012
_CUT_S = 0.06
_START_S = 0.1
_STEPS = 100_000


@dataclass(slots=True)
class Enacted:
    """What the flow was told, what it ordered, and what it found out: the endings of each life of a container."""

    fed: list[tuple[float, Happening]] = field(default_factory=list)
    commands: list[tuple[float, Command]] = field(default_factory=list)
    lives: dict[str, list[ContainerEnding]] = field(default_factory=dict)
    gone: bool = False

    def times_of(self, kind: type[Command]) -> list[float]:
        """When such commands were given."""
        return [t for t, command in self.commands if isinstance(command, kind)]

    @property
    def marks(self) -> list[int]:
        """The graces that the API was to show, in order."""
        return [command.grace_s for _, command in self.commands if isinstance(command, MarkTerminating)]

    @property
    def phase(self) -> str | None:
        """The terminal phase that was reported."""
        return next((command.phase for _, command in self.commands if isinstance(command, ReportEnd)), None)

    @property
    def removed_s(self) -> float | None:
        """When the object went."""
        return next(iter(self.times_of(RemovePod)), None)


def flow_of(plan: PodPlan, *, version: KubernetesVersion, gates: frozenset[str]) -> Flow:
    """The flow of a recorded pod as it was when the recording began. Raises FlowError."""
    return Flow(
        plan.spec,
        image_stop_signals=plan.image_stop_signals,
        version=version,
        gates=gates,
        finalizers=plan.finalizers,
        running=plan.running,
        exited=plan.exited,
        scheduled=plan.scheduled,
        static=plan.static,
    )


def enact(plan: PodPlan, *, version: KubernetesVersion, gates: frozenset[str], exits_heard_s: float = 0.0) -> Enacted:
    """Play the plan to its end. Raises FlowError if the flow takes something that happened for impossible.

    `exits_heard_s`: how much later than the exit the kubelet hears of it: when the runtime's stop call returns.
    """
    return _World(deepcopy(plan), version, gates, exits_heard_s).play()


class _World:
    def __init__(self, plan: PodPlan, version: KubernetesVersion, gates: frozenset[str], exits_heard_s: float) -> None:
        self._plan = plan
        self._exits_heard_s = exits_heard_s
        self._flow = flow_of(plan, version=version, gates=gates)
        self._queue: list[tuple[float, int, Happening]] = []
        self._order = count()
        self._enacted = Enacted()
        self._alive: dict[str, ExitPlan | None] = {}
        self._exit_due: dict[str, float] = {}
        self._exited_at: dict[str, float] = {}
        self._hooks: dict[str, float] = {}  # running hooks and when they end; inf: with the container

    def play(self) -> Enacted:
        for t, happening in self._plan.happenings:
            self._at(t, happening)
        for name in self._plan.running:
            self._live(name)
        for _ in range(_STEPS):
            due = self._flow.wake_at
            if self._queue and (due is None or self._queue[0][0] <= due):
                t, _, happening = heapq.heappop(self._queue)
                self._feed(t, happening)
            elif due is not None:
                self._feed(due, TimePassed())
            else:
                break
        self._enacted.gone = self._flow.gone
        for ending in (*self._flow.restarted, *self._flow.endings):
            self._enacted.lives.setdefault(ending.name, []).append(ending)
        return self._enacted

    def _at(self, t: float, happening: Happening) -> None:
        heapq.heappush(self._queue, (t, next(self._order), happening))

    def _live(self, name: str) -> None:
        exits = self._plan.exits.get(name)
        plan = exits.popleft() if exits else None
        self._alive[name] = plan
        self._exit_due.pop(name, None)
        if plan is not None and plan.after is After.START:
            self._exit_in(name, plan.delay_s, plan)

    def _exit_in(self, name: str, t: float, plan: ExitPlan) -> None:
        """Let the process exit at t, unless it exits before."""
        if self._exit_due.get(name, float("inf")) > t + self._exits_heard_s:
            t = self._exit_due[name] = t + self._exits_heard_s
            self._at(t, ProcessExited(name, plan.code, oom=plan.oom))

    def _feed(self, t: float, happening: Happening) -> None:
        match happening:
            case ProcessExited(container=name):
                if name not in self._alive or self._exit_due.get(name) != t:
                    return
                del self._alive[name]
                self._exited_at[name] = t
                if self._hooks.get(name) == float("inf"):
                    self._end_hook(name, t)
            case HookEnded(container=name):
                if self._hooks.pop(name, None) != t:
                    return
            case ContainerStarted(container=name):
                self._live(name)
            case KubeletStopped():
                for name in list(self._hooks):
                    self._hooks[name] = t + _CUT_S
                    self._at(t + _CUT_S, HookEnded(name, HookFailure.KILLED))
        self._enacted.fed.append((t, happening))
        for command in self._flow.receive(happening, Seconds(t)):
            self._enacted.commands.append((t, command))
            self._do(t, command)

    def _end_hook(self, name: str, t: float) -> None:
        """A hook that lasts as long as its container, and how it ended then."""
        plans = self._plan.hooks.get(name)
        failure = plans.popleft().failure if plans else HookFailure.KILLED
        self._hooks[name] = t
        self._at(t, HookEnded(name, failure))

    def _do(self, t: float, command: Command) -> None:
        match command:
            case RunHook(container=name, handler=Exec() | HttpGet()):
                plans = self._plan.hooks.get(name)
                if not plans or plans[0].seconds is None:
                    self._hooks[name] = float("inf")
                    return
                seconds = plans[0].seconds
                stopped = any(
                    isinstance(each, KubeletStopped) and t <= at < t + seconds for at, each in self._plan.happenings
                )
                if not stopped:  # else it is cut, and the plan is for the next attempt
                    self._hooks[name] = t + seconds
                    self._at(t + seconds, HookEnded(name, plans.popleft().failure))
                else:
                    self._hooks[name] = float("inf")
            case Warn(reason="Killing", container=str(name)):
                self._react(name, t, After.KILL_BEGAN)
            case SendSignal(container=name):
                self._react(name, t, After.SIGNAL)
            case KillProcess(container=name):
                self._sigkill(name, t)
            case RestartContainer(container=name):
                delays = self._plan.starts.get(name)
                delay = delays.popleft() if delays else _START_S
                self._at(max(t, self._exited_at.get(name, t) + delay), ContainerStarted(name))
            case _:
                pass

    def _react(self, name: str, t: float, after: After) -> None:
        plan = self._alive.get(name)
        if plan is not None and plan.after is after:
            self._exit_in(name, t + plan.delay_s, plan)

    def _sigkill(self, name: str, t: float) -> None:
        if name not in self._alive:
            return
        plan = self._alive[name]
        delay = plan.delay_s if plan is not None and plan.after is After.SIGKILL else _KILL_S
        if (
            plan is not None
            and plan.after is After.SIGNAL
            and self._exit_due.get(name, float("inf")) <= t + LATE_KILL_S
        ):
            return  # it is just ending by itself, and SIGKILL is never on the dot
        self._exit_in(name, t + delay, ExitPlan(After.SIGKILL, delay, 137))
