"""A plain program: threads, an asyncio loop of its own, or a loop over jobs, with or without a handler of SIGTERM."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from lameduck.drain.process import Process

__all__ = ["stand"]


def stand(process: Process) -> bool:
    """In front of the program's handlers. Where it has none, SystemExit takes the place of the default action."""
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, leave)
    return process.stand()


def leave(_signum: int, _frame: FrameType | None) -> None:
    """In the main thread: as if the program had called sys.exit. PID 1 would not die of the signal (T54)."""
    sys.exit(0)
