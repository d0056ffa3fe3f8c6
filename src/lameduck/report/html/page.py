"""Answers prepared for the page's template: bounded, in reading order, all text still as it was written.

Escaping is the template engine's; what cannot be seen is written out on the way into it, in one place.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from lameduck.ending.timeline import OutputLine
from lameduck.report.answer import Answer
from lameduck.report.events import sentence, who
from lameduck.report.html.drawing import Drawing, Fates, GraceBar, draw_chart, draw_fates, draw_grace
from lameduck.report.lanes import charts, overview
from lameduck.report.lost import cause_rows
from lameduck.report.wording import plural, seconds, share, span, visible

__all__ = ["render_html"]

MOST_PODS = 12
MOST_LANES = 60
MOST_EVENTS = 1200
MOST_LINES = 1500
LONGEST_LINE = 400
"""Characters; what is left out of the page, `--format json` still has."""


@dataclass(frozen=True, slots=True)
class _Event:
    t: str
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class _View:
    """One answer as the template reads it. `id` makes the anchors of several answers on one page differ."""

    id: str
    answer: Answer
    facts: tuple[tuple[str, str, str], ...]
    asides: tuple[str, ...]
    drawings: tuple[Drawing, ...]
    subtitles: tuple[str, ...]
    pods_left_out: int
    fates: Fates | None
    graces: tuple[GraceBar, ...]
    causes: tuple[tuple[str, str, str, str], ...]
    events: tuple[_Event, ...]
    events_left_out: int
    output: tuple[tuple[str, tuple[_Event, ...]], ...]
    lines_left_out: int


def render_html(answers: Sequence[Answer], *, title: str | None = None) -> str:
    """One page about these answers; it loads nothing, and its policy forbids it to.

    `title` defaults to the one answer's own. The page's size is bounded, whatever the answers hold.
    """
    if not answers:
        raise ValueError("a page without an answer says nothing")
    style, script = _part("page.css"), _part("page.js")
    # Every string on its way into the page passes here; Markup is what this file vouches for.
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    template = environment.from_string(_part("page.html.j2"))
    views = [_view(f"a{number}", answer, len(answers)) for number, answer in enumerate(answers)]
    return template.render(
        title=title or answers[0].title,
        views=views,
        # Markup: these two are files of this package; nothing of a user's goes into them.
        style=Markup(style),
        script=Markup(script),
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
    )


def _part(name: str) -> str:
    return files("lameduck.report.html").joinpath(name).read_text(encoding="utf-8")


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _view(anchor: str, answer: Answer, answers: int) -> _View:
    endings = answer.verdict.endings
    whole = overview(answer, most=MOST_LANES)
    drawn = charts(answer)[:MOST_PODS]
    all_charts = drawn if whole is None else (whole, *drawn)
    subtitles = ["seconds since the first deletion request"] if whole is not None else []
    for ending in endings[:MOST_PODS]:
        when = f", deleted at {seconds(ending.marked_s)}" if len(endings) > 1 else ""
        subtitles.append(f"grace {ending.grace_s} s, ended after {seconds(ending.total_s)}{when}")
    most_events, most_lines = max(100, MOST_EVENTS // answers), max(100, MOST_LINES // answers)
    events = [event for event in answer.timeline.events if not isinstance(event, OutputLine)]
    lines = [event for event in answer.timeline.events if isinstance(event, OutputLine)]
    return _View(
        id=anchor,
        answer=answer,
        facts=_facts(answer),
        asides=_asides(answer),
        drawings=tuple(draw_chart(chart) for chart in all_charts),
        subtitles=tuple(subtitles),
        pods_left_out=max(0, len(endings) - MOST_PODS),
        fates=draw_fates(answer),
        graces=tuple(bar for bar in map(draw_grace, endings[:MOST_PODS]) if bar is not None),
        causes=_causes(answer),
        events=tuple(_Event(f"{e.t_s:.3f}", who(e), _short(sentence(e))) for e in events[:most_events]),
        events_left_out=max(0, len(events) - most_events),
        output=_output(lines[-most_lines:]),
        lines_left_out=max(0, len(lines) - most_lines),
    )


def _facts(answer: Answer) -> tuple[tuple[str, str, str], ...]:
    """The numbers to see first: name, value, and what kind of news it is."""
    verdict, tally = answer.verdict, answer.verdict.tally
    facts = []
    if tally.sent:
        facts.append(("requests sent", f"{tally.sent:,}", ""))
        facts.append(("lost", f"{tally.lost:,}", "bad" if tally.lost else "good"))
        facts.append(("share lost", share(tally.lost, tally.sent), "bad" if tally.lost else "good"))
    if verdict.endings:
        slowest = max(verdict.endings, key=lambda ending: ending.total_s)
        killed = sum(container.killed for ending in verdict.endings for container in ending.containers)
        facts.append((f"of {slowest.grace_s} s grace used", seconds(slowest.total_s), ""))
        facts.append(("containers killed", str(killed), "bad" if killed else "good"))
        last = [e.last_new_connection_s for e in verdict.endings if e.last_new_connection_s is not None]
        if last:
            facts.append(("last new connection", seconds(max(last)), ""))
    return tuple(facts)


def _asides(answer: Answer) -> tuple[str, ...]:
    tally = answer.verdict.tally
    numbers = (
        (tally.saved_by_retry, "answered only because the client tried again"),
        (tally.unfinished, "still in flight on living pods when the rehearsal ended"),
        (tally.unrelated, "lost on pods that were not ending"),
        (tally.not_counted, "not counted: this machine was too slow to send or watch them"),
    )
    return tuple(f"{plural(count, 'request')} {words}" for count, words in numbers if count)


def _causes(answer: Answer) -> tuple[tuple[str, str, str, str], ...]:
    return tuple(
        (
            row.cause.value,
            f"{row.count:,}",
            ", ".join(f"{count:,} {fate.value}" for fate, count in row.fates),
            span(row.first_s, row.last_s),
        )
        for row in cause_rows(answer.verdict)
    )


def _output(lines: Sequence[OutputLine]) -> tuple[tuple[str, tuple[_Event, ...]], ...]:
    """The lines of each container, containers in the order in which they first spoke."""
    spoken: dict[str, list[_Event]] = {}
    for line in lines:
        spoken.setdefault(who(line), []).append(_Event(f"{line.t_s:.3f}", line.stream, _short(line.line)))
    return tuple((name, tuple(events)) for name, events in spoken.items())


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + " …"
