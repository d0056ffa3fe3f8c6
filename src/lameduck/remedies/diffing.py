"""The difference of two texts, as `diff -u` shows it."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

__all__ = ["unchanged", "unified_diff"]

_CONTEXT = 3
"""Lines that `diff -u` shows around a change."""


def unified_diff(name: str, before: str, after: str) -> str:
    """A unified diff that `patch -p1` takes; empty if nothing differs. Line ends are the texts' own."""
    hunks = "".join(_hunks(_lines(before), _lines(after)))
    return f"--- a/{name}\n+++ b/{name}\n{hunks}" if hunks else ""


def unchanged(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines are the same at the beginning of both, and how many of the others at their end.

    A change is a few lines of a file that may be long, and matching takes the square of lines that repeat.
    """
    shorter = min(len(old), len(new))
    head = next((number for number in range(shorter) if old[number] != new[number]), shorter)
    tail = next((n for n in range(shorter - head) if old[-1 - n] != new[-1 - n]), shorter - head)
    return head, tail


def _hunks(old: list[str], new: list[str]) -> Iterator[str]:
    head, tail = unchanged(old, new)
    first, rest = max(head - _CONTEXT, 0), max(tail - _CONTEXT, 0)
    old, new = old[first : len(old) - rest], new[first : len(new) - rest]
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(_CONTEXT):
        (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
        yield f"@@ -{_range(first + i1, i2 - i1)} +{_range(first + j1, j2 - j1)} @@\n"
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (_signed(" ", line) for line in old[i1:i2])
                continue
            yield from (_signed("-", line) for line in old[i1:i2])
            yield from (_signed("+", line) for line in new[j1:j2])


def _range(start: int, length: int) -> str:
    """Lines from 1 and their number, which is left out where it is 1; no lines stand after the one before them."""
    return f"{start + 1}" if length == 1 else f"{start + (length > 0)},{length}"


def _signed(sign: str, line: str) -> str:
    return sign + line if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    # Not str.splitlines, which also splits at form feeds and the like.
    *whole, last = text.split("\n")
    return [line + "\n" for line in whole] + ([last] if last else [])
