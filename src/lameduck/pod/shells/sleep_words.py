"""What `sleep` makes of its words (B17)."""

import math
import re

from lameduck.pod.durations import Seconds
from lameduck.pod.records import dataclass

__all__ = ["RefusedSleep", "sleep_length"]

_LENGTH = re.compile(r"(\d+\.?\d*|\.\d+)([smhd]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_FOR_EVER = frozenset({"inf", "infinity"})
_PLAIN_WRONG = re.compile(r"\d+(\.\d+)?\s*(ms|msec|sec|secs|second|seconds|min|mins|minutes)|[smhd]", re.ASCII)
"""What people write and no sleep understands."""


@dataclass(frozen=True, slots=True)
class RefusedSleep:
    """No sleep takes this word: it fails at once. Empty: there is no word at all."""

    word: str


def sleep_length(words: tuple[str, ...]) -> Seconds | RefusedSleep | None:
    """How long `sleep` with these operands waits, if every common one agrees (GNU's, busybox' default); else None."""
    if not words:
        return RefusedSleep("")
    total = 0.0
    for word in words:
        if word in _FOR_EVER:
            return Seconds(math.inf)
        if (length := _LENGTH.fullmatch(word)) is not None:
            total += float(length[1]) * _UNITS[length[2]]
        elif _PLAIN_WRONG.fullmatch(word):
            return RefusedSleep(word)
        else:
            return None
    return Seconds(total)
