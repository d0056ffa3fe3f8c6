"""Signal names as pod specs, images and users write them, and the numbers of this machine."""

import re
import signal

from lameduck.pod.place import InputError

__all__ = ["signal_name", "signal_number"]

_REAL_TIME = re.compile(r"RT(MIN|MAX)(?:([+-])(\d+))?")


def signal_number(name: str, *, at: str | None = None) -> int:
    """The number of "SIGTERM", "TERM", "15" or "SIGRTMIN+3" (T51) here.

    Raises InputError if this machine has no such signal.
    """
    word = name.strip().upper().removeprefix("SIG")
    number: int | None = None
    if word.isdecimal():
        number = int(word)
    elif match := _REAL_TIME.fullmatch(word):
        first, last = _real_time_range()
        offset = int((match[2] or "+") + (match[3] or "0"))
        number = (first if match[1] == "MIN" else last) + offset if last else None
        if number is not None and not first <= number <= last:
            number = None
    elif f"SIG{word}" in signal.Signals.__members__:
        number = signal.Signals[f"SIG{word}"].value
    if number is None or number not in signal.valid_signals():
        raise InputError(
            f"{name!r} is not a signal of this machine.", at=at, do="Write it like SIGTERM, SIGQUIT, SIGRTMIN+3 or 15."
        )
    return number


def signal_name(number: int) -> str:
    """SIGTERM for 15; real-time signals as SIGRTMIN+n."""
    first, last = _real_time_range()
    if last and first < number < last:
        return f"SIGRTMIN+{number - first}"
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _real_time_range() -> tuple[int, int]:
    """The first and the last real-time signal; (0, 0) where there are none (macOS)."""
    members = signal.Signals.__members__
    if "SIGRTMIN" not in members:
        return 0, 0
    return members["SIGRTMIN"].value, members["SIGRTMAX"].value
