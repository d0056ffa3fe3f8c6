"""When a controller creates and deletes pods: the rollout of each kind, decided from the states of the pods alone.

A Deployment counts only pods that are not marked (T112): a replacement comes at the mark, not when the old pod is gone.
A StatefulSet waits until the old object is gone, because the name is the same (T119); a DaemonSet until the old pod is
terminal (T121); Recreate until all old pods are (T117). Nothing here reads a clock: the asker says what is available.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from lameduck.pod.place import InputError
from lameduck.pod.rolling import fenceposts, share
from lameduck.pod.workloads import OnDelete, Recreate, RollingUpdate, Workload

__all__ = ["PodState", "Replacing", "Steps", "replacement_due", "replacing_of", "rollout_steps"]


class Replacing(Enum):
    """When the replacement of a deleted pod is created."""

    AT_MARK = "at the mark"  # ReplicaSet, Deployment and what is built like them (T112)
    AT_END = "when it is terminal"  # DaemonSet (T121)
    WHEN_GONE = "when its object is gone"  # StatefulSet (T119)
    NEVER = "never"  # a bare Pod


@dataclass(frozen=True, slots=True)
class PodState:
    """What a controller knows of one pod. `available`: Ready for minReadySeconds (T115)."""

    name: str
    old: bool
    available: bool = False
    marked: bool = False
    terminal: bool = False
    gone: bool = False

    @property
    def active(self) -> bool:
        """Counted by its controller: neither marked nor terminal (T112)."""
        return not (self.marked or self.terminal or self.gone)


@dataclass(frozen=True, slots=True)
class Steps:
    """What the controller does next."""

    create: int = 0
    delete: tuple[str, ...] = ()


def replacing_of(workload: Workload) -> Replacing:
    """When this kind's controller replaces a deleted pod."""
    match workload.kind:
        case "Pod":
            return Replacing.NEVER
        case "StatefulSet":
            return Replacing.WHEN_GONE
        case "DaemonSet":
            return Replacing.AT_END
        case _:
            return Replacing.AT_MARK


def replacement_due(replacing: Replacing, pod: PodState) -> bool:
    """Whether the deleted pod is replaced by now."""
    match replacing:
        case Replacing.AT_MARK:
            return pod.marked
        case Replacing.AT_END:
            return pod.terminal or pod.gone
        case Replacing.WHEN_GONE:
            return pod.gone
        case Replacing.NEVER:
            return False
        case _:
            assert_never(replacing)


def rollout_steps(workload: Workload, replicas: int, pods: Sequence[PodState]) -> Steps:
    """What the workload's controller does next to replace all old pods; empty steps: wait for something to change.

    Raises InputError for a workload that nothing rolls out.
    """
    if workload.kind in ("Pod", "Job", "CronJob"):
        raise InputError(
            f"nothing rolls out a {workload.kind} such as {workload.title}.",
            at=None,
            do="End one pod instead: leave out --end rollout.",
        )
    match workload.strategy:
        case OnDelete():
            raise InputError(
                f"{workload.title} has the update strategy OnDelete: nothing rolls it out.",
                at=None,
                do="End one pod instead: leave out --end rollout.",
            )
        case Recreate():
            return _recreate(replicas, pods)
        case RollingUpdate() as strategy:
            match workload.kind:
                case "StatefulSet":
                    return _one_by_one(replicas, pods, after_gone=True)
                case "DaemonSet":
                    surge = share(strategy.max_surge, replicas, up=True)
                    return _surge(replicas, pods, surge, 0) if surge else _one_by_one(replicas, pods, after_gone=False)
                case _:
                    return _surge(replicas, pods, *fenceposts(replicas, strategy))
        case _:
            assert_never(workload.strategy)


def _surge(replicas: int, pods: Sequence[PodState], max_surge: int, max_unavailable: int) -> Steps:
    """The Deployment controller: never more active pods than replicas + surge, never fewer available than it may."""
    active = [pod for pod in pods if pod.active]
    new = [pod for pod in active if not pod.old]
    old = [pod for pod in active if pod.old]
    create = max(0, min(replicas - len(new), replicas + max_surge - len(active)))
    least_available = replicas - max_unavailable
    unavailable_new = sum(not pod.available for pod in new)
    may_go = max(0, len(active) - least_available - unavailable_new)
    # Old pods that are not available go first: they serve nobody.
    broken = [pod for pod in old if not pod.available][:may_go]
    spare = max(0, sum(pod.available for pod in active) - least_available)
    healthy = [pod for pod in old if pod.available][: min(may_go - len(broken), spare)]
    return Steps(create, tuple(pod.name for pod in (*broken, *healthy)))


def _recreate(replicas: int, pods: Sequence[PodState]) -> Steps:
    old_active = tuple(pod.name for pod in pods if pod.old and pod.active)
    if old_active:
        return Steps(delete=old_active)
    if any(pod.old and not (pod.terminal or pod.gone) for pod in pods):
        return Steps()
    return Steps(create=replicas - sum(not pod.old for pod in pods))


def _one_by_one(replicas: int, pods: Sequence[PodState], *, after_gone: bool) -> Steps:
    """From the highest ordinal down, one at a time: end, wait, create, wait until it is available (T119, T121)."""
    new = [pod for pod in pods if not pod.old]
    ended = [pod for pod in pods if pod.old and (pod.gone or (pod.terminal and not after_gone))]
    ending = [pod for pod in pods if pod.old and pod.marked and pod not in ended]
    if len(new) < len(ended):
        return Steps(create=len(ended) - len(new))
    if ending or any(not pod.available for pod in new):
        return Steps()
    waiting = [pod for pod in pods if pod.old and pod.active]
    return Steps(delete=(waiting[-1].name,)) if waiting and len(new) < replicas else Steps()
