"""Durations: seconds inside, Go's and Kubernetes' duration strings at the edges."""

import math
import re
from typing import NewType

from lameduck.pod.place import InputError

__all__ = ["Seconds", "parse_duration"]

Seconds = NewType("Seconds", float)

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def parse_duration(text: str, *, option: str) -> Seconds:
    """Seconds of a Go duration string ("1.5s", "300ms", "1m30s") or of a plain number of seconds ("2").

    `option` names the place the text came from, for the message. Raises InputError if it is neither.
    """
    text = text.strip()
    seconds = math.inf
    if re.fullmatch(r"\d+(\.\d*)?|\.\d+", text):
        seconds = float(text)
    matches = list(_PART.finditer(text))
    if matches and "".join(match.group(0) for match in matches) == text:
        seconds = sum(float(match.group(1)) * _UNITS[match.group(2)] for match in matches)
    if math.isfinite(seconds):  # hundreds of digits are more than any float
        return Seconds(seconds)
    raise InputError(f"{text!r} is not a duration.", at=option, do="Write it like 1.5s, 300ms or 2.")
