"""What the flow is told: past-tense events of a pod's life that the kubelet, too, would see."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from lameduck.ending.reasons import HookFailure

__all__ = [
    "ContainerStarted",
    "DeletionRequested",
    "FinalizersRemoved",
    "Happening",
    "HookEnded",
    "HookFailure",
    "KubeletKill",
    "KubeletKilled",
    "KubeletStarted",
    "KubeletStopped",
    "PostStartBegan",
    "PostStartEnded",
    "ProbeFailed",
    "ProbeKind",
    "ProcessExited",
    "TimePassed",
]


class ProbeKind(Enum):
    """The three probes of a container."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


class KubeletKill(Enum):
    """Reasons for which a kubelet ends a whole pod without a deletionTimestamp (T83)."""

    EVICTION = "eviction"  # hard: grace 1; soft: min(evictionMaxPodGracePeriod, spec) (T102, T103)
    NODE_SHUTDOWN = "node-shutdown"  # min(spec, the group's seconds) (T105)
    PREEMPTION = "preemption"  # by the kubelet for a critical pod; spec grace (T108)
    ACTIVE_DEADLINE = "active-deadline"  # spec grace (T110)
    ORPHAN = "orphan"  # a pod that the restarted kubelet no longer admits or finds: grace 1, no hook (T13)
    STATIC_POD_REMOVED = "static-pod-removed"  # its manifest left the node; spec grace (T111)


@dataclass(frozen=True, slots=True)
class ContainerStarted:
    """The container's process has been started; if the spec has a postStart, its end must be told, too (T39)."""

    container: str


@dataclass(frozen=True, slots=True)
class PostStartBegan:
    """The container's postStart hook was started; termination waits for its end (T11, T39)."""

    container: str


@dataclass(frozen=True, slots=True)
class PostStartEnded:
    """The postStart hook is over; a failure kills the container with its preStop and the pod's grace (T39)."""

    container: str
    ok: bool


@dataclass(frozen=True, slots=True)
class DeletionRequested:
    """A delete (or API eviction) was asked for. None: the spec's grace; 0: force (T1, T3, T6)."""

    grace_s: int | None = None


@dataclass(frozen=True, slots=True)
class KubeletKilled:
    """The kubelet decided by itself to end the pod; no deletionTimestamp, endpoints unchanged (T83).

    `grace_s` None: the spec's grace.
    """

    reason: KubeletKill
    grace_s: int | None = None


@dataclass(frozen=True, slots=True)
class ProbeFailed:
    """A liveness or startup probe reached its failureThreshold: this one container is killed (T74)."""

    container: str
    probe: ProbeKind


@dataclass(frozen=True, slots=True)
class HookEnded:
    """The preStop hook of a container is over, however it went. `failure` None: it went well.

    For exec and httpGet; of a sleep or a tcpSocket the flow knows by itself, and does not mind being told (T36, T28).
    """

    container: str
    failure: HookFailure | None = None


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """The container's main process is gone; `exit_code` as the kernel gave it, 128+n for signal n (T58)."""

    container: str
    exit_code: int
    oom: bool = False


@dataclass(frozen=True, slots=True)
class KubeletStopped:
    """The kubelet went away: running exec hooks are cut, containers run on (T13)."""


@dataclass(frozen=True, slots=True)
class KubeletStarted:
    """The kubelet is back. `orphan`: the pod's object is gone meanwhile (T13)."""

    orphan: bool = False


@dataclass(frozen=True, slots=True)
class FinalizersRemoved:
    """The last finalizer left the object (T14)."""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Nothing happened but the clock: what is due at `now` is due."""


Happening: TypeAlias = (
    ContainerStarted
    | PostStartBegan
    | PostStartEnded
    | DeletionRequested
    | KubeletKilled
    | ProbeFailed
    | HookEnded
    | ProcessExited
    | KubeletStopped
    | KubeletStarted
    | FinalizersRemoved
    | TimePassed
)
