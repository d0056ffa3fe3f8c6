"""The change that mends one finding, as reports show it: a diff, and the lines to replace."""

from collections.abc import Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from io import StringIO

from lameduck.check.outcome import FixKind, Replacement, Seen
from lameduck.pod.texts.documents import SourceDocument
from lameduck.remedies.diffing import unchanged, unified_diff
from lameduck.remedies.remedy import Mend, Remedy
from lameduck.remedies.text_edit import apply

__all__ = ["with_changes"]


def with_changes(seen: Seen, remedy: Remedy, document: SourceDocument | None) -> Seen:
    """The finding with its change. One that no pen can write down cannot be mended by --fix either."""
    mended = apply([Mend(remedy, document)])
    if not mended.files:
        return replace(seen, fix=FixKind.NONE)
    return replace(
        seen,
        diff="".join(unified_diff(file.source.name, file.source.text, file.text) for file in mended.files),
        replacements=tuple(
            each for file in mended.files for each in _replacements(file.source.name, file.source.text, file.text)
        ),
    )


def _replacements(name: str, before: str, after: str) -> Iterator[Replacement]:
    # Not str.splitlines: at U+2028 and the like no line of a place ends.
    old, new = StringIO(before, newline="").readlines(), StringIO(after, newline="").readlines()
    head, tail = unchanged(old, new)
    changed, wanted = old[head : len(old) - tail], new[head : len(new) - tail]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, changed, wanted, autojunk=False).get_opcodes():
        if tag != "equal":
            yield Replacement(name, (head + i1 + 1, 1), (head + i2 + 1, 1), "".join(wanted[j1:j2]))
