"""What the flow wants done: imperative commands for whoever has hands (an engine, a virtual clock, a replay)."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from lameduck.ending.happenings import ProbeKind
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Handler

__all__ = [
    "AbandonHook",
    "Command",
    "ContainerEnding",
    "KillProcess",
    "MarkTerminating",
    "RemovePod",
    "ReportEnd",
    "RestartContainer",
    "RunHook",
    "SendSignal",
    "StopProbing",
    "Warn",
]


@dataclass(frozen=True, slots=True)
class MarkTerminating:
    """The API shows deletionTimestamp: endpoints change (T76, T79) and a ReplicaSet replaces the pod (T112)."""

    grace_s: int
    first: bool = True
    """False: a later delete that shortened the grace in the API only (T4, T10)."""


@dataclass(frozen=True, slots=True)
class StopProbing:
    """These probes of a container are not run any more (T69)."""

    container: str
    probes: tuple[ProbeKind, ...]


@dataclass(frozen=True, slots=True)
class RunHook:
    """Start the preStop handler; the kubelet waits for it no longer than `within_s` (T19).

    The end of an exec or an httpGet must be told (HookEnded); sleep and tcpSocket the flow times itself (T36, T28).
    """

    container: str
    handler: Handler
    within_s: Seconds


@dataclass(frozen=True, slots=True)
class AbandonHook:
    """The kubelet stops waiting for the hook. It is not cancelled; what it started runs on (T19)."""

    container: str


@dataclass(frozen=True, slots=True)
class SendSignal:
    """Send the stop signal to the main process only (T50, T52); SIGKILL is due after `timeout_s` whole seconds."""

    container: str
    signal: str
    timeout_s: int


@dataclass(frozen=True, slots=True)
class KillProcess:
    """SIGKILL to all that is left of the container; its time is over (T18)."""

    container: str


@dataclass(frozen=True, slots=True)
class RestartContainer:
    """Start the container again, by restart policy (T74)."""

    container: str


@dataclass(frozen=True, slots=True)
class Warn:
    """An event that the API would show: FailedPreStopHook, Killing, ExceededGracePeriod (T68)."""

    reason: str
    container: str | None = None


@dataclass(frozen=True, slots=True)
class ContainerEnding:
    """How one container ended: the fields of `summary.containers` in golden/, times since the deletion request.

    `hook_outcome`: none, ok, failed or outlasted; running as long as it runs, and for good if it was cut with its
    kubelet and not run again (T13). `reason` and `exit_code`: T58, T60. `killed`: by SIGKILL at its deadline, not by
    itself.
    """

    name: str
    hook_start_s: Seconds | None = None
    hook_end_s: Seconds | None = None
    hook_outcome: str = "none"
    stop_signal: str | None = None
    stop_signal_s: Seconds | None = None
    stop_timeout_s: int | None = None
    kill_s: Seconds | None = None
    exit_s: Seconds | None = None
    exit_code: int | None = None
    reason: str | None = None
    killed: bool = False

    def since(self, zero_s: Seconds) -> "ContainerEnding":
        """The same ending with its times counted from that moment."""

        def counted(t_s: Seconds | None) -> Seconds | None:
            return None if t_s is None else Seconds(t_s - zero_s)

        return replace(
            self,
            hook_start_s=counted(self.hook_start_s),
            hook_end_s=counted(self.hook_end_s),
            stop_signal_s=counted(self.stop_signal_s),
            kill_s=counted(self.kill_s),
            exit_s=counted(self.exit_s),
        )


@dataclass(frozen=True, slots=True)
class ReportEnd:
    """All containers are down and the API learns the terminal phase: Succeeded or Failed (T62, T67).

    The pod leaves its EndpointSlices here (T77).
    """

    phase: str
    endings: tuple[ContainerEnding, ...]


@dataclass(frozen=True, slots=True)
class RemovePod:
    """The API object is gone (T14), and usually all is over.

    After a force delete it comes first: the containers are stopped all the same (T6, T9). `Flow.gone` says when
    nothing happens to this pod any more.
    """


Command: TypeAlias = (
    MarkTerminating
    | StopProbing
    | RunHook
    | AbandonHook
    | SendSignal
    | KillProcess
    | RestartContainer
    | Warn
    | ReportEnd
    | RemovePod
)
