"""GitHub Actions' workflow commands: findings show up beside the lines of a pull request."""

from lameduck.check.judging import shown_path
from lameduck.check.outcome import Note, Seen
from lameduck.findings.finding import Severity
from lameduck.report.checked import CheckAnswer, counts, more_about
from lameduck.report.wording import visible

__all__ = ["github_commands"]

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def github_commands(answer: CheckAnswer) -> str:
    """One command a line; what is no finding is an annotation only where the answer is not complete without it."""
    lines = [_finding(each) for each in answer.checked.seen]
    lines += [_note(note) for note in answer.checked.notes]
    lines.append(f"lameduck check: {counts(answer.checked) or 'nothing found'}")
    return "".join(f"{line}\n" for line in lines)


def _finding(seen: Seen) -> str:
    place = seen.place
    perhaps = "Perhaps: " if seen.uncertain else ""
    return (
        f"::{_LEVELS[seen.severity]} file={_property(shown_path(place.file))},line={place.line},col={place.column},"
        f"title={_property(f'{seen.code} {seen.title} ({seen.workload})')}::"
        + _data(f"{perhaps}{seen.message}.\n{seen.mend}.\nMore: {more_about(seen.code)}")
    )


def _note(note: Note) -> str:
    place = note.place
    level = "error" if note.is_error else "warning"
    where = f"file={_property(shown_path(place.file))},line={place.line},col={place.column}"
    return f"::{level} {where}::{_data(note.message)}"


def _data(text: str) -> str:
    shown = "\n".join(visible(line) for line in text.split("\n"))
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
