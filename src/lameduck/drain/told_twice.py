"""One stop that a worker process is told twice.

dumb-init, `tini -g` and `lameduck run -g` signal the whole process group, and a server's parent, which is in it, passes
on to its workers what they have by then: uvicorn's (read: 0.54) when it looks the next time, within half a second.
Somebody who is impatient cannot be meant: none of these parents passes a second SIGTERM on.
"""

from __future__ import annotations

import signal
import sys

__all__ = ["is_same_stop", "is_worker"]

PARENT_PASSES_ON_WITHIN_S = 1.0


def is_same_stop(signum: int, since_first_s: float) -> bool:
    """Whether a signal to a worker is its parent's part of the stop that was asked for so many seconds ago."""
    return signum == signal.SIGTERM and since_first_s < PARENT_PASSES_ON_WITHIN_S


def is_worker(server: object) -> bool:
    """Whether multiprocessing has started this process, for a parent that never passes a second signal on.

    dramatiq's does, and means it. gunicorn's workers, which it has not started, ask `is_same_stop` themselves.
    """
    multiprocessing = sys.modules.get("multiprocessing.process")
    speaks_once = getattr(server, "parent_speaks_once", False)
    return speaks_once and multiprocessing is not None and multiprocessing.parent_process() is not None
