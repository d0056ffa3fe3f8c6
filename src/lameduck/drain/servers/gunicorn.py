"""Settings and server hooks for gunicorn: `gunicorn -c python:lameduck.drain.servers.gunicorn app:app`.

Or, in a gunicorn.conf.py, `from lameduck.drain.servers.gunicorn import *` as its first line. `drain.wsgi(app)` and
`drain.asgi(app)` do without: a worker then ends as well as it can by itself. The arbiter can add three things:

- graceful_timeout, after which it kills its workers, becomes the pod's grace;
- a second SIGTERM, which it would not even look at, is passed on to the workers, and hurries them;
- it exits with 75 when a worker has left work or a hook unfinished.

Who defines a hook of the same name calls this one too.
"""

from __future__ import annotations

import math
import mmap
import os
import signal
from typing import TYPE_CHECKING, Any

from lameduck.drain import here

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["graceful_timeout", "on_exit", "post_worker_init", "when_ready"]

graceful_timeout = math.ceil(here().settings.grace_s)
"""In seconds: LAMEDUCK_GRACE_SECONDS, or 30."""

_page = mmap.mmap(-1, 3)
"""One for the arbiter and all its workers."""
_ARBITER_KNOWS, _POD_ENDS, _UNFINISHED = range(3)


def when_ready(server: Any) -> None:
    """In the arbiter, whose handlers are installed."""
    theirs = signal.getsignal(signal.SIGTERM)
    _page[_ARBITER_KNOWS] = 1

    def handle(signum: int, frame: FrameType | None) -> None:
        if _page[_POD_ENDS]:
            for pid in tuple(server.WORKERS):
                os.kill(pid, signum)
        _page[_POD_ENDS] = 1
        if callable(theirs):
            theirs(signum, frame)

    signal.signal(signal.SIGTERM, handle)


def post_worker_init(worker: Any) -> None:
    """In each worker, before it serves."""
    from lameduck.drain.servers import gunicorn_worker
    from lameduck.drain.states import State

    process = here()

    def entered(state: State) -> None:
        if state is State.STOPPED and process.unfinished and not process.alone:
            _page[_UNFINISHED] = 1

    process.on_state.append(entered)
    gunicorn_worker.stand(worker, process)


def on_exit(_server: Any) -> None:
    """In the arbiter, the last thing it does."""
    from lameduck.drain.process import UNFINISHED

    if _page[_UNFINISHED]:
        raise SystemExit(UNFINISHED)


def arbiter_knows() -> bool:
    """Whether `pod_ends` can be asked: the arbiter has these hooks."""
    return bool(_page[_ARBITER_KNOWS])


def pod_ends() -> bool:
    """Whether the arbiter has been told to stop, and with it all workers."""
    return bool(_page[_POD_ENDS])
