"""Charts painted into the columns of a terminal: one glyph per moment, one line per lane."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rich.cells import set_cell_size
from rich.text import Text

from lameduck.report.axis import ticks
from lameduck.report.lanes import Chart, Lane, MarkKind, Phase
from lameduck.report.wording import visible

__all__ = ["ASCII", "chart_lines", "legend"]

PHASES: Mapping[Phase, tuple[str, str]] = {
    Phase.RUNNING: ("─", "dim"),
    Phase.HOOK: ("▒", "yellow"),
    Phase.WAITING: ("·", "dim"),
    Phase.STOPPING: ("▓", "blue"),
    Phase.UNHEARD: ("░", "red"),
    Phase.ROUTED: ("━", "green"),
    Phase.PARTLY_ROUTED: ("╍", "green"),
    Phase.STARTING: ("┄", "dim yellow"),
    Phase.READY: ("━", "green"),
}
MARKS: Mapping[MarkKind, tuple[str, str]] = {
    MarkKind.SIGNAL: ("▼", "bold blue"),
    MarkKind.HOOK_FAILED: ("!", "bold red"),
    MarkKind.KILL: ("✗", "bold red"),
    MarkKind.EXIT: ("●", "bold"),
}
LOST = "▁▂▃▄▅▆▇█"
AXIS = "├┼─│"
ASCII: Mapping[str, str] = {
    # One for one, so that styles keep their places.
    **dict(zip("─▒·▓░━╍┄▼✗●", "-:.#%=~_vXo", strict=True)),
    **dict(zip("▁▂▃▄▅▆▇█├┼│", ".,:;+*%@|+|", strict=True)),
    **dict(zip("–—→•’“”…✔✘■", '--->\'"".+x#', strict=True)),
}
"""What stands in for each glyph where the encoding has none of them."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where on a line of `count` columns a time falls."""

    start_s: float
    end_s: float
    count: int

    def of(self, t_s: float) -> int:
        share = (t_s - self.start_s) / (self.end_s - self.start_s)
        return min(max(int(share * self.count + 1e-6), 0), self.count - 1)


def chart_lines(chart: Chart, width: int) -> Iterator[Text]:
    """The axis, the lanes and the lost requests of one chart; no line is wider than `width`."""
    name_width = min(max([10, *(len(visible(lane.name)) for lane in chart.lanes)]), max(12, width // 5))
    outcome_width = max([6, *(len(lane.outcome) for lane in chart.lanes)])
    columns = _Columns(chart.start_s, chart.end_s, max(10, width - name_width - outcome_width - 3))
    yield from _axis(chart, columns, name_width)
    for lane in chart.lanes:
        outcome = Text(" " + lane.outcome, "red" if lane.bad else "")
        yield Text.assemble(_name(lane.name, name_width), _cells(_painted(lane, columns)), outcome)
    if chart.losses:
        bars = _lost(chart, columns)
        yield Text.assemble(_name("lost", name_width), _cells(bars), (f" {len(chart.losses):,}", "bold red"))


def legend(drawn: Iterable[Chart]) -> Iterator[Text]:
    """The glyphs that these charts use, with their words."""
    lanes = [lane for chart in drawn for lane in chart.lanes]
    phases = {span.phase for lane in lanes for span in lane.spans}
    kinds = {mark.kind for lane in lanes for mark in lane.marks}
    # READY is drawn like ROUTED, and its lane says "ready" by itself.
    for phase, (glyph, style) in PHASES.items():
        if phase in phases and phase is not Phase.READY:
            yield Text.assemble((glyph * 2, style), (f" {phase.value}", "dim"))
    for kind, (glyph, style) in MARKS.items():
        if kind in kinds:
            yield Text.assemble((glyph, style), (f" {kind.value}", "dim"))


def _name(name: str, width: int) -> Text:
    shown = visible(name)
    return Text(" " + set_cell_size(shown, width) + " ", "bold")


def _axis(chart: Chart, columns: _Columns, name_width: int) -> Iterator[Text]:
    # Nine columns for each tick: no label is longer than that.
    times = ticks(chart.start_s, chart.end_s, max(2, columns.count // 9))
    numbers, rule = [" "] * (columns.count + 8), ["─"] * columns.count
    for t_s in times:
        column = columns.of(t_s)
        rule[column] = "├" if t_s == 0 else "┼"
        label = f"{t_s:g} s"
        if t_s >= 0:
            numbers[column : column + len(label)] = label
    if chart.deadline_s is not None:
        rule[columns.of(chart.deadline_s)] = "│"
    indent = " " * (name_width + 2)
    yield Text(indent + "".join(numbers).rstrip(), "dim")
    yield Text(indent + "".join(rule), "dim").append(" │ deadline" if chart.deadline_s is not None else "", "dim")


def _painted(lane: Lane, columns: _Columns) -> list[tuple[str, str]]:
    """The lane's cells. Each phase and each mark gets a column of its own, however short it was."""
    cells = [(" ", "")] * columns.count
    for span in lane.spans:
        first = columns.of(span.start_s)
        for column in range(first, max(first + 1, columns.of(span.end_s))):
            cells[column] = PHASES[span.phase]
    marks = sorted(lane.marks, key=lambda mark: mark.t_s)
    for column, mark in zip(_apart([columns.of(mark.t_s) for mark in marks], columns.count), marks, strict=True):
        cells[column] = MARKS[mark.kind]
    return cells


def _apart(wanted: list[int], count: int) -> list[int]:
    """Ascending columns as near to the wanted ones as it goes, no two alike."""
    placed: list[int] = []
    for number, column in enumerate(wanted):
        earliest = placed[-1] + 1 if placed else 0
        placed.append(min(max(column, earliest), count - len(wanted) + number))
    return placed


def _lost(chart: Chart, columns: _Columns) -> list[tuple[str, str]]:
    """A bar per column, as high as its losses are many; one loss is already seen."""
    counts = [0] * columns.count
    for loss in chart.losses:
        counts[columns.of(chart.lost_at(loss))] += 1
    highest = max(counts)
    levels = [0 if not count else -(-count * len(LOST) // highest) for count in counts]
    return [(" " if not level else LOST[level - 1], "red") for level in levels]


def _cells(cells: list[tuple[str, str]]) -> Text:
    text = Text()
    for glyph, style in cells:
        text.append(glyph, style)
    return text
