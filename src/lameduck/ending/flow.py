"""How a pod ends: the kubelet's and the API's rules as a machine without I/O (sans-IO).

The theory
----------
Three machines make an ending, and they meet in one place only, `Flow._settle`.

*The object* in the API is there, is marked (deletionTimestamp), and is gone (T1, T14). Marking starts nothing by
itself: endpoints change and the node begins from the same write, unordered (T76). A force delete takes the object away
at once, while the processes live on (T6, T9). So "the object is gone" and "the containers are down" are two facts, and
`Flow.gone` says both.

*The pod* on its node is in one of the stages of STAGES below. One worker does one thing at a time for it (T11): while a
postStart runs, or one container is being killed and started again, a deletion has to wait. `Flow._busy` is that worker.
Once the ending began nothing can take it back or hurry it (T10), and nothing is started again (T48).

*Each container* is killed by a machine of its own (`container_kill.TRANSITIONS`), all side by side (T40). They look at
each other in one respect: a sidecar waits with its stop signal until the regular containers and the sidecars after it
have stopped (T41).

Time comes in with each call. The grace is counted from the moment at which the kubelet begins a kill, never from
deletionTimestamp (T7); so a caller that is late with a call makes the ending longer, as a busy node does. What was due
before a happening is done before it; what falls due at the same moment, after it.

The flow times by itself what needs no hands: a preStop `sleep` (T36) and a `tcpSocket` hook, which always fails (T28).
Both are announced with RunHook like every hook, and a HookEnded for them is not needed and not minded.

What reality can deliver late is harmless: the end of a hook that was given up or cut, a second exit, the clock after
the end, a delete of what is gone. What cannot be is a FlowError.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from enum import Enum
from typing import assert_never

from lameduck.ending import grace
from lameduck.ending.commands import (
    Command,
    ContainerEnding,
    MarkTerminating,
    RemovePod,
    ReportEnd,
    RestartContainer,
    StopProbing,
    Warn,
)
from lameduck.ending.container_kill import ContainerKill, Life, Process, Step
from lameduck.ending.happenings import (
    ContainerStarted,
    DeletionRequested,
    FinalizersRemoved,
    Happening,
    HookEnded,
    KubeletKill,
    KubeletKilled,
    KubeletStarted,
    KubeletStopped,
    PostStartBegan,
    PostStartEnded,
    ProbeFailed,
    ProbeKind,
    ProcessExited,
    TimePassed,
)
from lameduck.ending.latencies import Latencies
from lameduck.ending.outcomes import backoff_s, final_phase, reason_for, restarts, unknown_statuses
from lameduck.ending.stop_signals import stop_signal
from lameduck.ending.versions import SIDECAR_CONTAINERS, SLEEP_ACTION, V1_36, KubernetesVersion, gates_on
from lameduck.pod.containers import Container, Role
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Sleep
from lameduck.pod.workloads import PodSpec

__all__ = ["STAGES", "Flow", "FlowError", "Stage"]


class FlowError(Exception):
    """A happening that cannot be: named with its container and that container's state."""


class Stage(Enum):
    """How far the pod has come on its node."""

    SERVING = "serving"
    ENDING = "ending"  # its containers are being stopped
    ENDED = "ended"  # all are down; the API learns it
    GONE = "gone"  # and the object is removed


class Turn(Enum):
    """What moves the pod on."""

    BEGIN = "the worker takes up the termination"
    ALL_DOWN = "all containers have stopped"
    STARTED = "a container that was being started is there"
    KUBELET_LOST = "the kubelet stopped"
    OBJECT_GONE = "the object is removed"


STAGES: Mapping[Stage, Mapping[Turn, Stage]] = {
    Stage.SERVING: {
        Turn.BEGIN: Stage.ENDING,
        Turn.OBJECT_GONE: Stage.GONE,  # no node yet (T3)
    },
    Stage.ENDING: {
        Turn.ALL_DOWN: Stage.ENDED,  # T40
        Turn.STARTED: Stage.ENDING,  # killed at once (T11)
        Turn.KUBELET_LOST: Stage.SERVING,  # all over again (T13)
    },
    Stage.ENDED: {
        Turn.STARTED: Stage.ENDING,
        Turn.KUBELET_LOST: Stage.SERVING,
        Turn.OBJECT_GONE: Stage.GONE,  # T14
    },
    Stage.GONE: {},
}

_UNASKED = (KubeletKill.EVICTION, KubeletKill.NODE_SHUTDOWN, KubeletKill.PREEMPTION)
"""Kills that live in the kubelet's memory only, and that it reports when they take too long (T68)."""


class Flow:
    """The termination of one pod. Feed `receive` with what happens; do what it answers; wake it at `wake_at`."""

    def __init__(
        self,
        pod: PodSpec,
        *,
        image_stop_signals: Mapping[str, str] | None = None,
        version: KubernetesVersion = V1_36,
        gates: frozenset[str] = frozenset(),
        finalizers: bool = False,
        running: Collection[str] | None = None,
        exited: Mapping[str, int] | None = None,
        scheduled: bool = True,
        static: bool = False,
        latencies: Latencies | None = None,
    ) -> None:
        """A pod in its normal life.

        `image_stop_signals`: container name to its image's STOPSIGNAL. `gates`: feature gates switched on beyond the
        version's defaults. `finalizers`: whether the object has any (T14). `running`: the containers whose process runs
        now; None: all regular ones and sidecars, presumably, and a ContainerStarted may still be told for each.
        `exited`: the exit codes of containers that ended before. `scheduled` False: no node yet (T3). `static`: a static pod, whose mirror's deletion stops nothing
        (T111). Raises FlowError for containers that the pod does not have, a signal that does not exist, or a handler that
        the version does not know.
        """
        self._pod = pod
        self._gates = gates_on(version, gates)
        self._latencies = latencies or Latencies()
        self._spec_grace_s = grace.accepted(None, pod.termination_grace_period_s)
        self._finalizers = finalizers
        self._scheduled = scheduled
        self._static = static

        self._now: Seconds | None = None
        self._stage = Stage.SERVING
        self._kubelet_is_up = True
        self._ready_at: Seconds | None = None  # a kubelet that was started takes up its work
        self._object_is_there = True
        self._stored_s: int | None = None  # deletionGracePeriodSeconds
        self._requested_at = Seconds(0.0)
        self._phase: str | None = None  # terminal, as the API knows it
        self._why: KubeletKill | None = None  # a kubelet's own reason
        self._override_s: int | None = None
        self._wanted = False  # the termination is due, begun or not
        self._initialized = True
        self._failed_probes: list[ProbeFailed] = []
        self._restarted: list[ContainerEnding] = []
        self._resync_at: Seconds | None = None
        self._report_at: Seconds | None = None
        self._remove_at: Seconds | None = None
        self._overdue_at: Seconds | None = None

        codes = dict(exited or {})
        up = self._running_at_first(pod, codes) if running is None else set(running)
        for name in {*codes, *up} - {container.name for container in pod.containers}:
            raise FlowError(f"The pod has no container {name}.")
        self._lives = {
            container.name: self._first_life(
                container, (image_stop_signals or {}).get(container.name), up, codes, running is None
            )
            for container in pod.containers
        }
        if codes and all(life.process is Process.EXITED for life in self._of(Role.REGULAR)) and self._is_over:
            self._phase = final_phase(self._of(Role.REGULAR), None)

    # ------------------------------------------------------------------ what a caller sees

    @property
    def wake_at(self) -> Seconds | None:
        """When something is due, on the caller's clock. None: nothing is, until something happens."""
        return min((due for due, _ in self._timers()), default=None)

    @property
    def endings(self) -> tuple[ContainerEnding, ...]:
        """What is known of each container's end so far, in the order of the spec; of its present life, if restarted."""
        return tuple(life.ending for life in self._lives.values())

    @property
    def restarted(self) -> tuple[ContainerEnding, ...]:
        """The endings of containers that were started again afterwards, in the order of these starts (T74)."""
        return tuple(self._restarted)

    @property
    def stage(self) -> Stage:
        """How far the pod has come."""
        return self._stage

    @property
    def gone(self) -> bool:
        """The object is removed and all containers are down: nothing can happen any more."""
        return self._stage is Stage.GONE

    def receive(self, happening: Happening, now: Seconds) -> tuple[Command, ...]:
        """Take what happened at `now` and answer what is to be done, in this order.

        Raises FlowError for a happening that cannot be, and for a `now` before the last one.
        """
        if self._now is not None and now < self._now:
            raise FlowError(f"{happening} at {now}: the clock went back from {self._now}.")
        out: list[Command] = []
        self._run_timers(now, out, also_now=False)
        self._now = now
        self._take(happening, now, out)
        self._settle(now, out)
        self._run_timers(now, out, also_now=True)
        return tuple(out)

    # ------------------------------------------------------------------ happenings

    def _take(self, happening: Happening, now: Seconds, out: list[Command]) -> None:
        match happening:
            case TimePassed():
                pass
            case DeletionRequested():
                self._deletion_requested(happening, now, out)
            case KubeletKilled():
                self._kubelet_killed(happening)
            case ContainerStarted(container=name):
                self._container_started(happening, self._life(happening, name), now, out)
            case PostStartBegan(container=name):
                life = self._life(happening, name)
                if not life.runs:
                    raise self._impossible(happening, life)
                life.in_post_start = life.kill is None
            case PostStartEnded(container=name):
                self._post_start_ended(happening, self._life(happening, name), now, out)
            case ProbeFailed(container=name):
                self._life(happening, name)
                if happening.probe is ProbeKind.READINESS:
                    raise FlowError(f"{happening}: a failed readiness probe kills nothing.")
                if self._kubelet_is_up and self._stage is Stage.SERVING and not self._wanted:  # else too late: T69, T70
                    self._failed_probes.append(happening)
            case HookEnded(container=name):
                self._hook_ended(happening, self._life(happening, name), now, out)
            case ProcessExited(container=name):
                self._process_exited(happening, self._life(happening, name), now)
            case KubeletStopped():
                self._kubelet_stopped()
            case KubeletStarted():
                self._kubelet_started(happening, now)
            case FinalizersRemoved():
                self._finalizers = False
                self._remove_if_free(out)
            case _:
                assert_never(happening)

    def _deletion_requested(self, asked: DeletionRequested, now: Seconds, out: list[Command]) -> None:
        if not self._object_is_there or self._static:  # 404; a mirror's deletion stops nothing (T111)
            return
        if self._stored_s is None:
            at_once = not self._scheduled or self._phase is not None
            self._stored_s = grace.accepted(asked.grace_s, self._pod.termination_grace_period_s, at_once=at_once)
            self._requested_at = now
            out.append(MarkTerminating(self._stored_s))
            self._wanted = self._wanted or (self._scheduled and self._phase is None)
            if self._stage is Stage.ENDED:  # the kubelet had ended the pod by itself
                self._remove_at = Seconds(now + self._latencies.removal_s)
        else:
            shorter_s = grace.shortened(self._stored_s, asked.grace_s, Seconds(now - self._requested_at))
            if shorter_s is None:
                return
            self._stored_s = shorter_s
            out.append(MarkTerminating(shorter_s, first=False))  # and nothing else: T10
        if self._stored_s == 0:
            self._remove_if_free(out)  # T6

    def _kubelet_killed(self, kill: KubeletKilled) -> None:
        if not self._kubelet_is_up:
            raise FlowError(f"{kill}: the kubelet is not running.")
        if self._stage is not Stage.SERVING or self._phase is not None:  # it ends already; that stays (T10)
            return
        self._wanted = True
        self._why = self._why or kill.reason
        asked_s = 1 if kill.reason is KubeletKill.ORPHAN else kill.grace_s  # T13
        known = [value for value in (self._override_s, asked_s) if value is not None]
        if kill.reason in _UNASKED and known:
            known.append(self._spec_grace_s)  # T103, T105
        self._override_s = min(known, default=None)

    def _container_started(self, happening: Happening, life: Life, now: Seconds, out: list[Command]) -> None:
        known = life.runs and not life.presumed
        if known or self._stage is Stage.GONE or self._phase is not None:
            raise self._impossible(happening, life)
        if life.presumed and life.kill is not None:
            return
        if life.process is Process.EXITED:
            self._restarted.append(life.ending)
        life.process = Process.RUNNING
        life.ending = ContainerEnding(life.name)
        life.presumed = life.signalled = life.awaited = life.restarting = False
        life.restart_at = None
        life.in_post_start = life.container.post_start is not None and self._stage is Stage.SERVING
        if self._stage in (Stage.ENDING, Stage.ENDED):  # it was being started; killed at once (T11)
            self._move(Turn.STARTED)
            self._report_at = self._remove_at = None
            life.kill = self._kill_for(life)
            out.extend(life.kill.begin(now, with_hook=not self._is_orphan, turn_came=self._turn_came(life)))

    def _post_start_ended(self, ended: PostStartEnded, life: Life, now: Seconds, out: list[Command]) -> None:
        if not life.in_post_start:  # cut with the kubelet, or with its container
            if life.process is Process.NEVER_STARTED:
                raise self._impossible(ended, life)
            return
        life.in_post_start = False
        later = list(self._lives).index(life.name)
        for other in list(self._lives.values())[later + 1 :]:  # this sync goes on to start them (T11)
            other.awaited = other.container.role is Role.REGULAR and other.process is Process.NEVER_STARTED
        if not ended.ok:
            out.append(Warn("FailedPostStartHook", life.name))
            self._kill_alone(life, self._stored_s or self._spec_grace_s, now, out)  # T39

    def _hook_ended(self, ended: HookEnded, life: Life, now: Seconds, out: list[Command]) -> None:
        if life.kill is not None and life.kill.step is Step.HOOK:
            out.extend(life.kill.hook_ended(now, ended.failure, turn_came=self._turn_came(life)))
        elif life.ending.hook_start_s is None and not any(old.name == life.name for old in self._restarted):
            raise self._impossible(ended, life)
        elif ended.failure is not None and life.ending.hook_outcome == "outlasted" and not isinstance(life.hook, Sleep):
            out.append(Warn("FailedPreStopHook", life.name))  # a late one, when its container is down (T19)

    def _process_exited(self, exited: ProcessExited, life: Life, now: Seconds) -> None:
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
        elif self._stage is Stage.SERVING:
            self._resync_at = Seconds(now + self._latencies.relist_s)

    def _kubelet_stopped(self) -> None:
        self._kubelet_is_up = False
        self._ready_at = self._resync_at = self._report_at = self._remove_at = self._overdue_at = None
        self._failed_probes.clear()
        for life in self._lives.values():
            if life.kill is not None:
                life.kill.kubelet_lost()
                life.restarting = False  # its kill is not over: the sync that would have started it is
            life.kill = None
            life.in_post_start = life.awaited = False
        if self._stage in (Stage.ENDING, Stage.ENDED) and self._phase is None:
            self._move(Turn.KUBELET_LOST)
        if self._why in _UNASKED and any(life.runs for life in self._lives.values()):
            self._why = self._override_s = None  # forgotten; a deletion is not, it stands in the API
            self._wanted = self._stored_s is not None

    def _kubelet_started(self, started: KubeletStarted, now: Seconds) -> None:
        if self._kubelet_is_up:
            raise FlowError(f"{started}: the kubelet is running already.")
        self._kubelet_is_up = True
        if started.orphan or not self._object_is_there:
            self._object_is_there = False
            self._wanted = True
            self._why = KubeletKill.ORPHAN
            self._ready_at = Seconds(now + self._latencies.orphan_start_s)
        else:
            self._ready_at = Seconds(now + self._latencies.kubelet_start_s)

    # ------------------------------------------------------------------ the worker

    def _settle(self, now: Seconds, out: list[Command]) -> None:
        """Let everything that is free to go on go on, until nothing is."""
        while self._go_on(now, out):
            pass

    def _go_on(self, now: Seconds, out: list[Command]) -> bool:
        if self._stage is Stage.ENDING:
            for life in reversed(self._lives.values()):
                kill = life.kill
                if kill is not None and kill.step is Step.TURN and self._turn_came(life):
                    out.extend(kill.turn(now))
                    return True
            if all(life.kill is None or life.kill.step is Step.DONE for life in self._lives.values()):
                self._all_down(now, out)
                return True
        if self._stage is not Stage.SERVING or not self._kubelet_is_up or self._ready_at is not None:
            return False
        for life in self._lives.values():
            if life.kill is not None and life.kill.step is Step.DONE:
                self._killed_alone(life, now, out)
                return True
        if self._busy:
            return False
        if self._wanted and self._phase is None:
            self._begin(now, out)
            return True
        return self._take_failed_probe(now, out)

    @property
    def _busy(self) -> bool:
        """The pod's one worker is in the middle of something that it does not leave for a termination (T11)."""
        return any(
            life.in_post_start or life.restarting or life.awaited or life.kill is not None
            for life in self._lives.values()
        )

    def _begin(self, now: Seconds, out: list[Command]) -> None:
        """SyncTerminatingPod: from here on only the clock and the processes decide."""
        self._move(Turn.BEGIN)
        self._resync_at = None
        self._failed_probes.clear()
        plain = self._of(Role.INIT)
        self._initialized = all(not life.runs and life.ending.exit_code in (0, None) for life in plain)
        running = [life for life in self._lives.values() if life.runs]
        for life in running:
            if life.container.role is Role.REGULAR:
                self._stop_probing(life, (ProbeKind.LIVENESS, ProbeKind.STARTUP), out)  # T69, T70
        for life in running:
            life.restart_at = None
            life.kill = self._kill_for(life)
        if self._why in _UNASKED:
            self._overdue_at = Seconds(now + grace.overdue_after(self._grace_s))
        for life in running:
            assert life.kill is not None
            out.extend(life.kill.begin(now, with_hook=not self._is_orphan, turn_came=self._turn_came(life)))

    def _all_down(self, now: Seconds, out: list[Command]) -> None:
        self._move(Turn.ALL_DOWN)
        self._overdue_at = None
        for life in self._lives.values():
            if life.kill is not None:
                kinds = (ProbeKind.READINESS,)
                late = (ProbeKind.LIVENESS, ProbeKind.STARTUP) if life.container.role is not Role.REGULAR else ()
                self._stop_probing(life, kinds + late, out)  # T69, T70
        if not self._object_is_there:
            self._move(Turn.OBJECT_GONE)
            return
        if not self._static:  # a static pod has no terminal phase (T62)
            self._report_at = Seconds(now + self._latencies.report_s)
        if self._stored_s is not None or self._static:
            self._remove_at = Seconds(now + self._latencies.removal_s)

    def _take_failed_probe(self, now: Seconds, out: list[Command]) -> bool:
        """A liveness or startup probe failed for good: that container is killed alone (T45, T74)."""
        while self._failed_probes:
            failed = self._failed_probes.pop(0)
            life = self._lives[failed.container]
            probe = life.container.liveness if failed.probe is ProbeKind.LIVENESS else life.container.startup
            own_s = probe.termination_grace_period_s if probe is not None else None
            if life.runs and self._phase is None:
                self._kill_alone(life, own_s or self._spec_grace_s, now, out)  # T73
                life.restarting = True
                return True
        return False

    def _kill_alone(self, life: Life, grace_s: int, now: Seconds, out: list[Command]) -> None:
        life.kill = ContainerKill(life, max(1, grace_s))
        out.extend(life.kill.begin(now, with_hook=True, turn_came=True))

    def _killed_alone(self, life: Life, now: Seconds, out: list[Command]) -> None:
        """The kill of one container is over. After a failed probe the same sync starts it again (T74, T75)."""
        life.kill = None
        if life.restarting and restarts(life, self._pod.restart_policy):
            life.restarts += 1
            out.append(RestartContainer(life.name))
            return
        life.restarting = False
        self._resync_at = Seconds(now + self._latencies.relist_s)

    def _resync(self, now: Seconds) -> None:
        """The worker looks at containers that exited by themselves: start them again, or end the pod (T49)."""
        self._resync_at = None
        if self._wanted or self._stage is not Stage.SERVING:
            return
        if self._is_over:
            self._wanted = True
            return
        for life in self._lives.values():
            if life.process is Process.EXITED and not life.restarting and restarts(life, self._pod.restart_policy):
                life.restart_at = Seconds(now + backoff_s(life.restarts))

    @property
    def _is_over(self) -> bool:
        """All regular containers have exited, and none is to be started again."""
        return all(
            life.process is Process.EXITED and not restarts(life, self._pod.restart_policy)
            for life in self._of(Role.REGULAR)
        )

    # ------------------------------------------------------------------ the clock

    def _timers(self) -> Iterator[tuple[Seconds, Callable[[Seconds, list[Command]], None]]]:
        for life in self._lives.values():
            if life.kill is not None and life.kill.due is not None:
                yield life.kill.due, lambda now, out, life=life: self._kill_due(life, now, out)  # type: ignore[misc]
            if life.restart_at is not None:
                yield life.restart_at, lambda _now, out, life=life: self._restart(life, out)  # type: ignore[misc]
        if self._ready_at is not None:
            yield self._ready_at, self._ready
        if self._resync_at is not None:
            yield self._resync_at, lambda now, _out: self._resync(now)
        if self._overdue_at is not None:
            yield self._overdue_at, self._overdue
        if self._report_at is not None:
            yield self._report_at, self._report
        if self._remove_at is not None:
            yield self._remove_at, self._remove

    def _run_timers(self, now: Seconds, out: list[Command], *, also_now: bool) -> None:
        while (first := min(self._timers(), key=lambda timer: timer[0], default=None)) is not None:
            due, act = first
            if due > now or (due == now and not also_now):
                return
            act(now, out)
            self._settle(now, out)

    def _kill_due(self, life: Life, now: Seconds, out: list[Command]) -> None:
        assert life.kill is not None
        out.extend(life.kill.time_passed(now, turn_came=self._turn_came(life)))

    def _restart(self, life: Life, out: list[Command]) -> None:
        life.restart_at = None
        life.restarts += 1
        life.restarting = True
        out.append(RestartContainer(life.name))

    def _ready(self, now: Seconds, _out: list[Command]) -> None:
        self._ready_at = None
        if self._phase is not None and self._stored_s is not None and self._stage is Stage.ENDED:
            self._remove_at = now
        self._resync_at = now

    def _overdue(self, _now: Seconds, out: list[Command]) -> None:
        self._overdue_at = None
        out.append(Warn("ExceededGracePeriod"))

    def _report(self, now: Seconds, out: list[Command]) -> None:
        self._report_at = None
        self._phase = final_phase(self._of(Role.REGULAR), self._why)
        unknown_statuses(self._lives.values(), now, self._why, initialized=self._initialized)
        out.append(ReportEnd(self._phase, self.endings))

    def _remove(self, _now: Seconds, out: list[Command]) -> None:
        self._remove_at = None
        self._stored_s = 0  # the kubelet's own last delete (T14)
        self._remove_if_free(out)

    def _remove_if_free(self, out: list[Command]) -> None:
        if self._stored_s == 0 and self._object_is_there and not self._finalizers:
            self._object_is_there = False
            self._remove_at = self._report_at = None
            out.append(RemovePod())
            if self._stage is Stage.ENDED or not self._scheduled or self._phase is not None:
                self._move(Turn.OBJECT_GONE)

    # ------------------------------------------------------------------ small questions

    @property
    def _grace_s(self) -> int:
        return grace.kill_grace(self._spec_grace_s, self._stored_s, self._override_s)

    @property
    def _is_orphan(self) -> bool:
        return self._why is KubeletKill.ORPHAN

    def _kill_for(self, life: Life) -> ContainerKill:
        if not self._is_orphan:
            return ContainerKill(life, self._grace_s)
        cgroup_goes = not self._object_is_there  # T13: not for one that is only not admitted again
        return ContainerKill(life, 1, emptied_after_s=self._latencies.orphan_kill_s if cgroup_goes else None)

    def _turn_came(self, life: Life) -> bool:
        """Whether all that stop before this container have: for a sidecar, the regular ones and later sidecars (T41).

        Only in the end of the whole pod (T45), and not for an orphan (T13). What did not run when the end began does
        not count (T44); plain init and ephemeral containers never do (T41, T47).
        """
        if life.container.role is not Role.SIDECAR or self._stage is not Stage.ENDING or self._is_orphan:
            return True
        names = list(self._lives)
        return all(
            other.kill is None or other.kill.step is Step.DONE
            for other in self._lives.values()
            if other.container.role is Role.REGULAR
            or (other.container.role is Role.SIDECAR and names.index(other.name) > names.index(life.name))
        )

    def _stop_probing(self, life: Life, kinds: tuple[ProbeKind, ...], out: list[Command]) -> None:
        has = {
            ProbeKind.STARTUP: life.container.startup,
            ProbeKind.READINESS: life.container.readiness,
            ProbeKind.LIVENESS: life.container.liveness,
        }
        probes = tuple(kind for kind in kinds if has[kind] is not None)
        if probes:
            out.append(StopProbing(life.name, probes))

    def _of(self, role: Role) -> list[Life]:
        return [life for life in self._lives.values() if life.container.role is role]

    def _life(self, happening: Happening, name: str) -> Life:
        life = self._lives.get(name)
        if life is None:
            raise FlowError(f"{happening}: the pod has no container {name}.")
        return life

    def _impossible(self, happening: Happening, life: Life) -> FlowError:
        return FlowError(f"{happening}: cannot be; container {life.name} is {life.state}, the pod {self._stage.value}.")

    def _move(self, turn: Turn) -> None:
        self._stage = STAGES[self._stage][turn]

    # ------------------------------------------------------------------ the beginning

    @staticmethod
    def _running_at_first(pod: PodSpec, codes: Mapping[str, int]) -> set[str]:
        usual = (Role.REGULAR, Role.SIDECAR)
        return {each.name for each in pod.containers if each.role in usual and each.name not in codes}

    def _first_life(
        self, container: Container, image: str | None, up: set[str], codes: Mapping[str, int], presumed: bool
    ) -> Life:
        hook = container.pre_stop
        if container.role is Role.SIDECAR and SIDECAR_CONTAINERS not in self._gates:  # the field is dropped
            container = replace(container, role=Role.INIT)
        if container.role in (Role.INIT, Role.EPHEMERAL):
            hook = None  # T46, T47
        if isinstance(hook, Sleep) and SLEEP_ACTION not in self._gates:
            raise FlowError(f"Container {container.name}: this version does not accept a sleep handler.")
        try:
            signal = stop_signal(container, image=image, os_name=self._pod.os_name, gates=self._gates)
        except ValueError as error:
            raise FlowError(f"Container {container.name}: {error}.") from error
        code = codes.get(container.name)
        process = Process.RUNNING if container.name in up else Process.NEVER_STARTED if code is None else Process.EXITED
        reason = None if code is None else reason_for(code, oom=False)
        ending = ContainerEnding(container.name, exit_code=code, reason=reason)
        return Life(container, signal, process, ending, hook, presumed=presumed and process is Process.RUNNING)
