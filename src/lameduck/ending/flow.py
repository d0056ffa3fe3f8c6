"""How a pod ends: the kubelet's and the API's rules as a machine without I/O (sans-IO).

The theory
----------
Three machines make an ending.

*The object* in the API (`api_object`) is there, is marked (deletionTimestamp), and is gone (T1, T14). Marking starts
nothing by itself: endpoints change and the node begins from the same write, unordered (T76). A force delete takes the
object away at once, while the processes live on (T6, T9). So "the object is gone" and "the containers are down" are two
facts, and `Flow.gone` says both.

*The pod* on its node is in one of the stages of `stages.STAGES`. One `worker` does one thing at a time for it (T11):
while a postStart runs, or one container is being killed and started again, a deletion has to wait. Once the ending
began nothing can take it back or hurry it (T10), and nothing is started again (T48).

*Each container* is killed by a machine of its own (`container_kill.TRANSITIONS`), all side by side (T40). They look at
each other in one respect: a sidecar waits with its stop signal until the regular containers and the sidecars after it
have stopped (T41). The process is not in that table; why, it says itself.

They meet in one place, `Worker.settle`, which lets go on whatever is free to. A rule that is not in a table stands
there: when the worker is busy, when a turn has come, when all is down.

Time comes in with each call. The grace is counted from the moment at which the kubelet begins a kill, never from
deletionTimestamp (T7); so a caller that is late with a call makes the ending longer, as a busy node does. What was due
before a happening is done before it; what falls due at the same moment, after it.

The flow times by itself what needs no hands: a preStop `sleep` (T36) and a `tcpSocket` hook, which always fails (T28).
Both are announced with RunHook like every hook, and a HookEnded for them is not needed and not minded.

What reality can deliver late is harmless: the end of a hook that was given up or cut, a second exit, the clock after
the end, a delete of what is gone. What cannot be is a FlowError.
"""

from collections.abc import Collection, Mapping
from typing import assert_never

from lameduck.ending import grace
from lameduck.ending.api_object import ApiObject
from lameduck.ending.commands import Command, ContainerEnding
from lameduck.ending.happenings import (
    ContainerStarted,
    DeletionRequested,
    FinalizersRemoved,
    Happening,
    HookEnded,
    KubeletKilled,
    KubeletStarted,
    KubeletStopped,
    PostStartBegan,
    PostStartEnded,
    ProbeFailed,
    ProcessExited,
    TimePassed,
)
from lameduck.ending.latencies import Latencies
from lameduck.ending.lives import Lives
from lameduck.ending.outcomes import final_phase
from lameduck.ending.stages import FlowError, Stage
from lameduck.ending.versions import V1_36, KubernetesVersion, gates_on
from lameduck.ending.worker import Worker
from lameduck.pod.containers import Role
from lameduck.pod.durations import Seconds
from lameduck.pod.workloads import PodSpec

__all__ = ["Flow", "FlowError", "Stage"]


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
        `exited`: the exit codes of containers that ended before; all others never started. `scheduled` False: no node
        yet (T3). `static`: a static pod, whose mirror's deletion stops nothing (T111).

        Raises FlowError for containers that the pod does not have, a signal that does not exist, or a handler that the
        version does not accept.
        """
        spec_s = grace.accepted(None, pod.termination_grace_period_s)
        self._static = static
        self._now: Seconds | None = None
        self._lives = Lives(
            pod,
            image_stop_signals=image_stop_signals or {},
            gates=gates_on(version, gates),
            running=running,
            exited=exited or {},
        )
        self._api = ApiObject(spec_s, finalizers=finalizers, scheduled=scheduled)
        if exited and self._lives.are_over:
            self._api.phase = final_phase(self._lives.of(Role.REGULAR), None)
        self._worker = Worker(self._lives, self._api, spec_s, latencies or Latencies(), static=static)

    @property
    def wake_at(self) -> Seconds | None:
        """When something is due, on the caller's clock. None: nothing is, until something happens."""
        return min((due for due, _ in self._worker.timers()), default=None)

    @property
    def endings(self) -> tuple[ContainerEnding, ...]:
        """What is known so far of each container's end, in the order of the spec; if restarted, of its present life."""
        return tuple(life.ending for life in self._lives)

    @property
    def restarted(self) -> tuple[ContainerEnding, ...]:
        """The endings of containers that were started again afterwards, in the order of these starts (T74)."""
        return tuple(self._lives.restarted)

    @property
    def stage(self) -> Stage:
        """How far the pod has come on its node."""
        return self._worker.stage

    @property
    def gone(self) -> bool:
        """The object is removed and all containers are down: nothing can happen any more."""
        return self._worker.stage is Stage.GONE

    def receive(self, happening: Happening, now: Seconds) -> tuple[Command, ...]:
        """Take what happened at `now` and answer what is to be done, in this order.

        Raises FlowError for a happening that cannot be, and for a `now` before the last one.
        """
        if self._now is not None and now < self._now:
            raise FlowError(f"{happening} at {now}: the clock went back from {self._now}.")
        self._now = now
        commands = self._run_timers(now, also_now=False)
        commands += self._after(self._take(happening, now), now)
        commands += self._run_timers(now, also_now=True)
        return tuple(commands)

    def _take(self, happening: Happening, now: Seconds) -> list[Command]:
        worker = self._worker
        match happening:
            case TimePassed():
                return []
            case DeletionRequested(grace_s=grace_s):
                return [] if self._static else self._delete(grace_s, now)
            case KubeletKilled():
                worker.kubelet_killed(happening)
            case ContainerStarted():
                return worker.container_started(happening, now)
            case PostStartBegan():
                worker.post_start_began(happening)
            case PostStartEnded():
                return worker.post_start_ended(happening, now)
            case ProbeFailed():
                worker.probe_failed(happening)
            case HookEnded():
                return worker.hook_ended(happening, now)
            case ProcessExited():
                worker.process_exited(happening, now)
            case KubeletStopped():
                worker.kubelet_stopped()
            case KubeletStarted():
                worker.kubelet_started(happening, now)
            case FinalizersRemoved():
                return self._api.finalizers_removed()
            case _:
                assert_never(happening)
        return []

    def _delete(self, grace_s: int | None, now: Seconds) -> list[Command]:
        commands = self._api.delete(grace_s, now)
        if commands:
            self._worker.marked(now)
        return commands

    def _after(self, commands: list[Command], now: Seconds) -> list[Command]:
        """What follows from these commands at once."""
        if not self._api.is_there and not self.gone:
            self._worker.object_gone()
        return commands + self._worker.settle(now)

    def _run_timers(self, now: Seconds, *, also_now: bool) -> list[Command]:
        commands: list[Command] = []
        while (first := min(self._worker.timers(), key=lambda timer: timer[0], default=None)) is not None:
            due, act = first
            if due > now or (due == now and not also_now):
                break
            commands += self._after(act(now), now)
        return commands
