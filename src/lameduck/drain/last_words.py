"""What a process still does when nothing can hold it any more."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lameduck.drain.hands import Hands

__all__ = ["flush", "who_holds"]

FLUSHED_WITHIN_S = 0.2


def who_holds() -> list[str]:
    """What keeps the process from leaving, where it is no work that was counted."""
    main = threading.main_thread()
    threads = [f"thread {one.name}" for one in threading.enumerate() if not one.daemon and one is not main]
    return threads or ["the main thread"]


def flush(hands: Hands) -> None:
    """stdout and stderr, in another thread: whoever reads our output may have stopped reading."""
    flushed = threading.Event()

    def work() -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                continue  # closed: it is not worth the exit
        flushed.set()

    if hands.lend(work, "lameduck flushing"):
        flushed.wait(FLUSHED_WITHIN_S)
