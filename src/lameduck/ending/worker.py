"""The kubelet's worker of one pod: it starts, restarts, kills and ends containers, one thing at a time (T11).

While a postStart runs, or one container is being killed and started again, a termination that is due has to wait
(`Lives.keep_busy`). Once the ending began nothing takes it back or hurries it (T10). A kubelet that stops forgets all
but what the API and the runtime hold; the next one begins the termination anew (T13).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from lameduck.ending import grace
from lameduck.ending.api_object import ApiObject
from lameduck.ending.cause import Cause
from lameduck.ending.commands import Command, ReportEnd, RestartContainer, Warn
from lameduck.ending.container_kill import ContainerKill, Life, Process, Step
from lameduck.ending.happenings import (
    ContainerStarted,
    HookEnded,
    KubeletKilled,
    KubeletStarted,
    PostStartBegan,
    PostStartEnded,
    ProbeFailed,
    ProbeKind,
    ProcessExited,
)
from lameduck.ending.latencies import Latencies
from lameduck.ending.lives import Lives
from lameduck.ending.outcomes import backoff_s, final_phase, reason_for, unknown_statuses
from lameduck.ending.stages import STAGES, FlowError, Stage, Turn
from lameduck.pod.containers import Role
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Sleep

__all__ = ["Timer", "Worker"]

Timer: TypeAlias = tuple[Seconds, Callable[[Seconds], list[Command]]]
"""When something is due, and what is to be done then."""


class Worker:
    """Everything of the flow that happens on the node. Methods return what is to be done now."""

    def __init__(self, lives: Lives, api: ApiObject, spec_s: int, latencies: Latencies, *, static: bool) -> None:
        self._lives = lives
        self._api = api
        self._spec_s = spec_s
        self._latencies = latencies
        self._static = static
        self.stage = Stage.SERVING
        self._cause = Cause(spec_s)
        self._initialized = True
        self._failed_probes: list[ProbeFailed] = []
        self._kubelet_is_up = True
        self._ready_at: Seconds | None = None  # a kubelet that was started takes up its work
        self._resync_at: Seconds | None = None
        self._overdue_at: Seconds | None = None
        self._report_at: Seconds | None = None
        self._remove_at: Seconds | None = None

    # What it hears.

    def marked(self, now: Seconds) -> None:
        """The object was marked by a delete, or a mark was shortened; a termination that has begun goes on (T10)."""
        self._cause.wanted = self._cause.wanted or not self._api.at_once
        if self.stage is Stage.ENDED and self._remove_at is None:  # the kubelet had ended the pod by itself
            self._remove_at = Seconds(now + self._latencies.removal_s)

    def object_gone(self) -> None:
        """The object is removed; where nothing is left to be stopped, that is the end."""
        self._report_at = self._remove_at = None
        if self.stage is Stage.ENDED or self._api.at_once:
            self._move(Turn.OBJECT_GONE)

    def kubelet_killed(self, kill: KubeletKilled) -> None:
        """The kubelet decided to end the pod (T83)."""
        if not self._kubelet_is_up:
            raise FlowError(f"{kill}: the kubelet is not running.")
        if self.stage is not Stage.SERVING or self._api.phase is not None:  # it ends already (T10)
            return
        self._cause.decided(kill)

    def container_started(self, started: ContainerStarted, now: Seconds) -> list[Command]:
        """Of one that comes late, because its start was under way when the ending began, only the end is left (T11)."""
        life = self._lives.named(started.container)
        if (life.runs and not life.presumed) or self.stage is Stage.GONE or self._api.phase is not None:
            raise self._impossible(started, life)
        if life.kill is not None and life.runs:
            return []
        serving = self.stage is Stage.SERVING
        self._lives.started(life, has_post_start=serving and life.container.post_start is not None)
        if serving:
            return []
        self._move(Turn.STARTED)
        self._report_at = self._remove_at = None
        return self._begin_kill(life, now)

    def post_start_began(self, began: PostStartBegan) -> None:
        """Until it ends the worker is busy with it (T39)."""
        life = self._lives.named(began.container)
        if not life.runs:
            raise self._impossible(began, life)
        life.in_post_start = life.kill is None

    def post_start_ended(self, ended: PostStartEnded, now: Seconds) -> list[Command]:
        """The sync goes on to start the containers after it; one whose postStart failed is killed first (T39)."""
        life = self._lives.named(ended.container)
        if life.process is Process.NEVER_STARTED:
            raise self._impossible(ended, life)
        if not life.in_post_start:  # cut with the kubelet, or with its container
            return []
        life.in_post_start = False
        for other in self._lives.after(life):
            other.awaited = other.container.role is Role.REGULAR and other.process is Process.NEVER_STARTED
        if ended.ok:
            return []
        return [Warn("FailedPostStartHook", life.name), *self._kill_alone(life, self._api.stored_s, now)]

    def probe_failed(self, failed: ProbeFailed) -> None:
        """Remembered until the worker is free; a termination that is due goes before it (T69, T70, T73)."""
        self._lives.named(failed.container)
        if failed.probe is ProbeKind.READINESS:
            raise FlowError(f"{failed}: a failed readiness probe kills nothing.")
        if self._kubelet_is_up:
            self._failed_probes.append(failed)

    def hook_ended(self, ended: HookEnded, now: Seconds) -> list[Command]:
        """The hook that is waited for, or one that was given up: then only its failure is news (T19)."""
        life = self._lives.named(ended.container)
        if life.kill is not None and life.kill.step is Step.HOOK:
            return life.kill.hook_ended(now, ended.failure, turn_came=self._turn_came(life))
        if life.ending.hook_start_s is None and not any(old.name == life.name for old in self._lives.restarted):
            raise self._impossible(ended, life)
        given_up = life.ending.hook_outcome == "outlasted" and not isinstance(life.hook, Sleep)
        over = self.stage is Stage.GONE
        return [Warn("FailedPreStopHook", life.name)] if ended.failure and given_up and not over else []

    def process_exited(self, exited: ProcessExited, now: Seconds) -> None:
        """An exit of its own choice, or by a signal: the kernel tells no more than the code (T58)."""
        life = self._lives.named(exited.container)
        if life.process is Process.NEVER_STARTED:
            raise self._impossible(exited, life)
        if not life.runs:
            return
        life.process = Process.EXITED
        life.in_post_start = False
        life.ending = replace(
            life.ending,
            exit_s=now,
            exit_code=exited.exit_code,
            reason=reason_for(exited.exit_code, oom=exited.oom),
            killed=life.ending.kill_s is not None and exited.exit_code == 137 and not exited.oom,
        )
        if life.kill is not None:
            life.kill.process_gone()
        elif self._kubelet_is_up:
            self._resync_at = Seconds(now + self._latencies.relist_s)

    def kubelet_stopped(self) -> None:
        """Hooks are cut, stop calls broken off; containers run on (T13)."""
        self._kubelet_is_up = False
        self._ready_at = self._resync_at = self._report_at = self._remove_at = self._overdue_at = None
        self._failed_probes.clear()
        for life in self._lives:
            if life.kill is not None:
                life.kill.kubelet_lost()
                life.restarting = False  # the sync that would have started it again is lost, too
            life.kill = None
            life.in_post_start = life.awaited = False
        if self.stage in (Stage.ENDING, Stage.ENDED) and self._api.phase is None:
            self._move(Turn.KUBELET_LOST)
        if self._cause.is_own_kill and any(life.runs for life in self._lives):
            self._cause.forget_own_kill(marked=self._api.stored_s is not None)

    def kubelet_started(self, started: KubeletStarted, now: Seconds) -> None:
        """It takes the pod up again, or finds an orphan: a pod whose object is gone (T13)."""
        if self._kubelet_is_up:
            raise FlowError(f"{started}: the kubelet is running already.")
        self._kubelet_is_up = True
        if self.stage is Stage.GONE:
            return
        self._ready_at = Seconds(now + self._latencies.kubelet_start_s)
        if (started.orphan or not self._api.is_there) and not self._static:
            self._api.is_there = False
            self._cause.orphaned()
            self._ready_at = Seconds(now + self._latencies.orphan_start_s)

    # What it does when it is free to.

    def settle(self, now: Seconds) -> list[Command]:
        """Let everything that is free to go on go on, until nothing is."""
        commands: list[Command] = []
        while (step := self._step(now)) is not None:
            commands += step
        return commands

    def _step(self, now: Seconds) -> list[Command] | None:
        if self.stage is Stage.ENDING:
            for life in self._lives:
                if life.kill is not None and life.kill.step is Step.TURN and self._turn_came(life):
                    return life.kill.turn(now)
            return self._all_down(now) if self._lives.are_down else None
        if self.stage is not Stage.SERVING or not self._kubelet_is_up or self._ready_at is not None:
            return None
        for life in self._lives:
            if life.kill is not None and life.kill.step is Step.DONE:
                return self._killed_alone(life, now)
        if self._lives.keep_busy:
            return None
        if self._cause.wanted and self._api.phase is None:
            return self._begin(now)
        return self._take_failed_probe(now)

    def _begin(self, now: Seconds) -> list[Command]:
        """From here on only the clock and the processes decide."""
        self._move(Turn.BEGIN)
        self._resync_at = None
        self._initialized = all(
            not life.runs and life.ending.exit_code in (0, None) for life in self._lives.of(Role.INIT)
        )
        commands: list[Command] = [*self._lives.stop_probing_first()]
        running = [life for life in self._lives if life.runs]
        for life in running:  # all at once: what is being killed counts in the others' turns (T44)
            life.kill = self._kill_for(life)
        if self._cause.is_own_kill:
            self._overdue_at = Seconds(now + grace.overdue_after(self._cause.grace_s(self._api.stored_s)))
        for life in self._lives:
            life.restart_at = None
        for life in running:
            commands += self._begin_kill(life, now)
        return commands

    def _begin_kill(self, life: Life, now: Seconds) -> list[Command]:
        if life.kill is None or not life.runs:
            life.kill = self._kill_for(life)
        return life.kill.begin(now, with_hook=not self._cause.is_orphan, turn_came=self._turn_came(life))

    def _all_down(self, now: Seconds) -> list[Command]:
        self._move(Turn.ALL_DOWN)
        self._overdue_at = None
        commands: list[Command] = [*self._lives.stop_probing_last()]
        if not self._api.is_there:
            self._move(Turn.OBJECT_GONE)
            return commands
        if not self._static:  # a static pod has no terminal phase (T62)
            self._report_at = Seconds(now + self._latencies.report_s)
        if self._api.stored_s is not None or self._static:
            self._remove_at = Seconds(now + self._latencies.removal_s)
        return commands

    def _take_failed_probe(self, now: Seconds) -> list[Command] | None:
        """A container whose liveness or startup probe failed is killed alone, with that probe's grace (T73, T74)."""
        while self._failed_probes:
            failed = self._failed_probes.pop(0)
            life = self._lives.named(failed.container)
            probe = life.container.liveness if failed.probe is ProbeKind.LIVENESS else life.container.startup
            if life.runs:
                life.restarting = True
                return self._kill_alone(life, probe.termination_grace_period_s if probe is not None else None, now)
        return None

    def _kill_alone(self, life: Life, grace_s: int | None, now: Seconds) -> list[Command]:
        life.kill = ContainerKill(life, grace.kill_grace(self._spec_s, grace_s))
        return life.kill.begin(now, with_hook=True, turn_came=True)  # no order outside the pod's end (T45)

    def _killed_alone(self, life: Life, now: Seconds) -> list[Command]:
        """After a failed probe the same sync starts it again, before it can take up a termination (T74, T75)."""
        life.kill = None
        if life.restarting and self._lives.restarts(life):
            life.restarts += 1
            return [RestartContainer(life.name)]
        life.restarting = False
        self._resync_at = Seconds(now + self._latencies.relist_s)
        return []

    # What is due.

    def timers(self) -> Iterator[Timer]:
        """All that is due some time, in no order."""
        for life in self._lives:
            if life.kill is not None and life.kill.due is not None:
                yield life.kill.due, self._kill_due(life, life.kill)
            if life.restart_at is not None:
                yield life.restart_at, self._restart(life)
        known = (
            (self._ready_at, self._ready),
            (self._resync_at, self._resync),
            (self._overdue_at, self._overdue),
            (self._report_at, self._report),
            (self._remove_at, self._remove),
        )
        yield from ((due, act) for due, act in known if due is not None)

    def _kill_due(self, life: Life, kill: ContainerKill) -> Callable[[Seconds], list[Command]]:
        return lambda now: kill.time_passed(now, turn_came=self._turn_came(life))

    def _restart(self, life: Life) -> Callable[[Seconds], list[Command]]:
        def restart(_now: Seconds) -> list[Command]:
            life.restart_at = None
            life.restarts += 1
            life.restarting = True
            return [RestartContainer(life.name)]

        return restart

    def _ready(self, now: Seconds) -> list[Command]:
        self._ready_at = None
        self._resync_at = now
        if self._api.stored_s is not None and self.stage is Stage.ENDED:
            self._remove_at = now
        return []

    def _resync(self, now: Seconds) -> list[Command]:
        """Containers that exited by themselves: start them again, or end the pod (T49)."""
        self._resync_at = None
        if self._cause.wanted or self.stage is not Stage.SERVING or self._api.phase is not None:
            return []
        if self._lives.are_over:
            self._cause.wanted = True
            return []
        for life in self._lives:
            if life.process is Process.EXITED and not life.restarting and self._lives.restarts(life):
                life.restart_at = Seconds(now + backoff_s(life.restarts))
        return []

    def _overdue(self, _now: Seconds) -> list[Command]:
        self._overdue_at = None
        return [Warn("ExceededGracePeriod")]

    def _report(self, now: Seconds) -> list[Command]:
        self._report_at = None
        self._api.phase = final_phase(self._lives.of(Role.REGULAR), self._cause.kubelet)
        unknown_statuses(self._lives, now, self._cause.kubelet, initialized=self._initialized)
        return [ReportEnd(self._api.phase, tuple(life.ending for life in self._lives))]

    def _remove(self, _now: Seconds) -> list[Command]:
        self._remove_at = None
        return self._api.delete_finally()

    # Small questions.

    def _kill_for(self, life: Life) -> ContainerKill:
        if not self._cause.is_orphan:
            return ContainerKill(life, self._cause.grace_s(self._api.stored_s))
        emptied = self._latencies.orphan_kill_s if not self._api.is_there else None  # not if only refused again (T13)
        return ContainerKill(life, 1, emptied_after_s=emptied)

    def _turn_came(self, life: Life) -> bool:
        """Order is kept by sidecars only, in the end of the whole pod (T41, T45), and not for an orphan (T13)."""
        is_ordered = life.container.role is Role.SIDECAR and self.stage is Stage.ENDING and not self._cause.is_orphan
        return not is_ordered or self._lives.turn_came(life)

    def _impossible(self, happening: object, life: Life) -> FlowError:
        return FlowError(f"{happening}: cannot be; container {life.name} is {life.state}, the pod {self.stage.value}.")

    def _move(self, turn: Turn) -> None:
        self.stage = STAGES[self.stage][turn]
