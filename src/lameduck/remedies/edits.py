"""Pieces of a text to replace, and the text after it."""

from collections.abc import Iterable

from lameduck.pod.records import dataclass
from lameduck.remedies.remedy import Refused

__all__ = ["Edit", "edited"]


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` in place of what stands from `start` to `end`; an insertion if both are one."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with all of them made at once. Equal ones count once; insertions at one place keep their order.

    Raises Refused if two of them want the same stretch.
    """
    pieces: list[str] = []
    at = 0
    # An insertion at the end of what is replaced comes after it; the sort is stable.
    for edit in sorted(dict.fromkeys(edits), key=lambda each: (each.start, each.end)):
        if edit.start < at:
            raise Refused("two changes want to edit the same lines in different ways", edit.start)
        pieces += (text[at : edit.start], edit.text)
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)
