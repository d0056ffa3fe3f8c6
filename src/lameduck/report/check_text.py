"""The report of a check for people: the place, the lines themselves, why, the change, and where to read more.

Written without any library, because most checks find nothing and have nothing to wait for.
"""

import unicodedata
from collections.abc import Iterator

from lameduck.check.outcome import FixKind, Note, Path, Seen, Stop
from lameduck.findings.finding import Severity
from lameduck.report.checked import CheckAnswer, counts, more_about, steps
from lameduck.report.wording import plural, visible

__all__ = ["check_text", "note_lines"]

_BAR = 40
"""Cells of a budget bar."""
_STYLES = {"bold": "1", "dim": "2", "red": "1;31", "yellow": "33", "cyan": "36", "green": "32", "blue": "34"}
_SEVERITY = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_ASCII = str.maketrans({"│": "|", "→": ">", "▒": "=", "▓": "#", "░": "-", "·": ".", "–": "-", "✔": "*"})


class _Pen:
    """Colours, or none; and plain characters where the terminal has no others."""

    def __init__(self, *, color: bool, encoding: str) -> None:
        self._color = color
        self._encoding = encoding
        try:
            "│→▒▓░·✔".encode(encoding)
            self._ascii = False
        except UnicodeEncodeError:
            self._ascii = True

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._color and text else text

    def writable(self, text: str) -> str:
        text = text.translate(_ASCII) if self._ascii else text
        return text.encode(self._encoding, "replace").decode(self._encoding)


def check_text(
    answer: CheckAnswer, *, color: bool = False, encoding: str = "utf-8", verbose: bool = False
) -> Iterator[str]:
    """The report, line by line with their ends: of a large tree it would take more memory than all that was found.

    `verbose`: also how workloads end in which nothing was found.
    """
    pen = _Pen(color=color, encoding=encoding)
    for line in _lines(answer, pen, verbose=verbose):
        yield pen.writable(f"{line}\n")


def _lines(answer: CheckAnswer, pen: _Pen, *, verbose: bool) -> Iterator[str]:
    for seen in answer.checked.seen:
        yield from _finding(seen, pen)
        yield ""
    found_in = {(each.workload, each.manifest) for each in answer.checked.seen}
    shown = [each for each in answer.checked.endings if verbose or (each.workload, each.place.file) in found_in]
    if shown:
        yield pen("bold", "How they end")
        for path in shown:
            yield from _ending(path, pen)
        yield ""
    yield from _summary(answer, pen)


def note_lines(answer: CheckAnswer) -> Iterator[str]:
    """What is to be said beside the report, a line each."""
    for note in answer.checked.notes:
        yield _note(note)
    if answer.checked.templates:
        yield (
            f"{plural(answer.checked.templates, 'file')} with templates that are not rendered: "
            "helm template CHART | lameduck check -"
        )


def _finding(seen: Seen, pen: _Pen) -> Iterator[str]:
    place, style = seen.place, _SEVERITY[seen.severity]
    perhaps = "perhaps, " if seen.uncertain else ""
    where = (
        f"{visible(str(place))}: " if seen.template is None else f"{visible(str(place))} ({visible(seen.template)}): "
    )
    subject = visible(seen.workload if seen.container is None else f"{seen.workload}, container {seen.container}")
    head = f"{pen(style, perhaps + seen.severity.value)} {pen('bold', f'{seen.code} {seen.title}')}"
    yield f"{pen('bold', where)}{head}  {pen('dim', subject)}"
    yield from _excerpt(seen, style, pen)
    yield f"  {pen('bold', 'Why:')} {visible(seen.message)}"
    fix = {
        FixKind.SAFE: " (lameduck check --fix does it)",
        FixKind.UNSAFE: " (lameduck check --fix --unsafe does it)",
        FixKind.NONE: "",
    }[seen.fix]
    yield f"  {pen('bold', 'Do:')}  {visible(seen.mend)}{pen('dim', fix)}"
    if seen.diff:
        yield from _diff(seen.diff, pen)
    yield f"  {pen('dim', f'More: {more_about(seen.code)}')}"


def _excerpt(seen: Seen, style: str, pen: _Pen) -> Iterator[str]:
    if seen.excerpt is None:
        return
    width = len(str(seen.excerpt.first_line + len(seen.excerpt.lines)))
    for number, line in enumerate(seen.excerpt.lines, seen.excerpt.first_line):
        is_it = number == seen.place.line
        gutter = pen(style, f"> {number:>{width}} │") if is_it else pen("dim", f"  {number:>{width}} │")
        yield f"{gutter} {visible(line)}".rstrip()
        if is_it:
            before, marked = line[: seen.place.column - 1], line[seen.place.column - 1 :].rstrip()
            indent, length = _cells(visible(before)), max(1, _cells(visible(marked)))
            yield f"  {' ' * width} {pen('dim', '│')} {' ' * indent}{pen(style, '^' * length)}"


def _cells(text: str) -> int:
    """Columns that the text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _diff(diff: str, pen: _Pen) -> Iterator[str]:
    for line in diff.split("\n")[:-1]:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "dim")
        yield f"    {pen(style, visible(line))}".rstrip()


def _ending(path: Path, pen: _Pen) -> Iterator[str]:
    yield f"  {pen('bold', visible(path.workload))}  {pen('dim', visible(str(path.place)))}"
    for stop in path.stops:
        yield f"    {visible(stop.container)}: {' → '.join(steps(path, stop))}"
        if not stop.is_sidecar:
            yield f"    {_bar(path, stop, pen)}"


def _bar(path: Path, stop: Stop, pen: _Pen) -> str:
    """The grace as a bar: what the hook takes of it, and what is left for the drain."""
    whole_s = max(stop.kill_at_s, path.grace_s, 1)
    if stop.hook_s is None:
        return f"{pen('dim', '░' * _BAR)} {path.grace_s} s of grace; only a rehearsal tells how long the hook takes"
    hook = min(_BAR - 1, max(1, round(stop.signal_at_s / whole_s * _BAR))) if stop.signal_at_s else 0
    hook_words = f"{stop.signal_at_s} s hook + " if hook else ""
    over = f", {stop.kill_at_s - path.grace_s} s beyond it" if stop.kill_at_s > path.grace_s else ""
    bar = pen("yellow", "▒" * hook) + pen("blue", "▓" * (_BAR - hook))
    return f"{bar} {hook_words}{stop.kill_at_s - stop.signal_at_s} s drain of {path.grace_s} s grace{over}"


def _summary(answer: CheckAnswer, pen: _Pen) -> Iterator[str]:
    checked = answer.checked
    if answer.mended:
        yield pen(
            "green", f"{plural(len(answer.mended), 'finding')} mended in {plural(len(answer.mended_files), 'file')}:"
        )
        for each in answer.mended:
            yield f"  {visible(str(each.place))}: {each.code} {visible(each.fix_title or each.title)}"
    extent = f"{plural(checked.workloads, 'workload')} in {plural(checked.files, 'file')}"
    aside = [
        f"{number:,} {word}"
        for number, word in ((checked.suppressed, "suppressed"), (checked.baselined, "in the baseline"))
        if number
    ]
    after = f" ({', '.join(aside)})" if aside else ""
    if not checked.seen:
        left = " left" if answer.mended else ""
        yield f"{pen('green', '✔')} nothing{' more' if left else ''} found: {extent}{after}"
        return
    yield f"{pen('bold', counts(checked))} in {extent}{after}"
    safe = sum(each.fix is FixKind.SAFE for each in checked.seen)
    unsafe = sum(each.fix is FixKind.UNSAFE for each in checked.seen)
    if safe:
        yield f"{safe:,} of them can be mended: lameduck check --fix (--diff shows the changes first)"
    if unsafe:
        yield f"{unsafe:,} {'more ' if safe else 'of them '}can be mended if you look at the change: --fix --unsafe"


def _note(note: Note) -> str:
    return f"{note.place}: {note.message}"
