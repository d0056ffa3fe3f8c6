"""Why a request was lost: its fate held against what its pod was doing at that moment.

A cause is named from three things only: what the client saw (the fate), whether its connection was new or reused, and
the timeline. Where they leave two readings, the one that blames the ending less is taken.
"""

from dataclasses import dataclass
from enum import Enum

from lameduck.ending.requests import Fate, Request
from lameduck.ending.timeline import (
    ContainerExited,
    DeletionMarked,
    EndpointChanged,
    KillSent,
    PodGone,
    SignalSent,
    Timeline,
)
from lameduck.pod.durations import Seconds

__all__ = ["Cause", "Loss", "PodMoments", "explain_losses", "moments_of"]


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
    NOT_THE_ENDING = "lost without any ending: its pod was not being deleted"

    @property
    def because_of_ending(self) -> bool:
        """Whether the ending is to blame; only then is the verdict ungraceful."""
        return self is not Cause.NOT_THE_ENDING


@dataclass(frozen=True, slots=True)
class PodMoments:
    """The moments of one pod's ending that explain losses, on the timeline's clock; None: it did not happen (yet)."""

    pod: str
    marked_s: Seconds | None
    signal_s: Seconds | None
    """The first stop signal to any of its containers."""
    kill_s: Seconds | None
    """The first SIGKILL at a deadline."""
    exit_s: Seconds | None
    """The last exit of a container after the mark."""
    exits_s: tuple[Seconds, ...]
    gone_s: Seconds | None

    def phase_at(self, t_s: Seconds) -> str:
        """Where in its ending the pod was: before, preStop, stopping or ended."""
        if self.marked_s is None or t_s < self.marked_s:
            return "before"
        if self.exit_s is not None and t_s >= self.exit_s:
            return "ended"
        if self.signal_s is not None and t_s >= self.signal_s:
            return "stopping"
        return "preStop"


@dataclass(frozen=True, slots=True)
class Loss:
    """A lost request, its cause, and the phase its pod was in when the client noticed."""

    request: Request
    cause: Cause
    phase: str


def moments_of(timeline: Timeline, pod: str) -> PodMoments:
    """The moments of that pod's ending."""
    marked = next((event.t_s for event in timeline.of(DeletionMarked, pod=pod)), None)
    exits = tuple(event.t_s for event in timeline.of(ContainerExited, pod=pod) if marked is None or event.t_s >= marked)
    return PodMoments(
        pod=pod,
        marked_s=marked,
        signal_s=next((event.t_s for event in timeline.of(SignalSent, pod=pod)), None),
        kill_s=next((event.t_s for event in timeline.of(KillSent, pod=pod)), None),
        exit_s=max(exits, default=None),
        exits_s=exits,
        gone_s=next((event.t_s for event in timeline.of(PodGone, pod=pod)), None),
    )


def explain_losses(timeline: Timeline, requests: tuple[Request, ...], *, rtt_s: Seconds) -> tuple[Loss, ...]:
    """A named cause for every lost request, in the order in which they ended.

    `rtt_s` is the distance of the clients: what happens at the server is seen half of it later.
    """
    pods = {request.pod for request in requests if request.pod is not None}
    pods |= {event.pod for event in timeline.of(DeletionMarked)}
    moments = {pod: moments_of(timeline, pod) for pod in pods}
    ready = _ReadyHistory(timeline)
    lost = sorted((request for request in requests if request.fate.lost), key=lambda request: request.ended_s)
    return tuple(_explain(request, moments, ready, rtt_s) for request in lost)


_SLACK_S = Seconds(0.15)
"""How far apart an exit and the client's notice of it may be on one busy machine, the distance set aside."""


def _explain(request: Request, moments: dict[str, PodMoments], ready: "_ReadyHistory", rtt_s: Seconds) -> Loss:
    pod = moments.get(request.pod) if request.pod is not None else None
    if pod is None:
        ending = any(m.marked_s is not None and m.marked_s <= request.ended_s for m in moments.values())
        return Loss(request, Cause.NO_ENDPOINT if ending else Cause.NOT_THE_ENDING, "ended" if ending else "before")
    phase = pod.phase_at(request.ended_s)
    if phase == "before":
        return Loss(request, Cause.NOT_THE_ENDING, phase)
    return Loss(request, _cause(request, pod, ready, rtt_s), phase)


def _cause(request: Request, pod: PodMoments, ready: "_ReadyHistory", rtt_s: Seconds) -> Cause:
    seen_at_server = Seconds(request.ended_s - rtt_s / 2)
    # In flight: the whole request had reached a process that was still there when it was cut.
    arrived = Seconds(request.sent_s + rtt_s / 2)
    killed = pod.kill_s is not None and any(exit_s >= pod.kill_s for exit_s in pod.exits_s)
    cut_by_end = any(arrived <= exit_s and abs(exit_s - seen_at_server) <= _SLACK_S for exit_s in pod.exits_s)
    match request.fate:
        case Fate.SERVER_ERROR:
            return Cause.ANSWERED_5XX
        case Fate.TIMEOUT:
            return Cause.NEVER_ANSWERED
        case Fate.REFUSED:
            return _nobody_listened(request, ready)
        case Fate.CUT:
            if killed and pod.kill_s is not None and seen_at_server >= pod.kill_s - _SLACK_S:
                return Cause.CUT_BY_KILL
            return Cause.CUT_BY_EXIT if cut_by_end else Cause.CUT_BY_STOP
        case _:
            pass
    # RESET: the connection ended before the first byte of a response.
    if killed and pod.kill_s is not None and arrived <= pod.kill_s <= seen_at_server + _SLACK_S:
        return Cause.CUT_BY_KILL
    stopped_s = min((t for t in (pod.signal_s, *pod.exits_s) if t is not None), default=None)
    if request.reused and (stopped_s is None or arrived >= stopped_s - _SLACK_S or seen_at_server < stopped_s):
        return Cause.KEEPALIVE_RACE
    if cut_by_end:
        # Sent to a process that was about to leave: new connections in its accept queue die with it.
        return Cause.CUT_BY_EXIT
    if stopped_s is not None and arrived < stopped_s:
        return Cause.CUT_BY_STOP
    return _nobody_listened(request, ready)


def _nobody_listened(request: Request, ready: "_ReadyHistory") -> Cause:
    return Cause.BEFORE_ENDPOINTS if ready.any_other(request.pod, request.sent_s) else Cause.NO_ENDPOINT


class _ReadyHistory:
    """Which pods were ready endpoints when, from the slice's own changes (T79)."""

    def __init__(self, timeline: Timeline) -> None:
        self._changes = tuple(timeline.of(EndpointChanged))

    def any_other(self, pod: str | None, t_s: Seconds) -> bool:
        """Whether a pod other than that one was ready at that time."""
        ready: dict[str, bool] = {}
        for change in self._changes:
            if change.t_s > t_s:
                break
            ready[change.pod] = change.ready and change.listed
        return any(is_ready for name, is_ready in ready.items() if name != pod)
