"""The difference of two texts, as `diff -u` shows it."""

import difflib

__all__ = ["unified_diff"]


def unified_diff(name: str, before: str, after: str) -> str:
    """A unified diff that `patch -p1` takes; empty if nothing differs. Line ends are the texts' own."""
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    # Not str.splitlines, which also splits at form feeds and the like.
    *whole, last = text.split("\n")
    return [line + "\n" for line in whole] + ([last] if last else [])
