"""Pools of processes and threads: what their children are busy with is work of the process that asked for it.

    pool = ProcessPoolExecutor(4, initializer=pools.in_child)        # or multiprocessing.Pool(4, pools.in_child)
    pools.submit(pool, resize, picture, name="resize 17")            # or pools.apply for a multiprocessing.Pool

Left alone, `with multiprocessing.Pool()` ends with terminate(), which kills tasks half done, and Ctrl-C interrupts
every child, since a terminal signals the whole group. Kubernetes signals PID 1 only, and when that ends, all end (T57).
"""

from __future__ import annotations

import multiprocessing
import signal
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from lameduck import drain

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future
    from multiprocessing.pool import AsyncResult, Pool

    from lameduck.drain.works import Work

__all__ = ["apply", "in_child", "submit"]

P = ParamSpec("P")
T = TypeVar("T")


def in_child() -> None:
    """The initializer of a pool's children: Ctrl-C is their parent's to answer, SIGTERM ends them at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def submit(executor: Executor, function: Callable[..., T], /, *args: Any, name: str = "") -> Future[T]:
    """executor.submit, counted until it is done.

    What has not begun when the stop comes, is cancelled: its future raises CancelledError, and nothing was done of it.
    Raises what executor.submit does.
    """
    work = begun(name or function.__name__)
    try:
        future = executor.submit(function, *args)
    except BaseException:
        work.__exit__(None, None, None)
        raise

    def done(_future: Future[T]) -> None:
        pending.pop(id(future), None)
        work.__exit__(None, None, None)

    pending[id(future)] = future
    future.add_done_callback(done)
    drain.here().stopping.callbacks.setdefault(id(pending), cancel_pending)
    if drain.stopping:
        future.cancel()
    return future


def apply(
    pool: Pool, function: Callable[..., T], /, *args: Any, name: str = "", then: Callable[[], object] | None = None
) -> AsyncResult[T]:
    """pool.apply_async, counted until it is done; `then` is called afterwards, however it went.

    Such a pool cannot give back what waits in it: hand it no more than it has children. Raises ValueError when it is
    closed.
    """
    work = begun(name or function.__name__)

    def done(_result: object) -> None:
        work.__exit__(None, None, None)
        if then is not None:
            then()

    try:
        return pool.apply_async(function, args, callback=done, error_callback=done)
    except BaseException:
        done(None)
        raise


pending: dict[int, Future[Any]] = {}
"""Futures that are not done, by identity."""


def cancel_pending() -> None:
    for future in list(pending.values()):
        future.cancel()


def begun(name: str) -> Work:
    work = drain.work(name)
    work.on_cancel = end_children
    return work.__enter__()


def end_children() -> None:
    """The time is over, and a task in another process cannot be asked to end."""
    for child in multiprocessing.active_children():
        child.terminate()
