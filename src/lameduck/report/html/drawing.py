"""Charts as geometry for SVG: x in percent of the width, so that they fit any screen; y in pixels."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lameduck.ending.requests import Fate
from lameduck.ending.verdict import PodEnding
from lameduck.report.answer import Answer
from lameduck.report.axis import round_step, ticks
from lameduck.report.grace import grace_parts
from lameduck.report.lanes import Chart, Lane, Mark
from lameduck.report.wording import plural, seconds, share, span

__all__ = ["Bar", "Drawing", "Fates", "GraceBar", "Row", "Tick", "draw_chart", "draw_fates", "draw_grace"]

PITCH = 44
"""Pixels from lane to lane: a line of text and the bar below it."""
TOP = 24
BUCKETS = 90
UP = 110
LEAST = 4
"""Pixels that a single lost request is high, however many were answered beside it."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A round time on the axis; `minor` ones are left out on narrow screens."""

    x: str
    label: str
    minor: bool
    anchor: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, or a mark where it has no width; `says` is shown when it is pointed at."""

    x: str
    width: str
    y: int
    height: int
    kind: str
    says: str
    shift: int = 0
    """Pixels aside, where two marks would cover each other."""


@dataclass(frozen=True, slots=True)
class Row:
    """A lane's name and outcome, and where its text and bars stand."""

    name: str
    outcome: str
    bad: bool
    y: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """One chart, and the same as lines of a table: who, what, from, to, detail."""

    title: str
    zero: str
    deadline: str | None
    height: int
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...]
    marks: tuple[Bar, ...]
    table: tuple[tuple[str, str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of the requests over time: answered ones upwards, lost ones downwards, in buckets of `bucket`."""

    bucket: str
    height: int
    baseline: int
    ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...]
    deletions: tuple[tuple[str, str], ...]
    table: tuple[tuple[str, str, str], ...]
    most: int
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GraceBar:
    """One pod's grace as one bar, and its parts with numbers: kind, words, seconds."""

    pod: str
    grace_s: int
    bars: tuple[Bar, ...]
    parts: tuple[tuple[str, str, str], ...]
    beyond: str | None


@dataclass(frozen=True, slots=True)
class _Scale:
    start_s: float
    end_s: float

    def share(self, t_s: float) -> float:
        return 100 * min(max((t_s - self.start_s) / (self.end_s - self.start_s), 0.0), 1.0)

    def x(self, t_s: float) -> str:
        return f"{self.share(t_s):.3f}%"

    def width(self, start_s: float, end_s: float) -> str:
        return f"{max(self.share(end_s) - self.share(start_s), 0.25):.3f}%"

    def ticks(self) -> tuple[Tick, ...]:
        """About ten of them; every second one, zero included, also on narrow screens."""
        times = ticks(self.start_s, self.end_s, 10)
        step = times[1] - times[0] if len(times) > 1 else 1.0
        return tuple(
            Tick(self.x(t_s), f"{t_s:g} s", round(t_s / step) % 2 == 1, _anchor(self.share(t_s))) for t_s in times
        )


def draw_chart(chart: Chart) -> Drawing:
    """The lanes of one chart, the lost requests last."""
    scale = _Scale(chart.start_s, chart.end_s)
    rows: list[Row] = []
    bars: list[Bar] = []
    marks: list[Bar] = []
    for number, lane in enumerate(chart.lanes):
        y = TOP + number * PITCH
        rows.append(Row(lane.name, lane.outcome, lane.bad, y))
        bars += _lane_bars(lane, scale, y)
        marks += _lane_marks(lane, scale, y)
    count = len(chart.lanes)
    if chart.losses:
        y = TOP + count * PITCH
        rows.append(Row("lost requests", f"{len(chart.losses):,}", True, y))
        bars += _lost_bars(chart, scale, y)
        count += 1
    deadline = None if chart.deadline_s is None else scale.x(chart.deadline_s)
    return Drawing(
        chart.title,
        scale.x(0.0),
        deadline,
        TOP + count * PITCH + 4,
        scale.ticks(),
        tuple(rows),
        tuple(bars),
        tuple(marks),
        tuple(_table(chart)),
    )


def draw_fates(answer: Answer) -> Fates | None:
    """The fates over the whole timeline, by when the client learned them; None without finished requests."""
    finished = [request for request in answer.requests if request.fate is not Fate.UNFINISHED]
    if not finished:
        return None
    first_s = min(request.ended_s for request in finished)
    last_s = max(request.ended_s for request in finished)
    bucket_s = round_step(max(last_s - first_s, 0.5), BUCKETS)
    numbers = Counter((int(request.ended_s // bucket_s), request.fate) for request in finished)
    buckets = sorted({bucket for bucket, _ in numbers})
    scale = _Scale(buckets[0] * bucket_s, (buckets[-1] + 1) * bucket_s)
    lost = {b: sum(n for (at, fate), n in numbers.items() if at == b and fate.lost) for b in buckets}
    most = max(*(numbers[b, Fate.OK] for b in buckets), *lost.values(), 1)
    bars: list[Bar] = []
    table: list[tuple[str, str, str]] = []
    for bucket in buckets:
        fates = [(fate, numbers[bucket, fate]) for fate in Fate if numbers[bucket, fate]]
        when = span(bucket * bucket_s, (bucket + 1) * bucket_s) if bucket_s >= 0.1 else f"{bucket * bucket_s:.2f} s"
        says = f"{when}: " + ", ".join(f"{count:,} {fate.value}" for fate, count in fates)
        bars += _bucket_bars(scale, bucket, bucket_s, fates, most, says)
        if lost[bucket]:
            words = ", ".join(f"{count:,} {fate.value}" for fate, count in fates if fate.lost)
            table.append((when, f"{numbers[bucket, Fate.OK]:,}", words))
    deletions = tuple((scale.x(ending.marked_s), ending.pod) for ending in answer.verdict.endings)
    kinds = tuple(fate.value for fate in Fate if any(numbers[b, fate] for b in buckets))
    below = max(round(UP * max(lost.values()) / most), LEAST * len(kinds)) if any(lost.values()) else 0
    height = TOP + UP + below + 4
    return Fates(f"{bucket_s:g} s", height, TOP + UP, scale.ticks(), tuple(bars), deletions, tuple(table), most, kinds)


def draw_grace(ending: PodEnding) -> GraceBar | None:
    """The grace as one bar; None where nothing of it can be seen (a forced deletion)."""
    parts = grace_parts(ending)
    whole_s = sum(part.length_s for part in parts)
    if not whole_s:
        return None
    scale, at = _Scale(0.0, whole_s), 0.0
    bars: list[Bar] = []
    for part in parts:
        says = (
            f"{part.kind.value}: {seconds(part.length_s)}, {share(round(part.length_s * 1000), round(whole_s * 1000))}"
        )
        width = scale.width(at, at + part.length_s)
        bars.append(Bar(scale.x(at), width, 0, 26, _css(part.kind.name), says))
        at += part.length_s
    words = tuple((_css(part.kind.name), part.kind.value, seconds(part.length_s)) for part in parts)
    beyond = seconds(-ending.use.margin_s) if ending.use.margin_s <= -0.05 else None
    return GraceBar(ending.pod, ending.grace_s, tuple(bars), words, beyond)


def _lane_bars(lane: Lane, scale: _Scale, y: int) -> Iterator[Bar]:
    for piece in lane.spans:
        detail = f" ({piece.detail})" if piece.detail else ""
        says = f"{lane.name}: {piece.phase.value}{detail}, {_range(piece.start_s, piece.end_s, scale)}"
        width = scale.width(piece.start_s, piece.end_s)
        yield Bar(scale.x(piece.start_s), width, y + 20, 14, _css(piece.phase.name), says)


def _lane_marks(lane: Lane, scale: _Scale, y: int) -> Iterator[Bar]:
    marks = sorted(lane.marks, key=lambda mark: mark.t_s)
    for number, mark in enumerate(marks):
        close = sum(scale.share(later.t_s) - scale.share(mark.t_s) < 1.6 for later in marks[number + 1 :])
        yield Bar(scale.x(mark.t_s), "", y + 27, 0, _css(mark.kind.name), _moment(lane, mark), -13 * close)


def _moment(lane: Lane, mark: Mark) -> str:
    return f"{lane.name}: {mark.kind.value} at {mark.t_s:.2f} s, {mark.detail}"


def _range(start_s: float, end_s: float, scale: _Scale) -> str:
    """From when to when; a side that runs beyond the chart is not dated."""
    start = "" if start_s <= scale.start_s else f"from {start_s:.2f} s "
    end = "on" if end_s >= scale.end_s else f"until {end_s:.2f} s"
    return f"{start}{end}" if start or end != "on" else "all along"


def _lost_bars(chart: Chart, scale: _Scale, y: int) -> Iterator[Bar]:
    """A hundred slots; in each a bar as high as its losses are many, the lowest still 4 pixels."""
    slots = Counter(min(int(scale.share(chart.lost_at(loss))), 99) for loss in chart.losses)
    highest = max(slots.values())
    length_s = (chart.end_s - chart.start_s) / 100
    for slot, count in sorted(slots.items()):
        height = LEAST + round((18 - LEAST) * count / highest)
        at_s = chart.start_s + slot * length_s
        says = f"{plural(count, 'request')} lost, {at_s:.2f} to {at_s + length_s:.2f} s"
        yield Bar(f"{slot}%", "0.9%", y + 38 - height, height, "lost", says)


def _bucket_bars(
    scale: _Scale, bucket: int, bucket_s: float, fates: Sequence[tuple[Fate, int]], most: int, says: str
) -> Iterator[Bar]:
    x = scale.x(bucket * bucket_s)
    width = f"{scale.share((bucket + 1) * bucket_s) - scale.share(bucket * bucket_s) - 0.12:.3f}%"
    down = TOP + UP + 1
    lost = sum(count for fate, count in fates if fate.lost)
    # The lost ones share the room below in proportion, once each of them has the few pixels that make it seen.
    kinds = sum(fate.lost for fate, _ in fates)
    room = max(kinds * LEAST, round(UP * lost / most))  # to the same scale as the answered ones
    for fate, count in fates:
        if fate.lost:
            height = LEAST + round((room - kinds * LEAST) * count / lost)
            yield Bar(x, width, down, height, f"fate-{fate.value}", says)
            down += height
        else:
            height = max(1, round(UP * count / most))
            yield Bar(x, width, TOP + UP - height, height, f"fate-{fate.value}", says)


def _table(chart: Chart) -> Iterator[tuple[str, str, str, str, str]]:
    for lane in chart.lanes:
        for piece in lane.spans:
            start = "" if piece.start_s <= chart.start_s else f"{piece.start_s:.2f}"
            end = "" if piece.end_s >= chart.end_s else f"{piece.end_s:.2f}"
            yield (lane.name, piece.phase.value, start, end, piece.detail)
        for mark in lane.marks:
            yield (lane.name, mark.kind.value, f"{mark.t_s:.2f}", f"{mark.t_s:.2f}", mark.detail)
    if chart.losses:
        times = [chart.lost_at(loss) for loss in chart.losses]
        yield ("lost requests", f"{len(times):,}", f"{min(times):.2f}", f"{max(times):.2f}", "")


def _css(name: str) -> str:
    return name.lower().replace("_", "-")


def _anchor(percent: float) -> str:
    return "start" if percent < 4 else "end" if percent > 96 else "middle"
