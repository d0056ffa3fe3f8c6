"""granian (read: 2.8): its worker processes, and the moments in which they would not hear SIGTERM.

A worker is forked with its parent's handler, and has it until it puts its own in that place, which is after the
application has been imported. A signal that comes meanwhile only sets a flag on the worker's copy of the parent's
server; the worker then serves on, and its parent waits for it without an end. So we stand in front as soon as the
application is made, and look at that flag when the worker has its own handler.

With ASGI that is when the lifespan begins, in the worker's loop (which it runs again: running_again.py). With WSGI the
application is called in other threads only, and the main thread waits for the stop in one call: it is made to stand in
front by SIGURG, whose default is to be ignored. A process of multiprocessing leaves without atexit: hooks have to be
run as its finalizer.

A worker must hear one signal only. Its handler sets an event of Rust's whose listener, another thread, takes the GIL
while it holds the event's lock; a second signal just then takes that lock while it holds the GIL, and both wait for
ever. The second would not hasten anything.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from lameduck.drain.closing import stop_server
from lameduck.drain.states import State
from lameduck.drain.told_twice import is_from_parent

if TYPE_CHECKING:
    from types import FrameType

    from lameduck.drain.process import Process

__all__ = ["heed_early_signal", "prepare", "stand_when_ready", "until_ready"]

LOOKS_EVERY_S = 0.002
STANDS_WITHIN_S = 1.0
waiting: list[threading.Event] = []
"""While the main thread is not yet in front of the worker's handlers: what tells when it is."""
parents: list[Any] = []


class Granian:
    """The worker of this process."""

    name = "granian"

    def __init__(self, process: Process) -> None:
        self.process = process
        self.told = False

    def stood(self) -> None:
        """There is another handler, which has not heard what the one before has."""
        self.told = False

    def counts(self, signum: int) -> bool:
        """Its parent passes on what the whole process group was told."""
        return not is_from_parent(self.process, signum)

    def stop(self) -> None:
        if not self.told and self.process.interposed is not None:
            self.told = True
            self.process.interposed.let_through(signal.SIGTERM)

    def hurry(self) -> None:
        self.stop()


def prepare(process: Process) -> None:
    """When the application is made, in a worker that has no handler of its own yet."""
    server: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if server is not None and hasattr(server, "interrupt_signal") and not parents:
        parents.append(server)
        process.starting = True
        if server.reload_on_changes:
            # Each change of a file ends a worker, and a person waits for the next.
            process.has_clients = lambda: False
        process.stand(Granian(process))
        sys.modules["multiprocessing.util"].Finalize(None, process.at_exit, exitpriority=0)


def heed_early_signal(process: Process) -> None:
    """Once we stand in front of the worker's handlers: what came too early comes now."""
    if not parents or process.interposed is None:
        return
    has_come, stop = parents.pop().interrupt_signal, process.stop
    if stop is None and has_come:
        process.interposed.pretend(signal.SIGTERM)
    elif stop is not None and stop.state is State.DRAINING and process.closing.held is None:
        stop_server(process)  # it has been told, by a handler that does nothing here


def stand_when_ready(process: Process) -> None:
    """In the main thread, without a loop: stand in front again, as soon as the worker has installed its handlers."""
    if not parents or process.interposed is None:
        return
    ours = process.interposed.handle
    main = threading.main_thread().ident
    assert main is not None

    def stand(_signum: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGURG, before)
        process.stand()
        process.starting = False
        heed_early_signal(process)
        stands.set()
        waiting.clear()

    def wait() -> None:
        while signal.getsignal(signal.SIGTERM) == ours:
            time.sleep(LOOKS_EVERY_S)
        signal.pthread_kill(main, signal.SIGURG)

    stands = threading.Event()
    waiting.append(stands)
    before = signal.signal(signal.SIGURG, stand)
    threading.Thread(target=wait, name="lameduck granian", daemon=True).start()


def until_ready() -> None:
    """In the thread of the first request: whoever has been answered will be answered in the lame duck, too."""
    for stands in list(waiting):
        stands.wait(STANDS_WITHIN_S)
