"""What is drawn over time: for each pod's ending a chart of lanes, on one axis that counts from its deletion request.

Nothing here depends on a format: the terminal paints the lanes into columns, the page into SVG.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from lameduck.ending.commands import ContainerEnding
from lameduck.ending.losses import Loss
from lameduck.ending.timeline import BackendsChanged, PodReady, ReplicaPlanned, SignalSent, Timeline
from lameduck.ending.verdict import PodEnding
from lameduck.pod.durations import Seconds
from lameduck.report.answer import Answer
from lameduck.report.lost import losses_of
from lameduck.report.wording import seconds

__all__ = ["Chart", "Lane", "Mark", "MarkKind", "Phase", "Span", "charts", "overview"]


class Phase(Enum):
    """What a lane shows during a span of time. The value is the word users read."""

    RUNNING = "running"
    HOOK = "preStop hook"
    WAITING = "hook done, waiting for its stop signal"
    STOPPING = "stopping"
    UNHEARD = "stop signal not heard"
    ROUTED = "gets new connections"
    PARTLY_ROUTED = "gets new connections from some clients"
    STARTING = "starting"
    READY = "ready"


class MarkKind(Enum):
    """A moment on a lane. The value is the word users read."""

    SIGNAL = "stop signal"
    HOOK_FAILED = "hook failed"
    KILL = "SIGKILL"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a phase lasted; detail says more, and may be empty."""

    start_s: Seconds
    end_s: Seconds
    phase: Phase
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, and its particulars: `SIGTERM, caught`, `exit code 0, Completed`."""

    t_s: Seconds
    kind: MarkKind
    detail: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of a chart. `outcome` is its end in a few words; `bad`: it is one of the reasons for the verdict."""

    name: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...] = ()
    outcome: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Lanes on one axis from start to end, in seconds since `zero_s` of the timeline's clock; lost_s likewise."""

    title: str
    zero_s: Seconds
    start_s: Seconds
    end_s: Seconds
    lanes: tuple[Lane, ...]
    losses: tuple[Loss, ...]
    deadline_s: Seconds | None = None
    """When the grace ends; None if that is not within the chart."""

    def lost_at(self, loss: Loss) -> Seconds:
        """When the client learned that this request was lost, on the chart's axis."""
        return Seconds(loss.request.ended_s - self.zero_s)


@dataclass(frozen=True, slots=True)
class _Routing:
    t_s: Seconds
    sending: int
    views: int


def charts(answer: Answer) -> tuple[Chart, ...]:
    """A chart for each pod that ended, in the order of their deletions."""
    return tuple(_chart(answer, ending) for ending in answer.verdict.endings)


def overview(answer: Answer, *, most: int) -> Chart | None:
    """The pods of several endings on the timeline's own axis, a lane each; None where one pod ended, or none.

    Of more than `most` pods the first are shown, and the title says so.
    """
    endings = answer.verdict.endings
    if len(endings) < 2:
        return None
    losses = tuple(loss for loss in answer.verdict.losses if loss.cause.because_of_ending)
    replacements = tuple(event for event in answer.timeline.of(ReplicaPlanned) if event.replacement)
    start_s = min(*(e.marked_s for e in endings), *(r.t_s for r in replacements), Seconds(0.0))
    ready = (_ready_s(answer.timeline, event) for event in replacements)
    last_s = max(
        *(Seconds(e.marked_s + e.total_s) for e in endings),
        *(t_s for t_s in ready if t_s is not None),
        *(loss.request.ended_s for loss in losses),
    )
    start_s, end_s = _window(start_s, last_s)
    ended = {ending.pod: _pod_lane(ending, start_s, answer.timeline) for ending in endings}
    came = [
        (event.t_s, _replacement_lane(answer.timeline, event, Seconds(0.0), end_s, name=event.pod))
        for event in replacements
        if event.pod not in ended
    ]
    rows = [(ending.marked_s, ended[ending.pod]) for ending in endings] + came
    lanes = tuple(lane for _, lane in sorted(rows, key=lambda row: row[0]))
    title = "All pods" if len(lanes) <= most else f"The first {most} of {len(lanes)} pods"
    return Chart(title, Seconds(0.0), start_s, end_s, lanes[:most], losses)


def _chart(answer: Answer, ending: PodEnding) -> Chart:
    zero_s = ending.marked_s
    losses = losses_of(answer.verdict, ending)
    routing = _routed(answer.timeline, ending.pod, zero_s)
    replaced = tuple(event for event in answer.timeline.of(ReplicaPlanned) if event.replacement)
    ends = [ending.total_s, *(state.t_s for state in routing), *(Seconds(x.request.ended_s - zero_s) for x in losses)]
    if len(answer.verdict.endings) == 1:
        # With more endings, the overview shows when the replacements came.
        ready = (_ready_s(answer.timeline, event) for event in replaced)
        ends += [Seconds(t_s - zero_s) for t_s in ready if t_s is not None]
    start_s, end_s = _window(Seconds(0.0), max(ends))
    lanes = [_container_lane(answer.timeline, ending, container, start_s) for container in ending.containers]
    if routing:
        lanes.append(_routed_lane(routing, start_s, end_s))
    if len(answer.verdict.endings) == 1:
        lanes += [_replacement_lane(answer.timeline, event, zero_s, end_s) for event in replaced[:3]]
    deadline_s = Seconds(float(ending.grace_s)) if ending.grace_s <= end_s else None
    return Chart(ending.pod, zero_s, start_s, end_s, tuple(lanes), losses, deadline_s)


def _window(first_s: Seconds, last_s: Seconds) -> tuple[Seconds, Seconds]:
    """Some air on both sides, so that the beginning is seen as one; never shorter than a blink."""
    length_s = max(last_s - first_s, 0.5)
    return Seconds(first_s - 0.06 * length_s), Seconds(first_s + 1.02 * length_s)


def _container_lane(timeline: Timeline, ending: PodEnding, container: ContainerEnding, start_s: Seconds) -> Lane:
    signal = next(timeline.of(SignalSent, pod=ending.pod, container=container.name), None)
    return Lane(
        container.name,
        tuple(_container_spans(container, signal, start_s, ending.total_s)),
        tuple(_container_marks(container, signal)),
        _container_outcome(container),
        container.killed or container.hook_outcome in ("failed", "outlasted"),
    )


def _container_spans(
    container: ContainerEnding, signal: SignalSent | None, start_s: Seconds, total_s: Seconds
) -> Iterator[Span]:
    exit_s = total_s if container.exit_s is None else container.exit_s
    stop_s = exit_s if container.stop_signal_s is None else min(container.stop_signal_s, exit_s)
    at = start_s
    if container.hook_start_s is not None:
        hook_end_s = stop_s if container.hook_end_s is None else min(container.hook_end_s, stop_s)
        if stop_s - hook_end_s < 0.1:
            # The kubelet's own few hundredths of a second between hook and signal: nobody waits in them.
            hook_end_s = stop_s
        yield Span(at, container.hook_start_s, Phase.RUNNING)
        yield Span(container.hook_start_s, hook_end_s, Phase.HOOK, container.hook_outcome)
        at = hook_end_s
    if stop_s > at:
        yield Span(at, stop_s, Phase.RUNNING if container.hook_start_s is None else Phase.WAITING)
    if exit_s > stop_s:
        # A blocked signal is heard by whoever waits for it (sigwait: tini, for one); only SIGKILL shows who did not.
        deaf = ("ignored", "discarded", "blocked") if container.killed else ("ignored", "discarded")
        unheard = signal is not None and signal.reception in deaf
        detail = "" if signal is None else f"{signal.signal} {signal.reception}"
        yield Span(stop_s, exit_s, Phase.UNHEARD if unheard else Phase.STOPPING, detail)


def _container_marks(container: ContainerEnding, signal: SignalSent | None) -> Iterator[Mark]:
    if container.hook_outcome == "failed" and container.hook_end_s is not None:
        yield Mark(container.hook_end_s, MarkKind.HOOK_FAILED, "the stop signal followed at once")
    if container.stop_signal_s is not None:
        reception = "" if signal is None or signal.reception == "unknown" else f", {signal.reception}"
        yield Mark(container.stop_signal_s, MarkKind.SIGNAL, f"{container.stop_signal}{reception}")
    if container.kill_s is not None:
        yield Mark(container.kill_s, MarkKind.KILL, "its time was over")
    if container.exit_s is not None:
        reason = f", {container.reason}" if container.reason else ""
        yield Mark(container.exit_s, MarkKind.EXIT, f"exit code {container.exit_code}{reason}")


def _container_outcome(container: ContainerEnding) -> str:
    if container.exit_s is None:
        return "no exit seen"
    return f"exit {container.exit_code} · {seconds(container.exit_s)}"


def _routed(timeline: Timeline, pod: str, zero_s: Seconds) -> tuple[_Routing, ...]:
    """How many client sides send new connections to the pod: at the mark, and after each change of that number."""
    sends: dict[int, bool] = {}
    at_mark: _Routing | None = None
    later: list[_Routing] = []
    for change in timeline.of(BackendsChanged):
        sends[change.view] = pod in change.pods
        now = _Routing(Seconds(change.t_s - zero_s), sum(sends.values()), len(sends))
        if now.t_s < 0 or at_mark is None:
            at_mark = now
        elif now.sending != (later[-1] if later else at_mark).sending:
            later.append(now)
    return () if at_mark is None else (_Routing(Seconds(0.0), at_mark.sending, at_mark.views), *later)


def _routed_lane(routing: tuple[_Routing, ...], start_s: Seconds, end_s: Seconds) -> Lane:
    starts = [start_s, *(state.t_s for state in routing[1:])]
    spans = tuple(
        Span(
            begin,
            end,
            Phase.ROUTED if state.sending == state.views else Phase.PARTLY_ROUTED,
            f"{state.sending} of {state.views} client sides",
        )
        for state, begin, end in zip(routing, starts, [*starts[1:], end_s], strict=True)
        if state.sending
    )
    outcome = "none" if not spans else f"until {seconds(spans[-1].end_s)}"
    if routing[-1].sending:
        outcome = "all along"
    return Lane("endpoints", spans, outcome=outcome)


def _replacement_lane(
    timeline: Timeline, planned: ReplicaPlanned, zero_s: Seconds, end_s: Seconds, name: str = "replacement"
) -> Lane:
    spans: list[Span] = []
    at, phase = Seconds(planned.t_s - zero_s), Phase.STARTING
    for change in timeline.of(PodReady, pod=planned.pod):
        t_s = Seconds(change.t_s - zero_s)
        spans.append(Span(at, min(t_s, end_s), phase, planned.pod))
        at, phase = t_s, Phase.READY if change.ready else Phase.STARTING
    if at < end_s:
        spans.append(Span(at, end_s, phase, planned.pod))
    ready_s = _ready_s(timeline, planned)
    outcome = "not ready" if ready_s is None else f"ready · {seconds(ready_s - zero_s)}"
    return Lane(name, tuple(spans), outcome=outcome)


def _ready_s(timeline: Timeline, planned: ReplicaPlanned) -> Seconds | None:
    return next((event.t_s for event in timeline.of(PodReady, pod=planned.pod) if event.ready), None)


def _pod_lane(ending: PodEnding, start_s: Seconds, timeline: Timeline) -> Lane:
    """A pod as a whole, on the timeline's clock: preStop until its first stop signal, then stopping."""
    end_s = Seconds(ending.marked_s + ending.total_s)
    signal_s = next((event.t_s for event in timeline.of(SignalSent, pod=ending.pod)), end_s)
    spans = [Span(start_s, ending.marked_s, Phase.RUNNING)]
    if signal_s > ending.marked_s:
        spans.append(Span(ending.marked_s, signal_s, Phase.HOOK))
    if end_s > signal_s:
        spans.append(Span(signal_s, end_s, Phase.STOPPING))
    killed = any(container.killed for container in ending.containers)
    marks = [Mark(end_s, MarkKind.KILL if killed else MarkKind.EXIT, f"ended after {seconds(ending.total_s)}")]
    return Lane(ending.pod, tuple(spans), tuple(marks), f"in {seconds(ending.total_s)}", killed)
