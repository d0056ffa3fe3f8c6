"""One stop that a worker process is told twice.

dumb-init, `tini -g` and `lameduck run -g` signal the whole process group, and a server's parent, which is in it, passes
on to its workers what they have by then: uvicorn's (read: 0.54) when it looks the next time, within half a second.
Somebody who is impatient cannot be meant: these parents pass no second SIGTERM on. (dramatiq's does.)
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lameduck.drain.process import Process

__all__ = ["is_from_parent", "is_same_stop"]

PARENT_PASSES_ON_WITHIN_S = 1.0


def is_same_stop(process: Process, signum: int) -> bool:
    """Whether a signal that has come to a worker may be its parent's part of the stop it was asked for before."""
    first = process.signalled_at
    return signum == signal.SIGTERM and first is not None and process.clock() - first < PARENT_PASSES_ON_WITHIN_S


def is_from_parent(process: Process, signum: int) -> bool:
    """The same, where multiprocessing starts the workers, and a server may run without any."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    is_worker = multiprocessing is not None and multiprocessing.parent_process() is not None
    return is_worker and is_same_stop(process, signum)
