"""Why a request was lost: its fate held against what its pod was doing at that moment.

A cause is named from three things only: what the client saw (the fate), whether its connection was new or reused, and
the timeline. All is compared at the server: what a client sends arrives half a round trip later, and what a client
notices happened half a round trip earlier.

The order of two readings of one clock is taken as it is; only where a cut is matched with what caused it (a signal, an
exit, a SIGKILL) some slack is allowed, because each is noted by another task of a busy machine. As long as nothing of
the ending has reached the server (its hook only sleeps), a loss is not the ending's.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lameduck.ending.reasons import Cause
from lameduck.ending.requests import Fate, Request
from lameduck.ending.timeline import (
    ContainerExited,
    DeletionMarked,
    EndpointChanged,
    HookStarted,
    KillSent,
    PodGone,
    ReplicaPlanned,
    SignalSent,
    Timeline,
)
from lameduck.pod.durations import Seconds

__all__ = ["Cause", "Loss", "PodMoments", "explain_losses", "moments_of"]


@dataclass(frozen=True, slots=True)
class PodMoments:
    """The moments of one pod's ending that explain losses, on the timeline's clock; None: it did not happen (yet)."""

    pod: str
    marked_s: Seconds | None
    signal_s: Seconds | None
    """The first stop signal to any of its containers."""
    signals_s: tuple[Seconds, ...]
    kill_s: Seconds | None
    """The first SIGKILL at a deadline."""
    exit_s: Seconds | None
    """The last exit of a container after the mark."""
    exits_s: tuple[Seconds, ...]
    gone_s: Seconds | None
    reached_s: Seconds | None
    """When the ending first reached a process of the pod: a hook that does more than sleep, a signal, or an exit."""
    stops_s: tuple[tuple[Seconds, ...], ...]
    """For each container that stopped, when: its signal, its exit, or both."""

    def stop_before(self, t_s: Seconds) -> Seconds | None:
        """When that container began to stop whose stop explains best what happened at that time."""
        nearest = min(self.stops_s, key=lambda stop: min(abs(t_s - at_s) for at_s in stop), default=None)
        return None if nearest is None else min(nearest)

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
    """The moments of that pod's ending. What happened to it before its deletion (a liveness kill) is none of them."""
    marked = next((event.t_s for event in timeline.of(DeletionMarked, pod=pod)), None)

    def since_mark(times: Iterable[Seconds]) -> tuple[Seconds, ...]:
        return tuple(t_s for t_s in times if marked is None or t_s >= marked)

    exits = since_mark(event.t_s for event in timeline.of(ContainerExited, pod=pod))
    signals = since_mark(event.t_s for event in timeline.of(SignalSent, pod=pod))
    stops: dict[str, tuple[Seconds, ...]] = {}
    for event in timeline.events:
        if isinstance(event, SignalSent | ContainerExited) and event.pod == pod:
            stops[event.container] = stops.get(event.container, ()) + since_mark((event.t_s,))
    kills = since_mark(event.t_s for event in timeline.of(KillSent, pod=pod))
    hooks = since_mark(event.t_s for event in timeline.of(HookStarted, pod=pod) if not _only_sleeps(event.handler))
    return PodMoments(
        pod=pod,
        marked_s=marked,
        signal_s=min(signals, default=None),
        signals_s=signals,
        kill_s=min(kills, default=None),
        exit_s=max(exits, default=None),
        exits_s=exits,
        gone_s=next((event.t_s for event in timeline.of(PodGone, pod=pod)), None),
        reached_s=min((*hooks, *signals, *exits), default=None),
        stops_s=tuple(times for times in stops.values() if times),
    )


def _only_sleeps(handler: str) -> bool:
    """Whether a hook, in the timeline's words, does nothing to the server: `sleep 5 s`, `exec sleep 5`."""
    words = handler.split()
    if words[:1] == ["sleep"]:
        return True
    command = words[3:] if words[2:3] == ["-c"] else words[1:]
    return words[:1] == ["exec"] and len(command) == 2 and command[0].rpartition("/")[2] == "sleep"


def explain_losses(timeline: Timeline, requests: tuple[Request, ...], *, rtt_s: Seconds) -> tuple[Loss, ...]:
    """A named cause for every lost request, in the order in which they ended.

    `rtt_s` is the distance of the clients: what happens at the server is seen half of it later.
    """
    around = _Around(timeline, requests, rtt_s)
    lost = sorted((request for request in requests if request.fate.lost), key=lambda request: request.ended_s)
    return tuple(_explain(request, around) for request in lost)


_SLACK_S = Seconds(0.15)
"""How far apart a cut and the note of what caused it may be: two tasks of a busy machine wrote them down."""


class _Around:
    """All that a loss is held against."""

    def __init__(self, timeline: Timeline, requests: tuple[Request, ...], rtt_s: Seconds) -> None:
        self.rtt_s = rtt_s
        self._endpoints = tuple(timeline.of(EndpointChanged))
        pods = {request.pod for request in requests if request.pod is not None}
        pods |= {event.pod for event in timeline.of(DeletionMarked)}
        self._moments = {pod: moments_of(timeline, pod) for pod in pods}
        self._replacements = {event.pod for event in timeline.of(ReplicaPlanned) if event.replacement}
        self._first_answers: dict[str, Seconds] = {}
        for request in requests:
            if request.pod is not None and request.first_byte_s is not None:
                earlier = self._first_answers.get(request.pod, request.first_byte_s)
                self._first_answers[request.pod] = min(earlier, request.first_byte_s)

    def moments(self, pod: str) -> PodMoments:
        return self._moments[pod]

    def any_ending_by(self, t_s: Seconds) -> bool:
        return any(m.marked_s is not None and m.marked_s <= t_s for m in self._moments.values())

    def not_listening_yet(self, request: Request) -> bool:
        """Whether it is a new connection to a replacement that has not answered anything so far."""
        if request.pod not in self._replacements or request.reused:
            return False
        first = self._first_answers.get(request.pod)
        return request.fate in (Fate.REFUSED, Fate.RESET) and (first is None or request.ended_s < first)

    def others_ready_all_the_time(self, pod: str, since_s: Seconds, until_s: Seconds) -> bool:
        """Whether at every moment a pod other than that one was a ready endpoint, by the slice's own changes (T79)."""
        ready: set[str] = set()
        was_ready = False
        for change in self._endpoints:
            if change.t_s > until_s:
                break
            if change.t_s > since_s and not (ready - {pod}):
                return False
            (ready.add if change.ready and change.listed else ready.discard)(change.pod)
            was_ready = bool(ready - {pod})
        return was_ready


def _explain(request: Request, around: _Around) -> Loss:
    if request.pod is None:
        if around.any_ending_by(request.ended_s):
            return Loss(request, Cause.NO_ENDPOINT, "ended")
        return Loss(request, Cause.NOT_THE_ENDING, "before")
    pod = around.moments(request.pod)
    phase = pod.phase_at(request.ended_s)
    if pod.marked_s is None or phase == "before":
        cause = Cause.NOT_LISTENING_YET if around.not_listening_yet(request) else Cause.NOT_THE_ENDING
        return Loss(request, cause, phase)
    return Loss(request, _cause(request, pod, pod.marked_s, around), phase)


def _cause(request: Request, pod: PodMoments, marked_s: Seconds, around: _Around) -> Cause:
    noticed_s = Seconds(request.ended_s - around.rtt_s / 2)
    if pod.reached_s is None or noticed_s < pod.reached_s - _SLACK_S:
        return Cause.NOT_THE_ENDING
    match request.fate:
        case Fate.SERVER_ERROR:
            return Cause.ANSWERED_5XX
        case Fate.TIMEOUT:
            return Cause.NEVER_ANSWERED
        case Fate.CUT:
            return _cut(noticed_s, pod)
        case Fate.RESET if _was_in_flight(request, noticed_s, pod, around.rtt_s):
            return _cut(noticed_s, pod)
        case Fate.RESET if request.reused:
            # SIGKILL closes idle connections, too: the kill is what has to be mended, not the server's manners.
            killed = pod.kill_s is not None and noticed_s >= pod.kill_s - _SLACK_S
            return Cause.CUT_BY_KILL if killed else Cause.KEEPALIVE_RACE
        case _:  # nobody accepted the connection: refused, or left in the accept queue until the exit
            others = around.others_ready_all_the_time(pod.pod, marked_s, request.sent_s)
            return Cause.BEFORE_ENDPOINTS if others else Cause.NO_ENDPOINT


def _was_in_flight(request: Request, noticed_s: Seconds, pod: PodMoments, rtt_s: Seconds) -> bool:
    """Whether a request that got no byte of an answer had reached a server that still worked.

    A new connection asks when it is connected, a reused one when it is sent.
    """
    asked_at_s = request.sent_s if request.reused or request.connected_s is None else request.connected_s
    arrived_s = Seconds(asked_at_s + rtt_s / 2)
    if pod.kill_s is not None and arrived_s <= pod.kill_s <= noticed_s + _SLACK_S:
        return True
    stopped_s = pod.stop_before(noticed_s)
    if stopped_s is not None and arrived_s >= stopped_s:
        return False
    if request.reused and (stopped_s is None or noticed_s < stopped_s - _SLACK_S):
        # The hook makes the server drain. One that waited was being answered; one refused at once met a closing server.
        return request.ended_s - request.sent_s > rtt_s + _SLACK_S
    return True


def _cut(noticed_s: Seconds, pod: PodMoments) -> Cause:
    """What ended a request in flight: SIGKILL, the stop signal (or a hook), or an exit later on."""
    if pod.kill_s is not None and noticed_s >= pod.kill_s - _SLACK_S:
        return Cause.CUT_BY_KILL
    stopped_s = pod.stop_before(noticed_s)
    just_signalled = stopped_s is not None and stopped_s in pod.signals_s and abs(noticed_s - stopped_s) <= _SLACK_S
    at_an_exit = any(abs(noticed_s - exit_s) <= _SLACK_S for exit_s in pod.exits_s)
    return Cause.CUT_BY_EXIT if at_an_exit and not just_signalled else Cause.CUT_BY_STOP
