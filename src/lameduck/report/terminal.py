"""The report for a terminal: the verdict, the ending drawn over time, what was lost and why, and what to do."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from lameduck.ending.timeline import OutputLine
from lameduck.ending.verdict import PodEnding, Tally, Verdict
from lameduck.findings.finding import Found, Severity
from lameduck.report.answer import Answer
from lameduck.report.events import sentence, who
from lameduck.report.grace import GracePart, grace_parts
from lameduck.report.lanes import Chart, charts, overview
from lameduck.report.lost import cause_rows
from lameduck.report.terminal_lanes import ASCII, chart_lines, legend
from lameduck.report.wording import plural, seconds, share, span, visible

__all__ = ["render_terminal"]

WIDEST = 110
"""Columns beyond which longer lanes do not read better."""
MOST_PODS = 4
MOST_LANES = 12
MOST_LINES = 400

GRACE = {
    GracePart.ENDPOINTS: ("▒", "yellow"),
    GracePart.IDLE: ("─", "magenta"),
    GracePart.DRAINING: ("▓", "blue"),
    GracePart.CLEANING_UP: ("█", "cyan"),
    GracePart.HANGING: ("░", "red"),
    GracePart.MARGIN: ("·", "dim"),
}
SEVERITY = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def render_terminal(answer: Answer, *, console: Console, verbose: bool = False) -> None:
    """Print the report; `verbose` adds the event list and what the processes wrote.

    Colours are the console's decision. Where its encoding lacks the glyphs, ASCII stands in for them.
    """
    paper = _Paper(console)
    paper.lines(_headline(answer), hang=4)
    drawn = _charts(answer)
    for chart in drawn:
        paper.line(Text())
        paper.line(Text.assemble((visible(chart.title), "bold"), (_subtitle(answer.verdict, chart), "dim")))
        paper.lines(chart_lines(chart, paper.width))
    paper.flow(legend(drawn))
    left_out = len(answer.verdict.endings) - sum(chart.title in _pods(answer.verdict) for chart in drawn)
    if left_out:
        paper.line(Text(f" {plural(left_out, 'more pod')} not drawn here: see --html or --format json", "dim"))
    for ending in answer.verdict.endings:
        if any(chart.title == ending.pod for chart in drawn):
            _print_grace(ending, paper)
    _print_lost(answer.verdict, paper)
    for number, found in enumerate(answer.findings):
        if number == 0:
            paper.section("What to do" if not answer.verdict.graceful else "Worth knowing")
        _print_finding(found, paper)
    if verbose:
        _print_record(answer, paper)
    if answer.settings:
        settings = " · ".join(f"{setting.name} {setting.value}" for setting in answer.settings)
        paper.line(Text())
        paper.line(Text(visible(settings), "dim"))


class _Paper:
    """Prints lines that fit the console's width and its encoding."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.width = min(console.width, WIDEST)
        self._encoding = console.encoding
        self._ascii = not _can_write("".join(ASCII), self._encoding)

    def line(self, text: Text, hang: int = 0) -> None:
        """Print the text; what does not fit on its first line goes on `hang` columns from the left."""
        text = self._writable(text)
        if text.cell_len <= self.width:
            self._put(text)
            return
        first, *rest = text.wrap(self._console, self.width)
        self._put(first)
        if rest:
            # Wrapped once more from where the first line ended, in the width that the indent leaves.
            remaining = text[len(first) :]
            remaining.plain = remaining.plain.lstrip()
            start = len(text) - len(remaining)
            for line in text[start:].wrap(self._console, self.width - hang):
                self._put(Text(" " * hang) + line)

    def lines(self, texts: Iterator[Text], hang: int = 0) -> None:
        for text in texts:
            self.line(text, hang)

    def flow(self, items: Iterable[Text]) -> None:
        """Print the items side by side, as many to a line as fit; none is broken."""
        line = Text(" ")
        for item in map(self._writable, items):
            if len(line) > 1 and line.cell_len + 3 + item.cell_len > self.width:
                self._put(line)
                line = Text(" ")
            line = line + Text("   " if len(line) > 1 else "") + item
        if len(line) > 1:
            self._put(line)

    def section(self, title: str, aside: str = "") -> None:
        self.line(Text())
        self.line(Text.assemble((title, "bold"), (f"  {aside}" if aside else "", "dim")))

    def _put(self, text: Text) -> None:
        text.rstrip()
        self._console.print(text, width=self.width, overflow="ignore", no_wrap=True, highlight=False, markup=False)

    def _writable(self, text: Text) -> Text:
        plain = text.plain
        if self._ascii:
            plain = "".join(ASCII.get(char, char) for char in plain)
        if not _can_write(plain, self._encoding):
            plain = "".join(char if _can_write(char, self._encoding) else "?" for char in plain)
        if plain != text.plain:
            text = text.copy()
            text.plain = plain
        return text


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _headline(answer: Answer) -> Iterator[Text]:
    verdict = answer.verdict
    badge = (" ✔ GRACEFUL ", "bold white on green") if verdict.graceful else (" ✘ NOT GRACEFUL ", "bold white on red")
    yield Text.assemble(badge, "  ", (visible(answer.title), "bold"))
    yield from (Text(f"  {line}") for line in _numbers(verdict.tally))
    yield from (Text(f"  • {visible(reason)}", "red") for reason in verdict.reasons)


def _numbers(tally: Tally) -> Iterator[str]:
    if tally.sent:
        lost = f"{tally.lost:,} lost ({share(tally.lost, tally.sent)})" if tally.lost else "none lost"
        yield f"{plural(tally.sent, 'request')}: {tally.ok:,} answered, {lost}"
    aside = []
    if tally.saved_by_retry:
        aside.append(f"{tally.saved_by_retry:,} answered only because the client tried again")
    if tally.unfinished:
        aside.append(f"{tally.unfinished:,} still in flight on living pods at the end")
    if tally.unrelated:
        aside.append(f"{tally.unrelated:,} lost on pods that were not ending")
    if tally.not_counted:
        aside.append(f"{tally.not_counted:,} not counted: this machine was too slow for them")
    if aside:
        yield "; ".join(aside)


def _charts(answer: Answer) -> tuple[Chart, ...]:
    """The overview of a rollout, then the pods most worth seeing, in the order in which they ended."""
    shown = {ending.pod for ending in _worst_first(answer.verdict)[:MOST_PODS]}
    pods = tuple(chart for chart in charts(answer) if chart.title in shown)
    whole = overview(answer, most=MOST_LANES)
    return pods if whole is None else (whole, *pods)


def _pods(verdict: Verdict) -> frozenset[str]:
    return frozenset(ending.pod for ending in verdict.endings)


def _worst_first(verdict: Verdict) -> list[PodEnding]:
    lost: dict[str | None, int] = {}
    for loss in verdict.losses:
        lost[loss.request.pod] = lost.get(loss.request.pod, 0) + 1

    def badness(ending: PodEnding) -> tuple[int, int]:
        bad = sum(c.killed or c.hook_outcome in ("failed", "outlasted") for c in ending.containers)
        return (-bad, -lost.get(ending.pod, 0))

    return sorted(verdict.endings, key=badness)


def _subtitle(verdict: Verdict, chart: Chart) -> str:
    ending = next((ending for ending in verdict.endings if ending.pod == chart.title), None)
    if ending is None:
        return "  seconds since the first deletion request"
    when = f" · deleted at {seconds(ending.marked_s)}" if len(verdict.endings) > 1 else ""
    return f"  grace {ending.grace_s} s · ended after {seconds(ending.total_s)}{when}"


def _print_grace(ending: PodEnding, paper: _Paper) -> None:
    parts = grace_parts(ending)
    whole_s = sum(part.length_s for part in parts)
    if not whole_s:
        return
    paper.section(f"Where the {ending.grace_s} s of grace went", visible(ending.pod))
    cells = paper.width - 2
    bar, edge, used_s = Text(" "), 0, 0.0
    for number, part in enumerate(parts):
        used_s += part.length_s
        # Each part is seen, also a short one in an hour; the last one takes what is left.
        to = min(max(edge + 1, round(used_s / whole_s * cells)), cells - (len(parts) - 1 - number))
        glyph, style = GRACE[part.kind]
        bar.append(glyph * (to - edge), style)
        edge = to
    paper.line(bar)
    words = [
        Text.assemble((GRACE[part.kind][0], GRACE[part.kind][1]), f" {seconds(part.length_s)} {part.kind.value}")
        for part in parts
    ]
    if ending.use.margin_s <= -0.05:
        words.append(Text(f"{seconds(-ending.use.margin_s)} beyond the grace", "red"))
    paper.flow(words)


def _print_lost(verdict: Verdict, paper: _Paper) -> None:
    rows = cause_rows(verdict)
    if rows:
        paper.section("Lost requests", "times count from the deletion request")
    width = max((len(f"{row.count:,}") for row in rows), default=0)
    for row in rows:
        fates = ", ".join(f"{count:,} {fate.value}" for fate, count in row.fates)
        head = f" {row.count:>{width},}  "
        when = span(row.first_s, row.last_s)
        paper.line(Text.assemble((head, "bold"), (row.cause.value, "red"), f"  {fates}, {when}"), hang=len(head))


def _print_finding(found: Found, paper: _Paper) -> None:
    head = Text(" ").append(found.severity.value, SEVERITY[found.severity]).append(f" {found.code} ", "bold")
    head.append(found.title)
    if found.place is not None:
        head.append(f"  {visible(str(found.place))}", "dim")
    paper.line(head, hang=3)
    paper.line(Text("   " + visible(found.message)), hang=3)
    paper.line(Text.assemble(("   → ", "green"), visible(found.mend)), hang=5)


def _print_record(answer: Answer, paper: _Paper) -> None:
    """The event list, then what the processes wrote, each line with its time; the end is what is kept of a long one."""
    written = [event for event in answer.timeline.events if isinstance(event, OutputLine)]
    others = [event for event in answer.timeline.events if not isinstance(event, OutputLine)]
    for title, events in (("Events", others), ("Output", written)):
        if not events:
            continue
        paper.section(title)
        if len(events) > MOST_LINES:
            left_out = plural(len(events) - MOST_LINES, "earlier line")
            paper.line(Text(f" {left_out} left out: --format json has them all", "dim"))
        for event in events[-MOST_LINES:]:
            line = Text(f"{event.t_s:10.3f} s  ", "dim").append(visible(who(event)), "cyan")
            paper.line(line.append(f"  {visible(sentence(event))}"), hang=14)
