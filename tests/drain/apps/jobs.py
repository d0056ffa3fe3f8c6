"""What the workers' tests have done: a nap, told to a file that all of a test's workers write to."""

from __future__ import annotations

import os
import time

JOURNAL = os.environ.get("JOURNAL", "/dev/null")
WORKER = os.environ.get("WORKER", "?")


def tell(what: str, number: int) -> None:
    """One line, written at once: several processes write here."""
    file = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, f"{what} {number} {WORKER}\n".encode())
    finally:
        os.close(file)


def begun(number: int) -> bool:
    """Whether somebody has begun it."""
    with open(JOURNAL) as file:
        return any(line.split()[:2] == ["begin", str(number)] for line in file)


def nap(number: int, seconds: float) -> None:
    """Take some seconds; whoever does it again, after another has begun it, is done at once."""
    again = begun(number)
    tell("begin", number)
    if not again:
        time.sleep(seconds)
    tell("end", number)
