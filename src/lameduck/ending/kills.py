"""Why a container was killed at its deadline: what its stop signal met, held against the time it had."""

from dataclasses import dataclass, replace

from lameduck.ending.commands import ContainerEnding
from lameduck.ending.grace import MINIMUM_STOP_S
from lameduck.ending.reasons import KillCause
from lameduck.ending.timeline import KillSent, SignalSent, Timeline
from lameduck.ending.verdict import PodEnding
from lameduck.pod.containers import Role
from lameduck.pod.programs.program_names import INITS, SHELLS, WRAPPERS, program_of
from lameduck.pod.workloads import PodSpec

__all__ = ["Kill", "KillCause", "explain_kills", "turn_came_too_late"]


@dataclass(frozen=True, slots=True)
class Kill:
    """One container that was killed at its deadline. Times of `container` count from the deletion request."""

    pod: str
    grace_s: int
    container: ContainerEnding
    cause: KillCause
    signal: SignalSent | None


def explain_kills(timeline: Timeline, ending: PodEnding, spec: PodSpec) -> tuple[Kill, ...]:
    """Why those of the pod's containers that were killed were, in the order of the spec."""
    return tuple(
        Kill(ending.pod, ending.grace_s, container, _cause(ending, container, signal, spec), signal)
        for container in ending.containers
        if container.killed
        for signal in (_signal_as_it_worked(timeline, ending.pod, container.name),)
    )


def turn_came_too_late(ending: PodEnding, container: ContainerEnding, spec: PodSpec) -> bool:
    """Whether a sidecar had only the minimum, because the regular containers had used up the grace (T43)."""
    if spec.container(container.name).role is not Role.SIDECAR or container.stop_signal_s is None:
        return False
    regular = {each.name for each in spec.containers if each.role is Role.REGULAR}
    last_exit_s = max((c.exit_s for c in ending.containers if c.name in regular and c.exit_s is not None), default=0.0)
    had_minimum = container.stop_timeout_s == MINIMUM_STOP_S
    return had_minimum and container.hook_outcome != "outlasted" and last_exit_s >= ending.grace_s - MINIMUM_STOP_S


def _signal_as_it_worked(timeline: Timeline, pod: str, container: str) -> SignalSent | None:
    """The last stop signal, with what it came to: its handler may have given it back to the kernel.

    A handler that is there for once and raises the signal again meets the kernel, which discards it for PID 1 (T54);
    node does so where the application has no handler of its own. A process that drains may have let go of its handler,
    too, but it does not go on listening.
    """
    signals = tuple(timeline.of(SignalSent, pod=pod, container=container))
    kills = tuple(timeline.of(KillSent, pod=pod, container=container))
    if not signals:
        return None
    if signals[-1].reception == "caught" and kills and kills[-1].handling in ("discarded", "default"):
        return replace(signals[-1], reception=kills[-1].handling) if kills[-1].listening else signals[-1]
    return signals[-1]


def _cause(ending: PodEnding, container: ContainerEnding, signal: SignalSent | None, spec: PodSpec) -> KillCause:
    heard = _what_it_met(signal)
    if heard is not KillCause.TOO_SLOW:
        return heard
    if container.hook_outcome == "outlasted":
        return KillCause.HOOK_TOOK_ALL
    return KillCause.LATE_TURN if turn_came_too_late(ending, container, spec) else KillCause.TOO_SLOW


def _what_it_met(signal: SignalSent | None) -> KillCause:
    if signal is None:
        return KillCause.CANNOT_TELL
    program = program_of(signal.main)
    in_front = bool(signal.below) and (program in SHELLS or program in WRAPPERS)
    match signal.reception:
        case "caught":
            return KillCause.TRAP_WAITED if signal.below and program in SHELLS else KillCause.TOO_SLOW
        case "blocked" if program in INITS:
            return KillCause.TOO_SLOW
        case "discarded" | "ignored" | "default":
            return KillCause.NOT_PASSED_ON if in_front else KillCause.NOT_HANDLED
        case _:  # blocked: it may be taken by sigwait or a signalfd, or never
            return KillCause.CANNOT_TELL
