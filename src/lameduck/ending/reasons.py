"""Why a request was lost, a container killed, a hook failed: the closed sets that findings speak of.

They stand apart from the records that carry them, so that who only reads files need not import those.
"""

from enum import Enum

__all__ = ["Cause", "HookFailure", "KillCause"]


class Cause(Enum):
    """Why a request was lost. The value is the sentence users read."""

    BEFORE_ENDPOINTS = "came before the endpoints were updated"
    NO_ENDPOINT = "no other pod was ready to take it"
    KEEPALIVE_RACE = "kept-alive connection reused while it was being closed"
    CUT_BY_STOP = "cut when the process got the stop signal"
    CUT_BY_EXIT = "cut by the exit of the process"
    CUT_BY_KILL = "cut by SIGKILL"
    NEVER_ANSWERED = "never answered"
    ANSWERED_5XX = "answered 5xx while the pod ended"
    NOT_LISTENING_YET = "sent to a new pod that did not listen yet"
    NOT_THE_ENDING = "not lost to the ending: nothing of it had reached the server"

    @property
    def because_of_ending(self) -> bool:
        """Whether the ending is to blame; only then is the verdict ungraceful."""
        return self is not Cause.NOT_THE_ENDING


class KillCause(Enum):
    """Why a container did not end in its time. Each kill has one."""

    NOT_PASSED_ON = "a shell or wrapper got the signal and let it fall; the service never heard of it"  # T52, T56
    TRAP_WAITED = "a shell caught the signal and did not end the service below it"  # T56
    NOT_HANDLED = "the main process has no handler for the signal"  # T54
    LATE_TURN = "a sidecar whose turn came when the grace was used up"  # T43
    HOOK_TOOK_ALL = "the preStop hook used up the grace"  # T18
    TOO_SLOW = "the process caught the signal and needed longer than it had"
    CANNOT_TELL = "it is not known what the signal met"


class HookFailure(Enum):
    """Why a hook failed, as far as its runner can tell; the kubelet itself says only `PreStopHook failed` (T20)."""

    NO_SUCH_PROGRAM = "no-such-program"
    NOT_EXECUTABLE = "not-executable"
    EXIT_STATUS = "exit-status"
    KILLED = "killed"  # its container ended first, or the kubelet stopped (T13, T31)
    CONNECTION = "connection"  # refused, reset, unreachable (T20)
    NO_SUCH_PORT = "no-such-port"  # a port name the container does not have (T32)
    NO_ADDRESS = "no-address"  # hostNetwork without host (T35)
    NOT_IMPLEMENTED = "not-implemented"  # tcpSocket (T28)
