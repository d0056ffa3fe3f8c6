"""Threads for what must not hold up whoever asks for it: a hook, a flush of stdout.

Python 3.12 starts no thread any more once the main thread has left its program, and a container's limit of processes
may be reached just when a stop comes. So one thread is there beforehand; for what it has no time, None is lent.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Hands"]


class Hands:
    """Lends threads, none of which keeps the process from leaving."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.spare: threading.Thread | None = None
        self.idle = False
        self.given: Callable[[], object] | None = None
        self.come = threading.Semaphore(0)

    def prepare(self) -> None:
        """Start the spare one. Raises RuntimeError: there can be no more threads."""
        if self.spare is None:
            self.spare = threading.Thread(target=self.serve, name="lameduck spare", daemon=True)
            self.idle = True
            self.spare.start()

    def lend(self, call: Callable[[], object], name: str) -> bool:
        """Have it called in another thread; False where there is none."""
        try:
            threading.Thread(target=call, name=name, daemon=True).start()
        except RuntimeError:
            with self.lock:
                if not self.idle:
                    return False
                self.idle = False
                self.given = call
            self.come.release()
        return True

    def serve(self) -> None:
        while True:
            self.come.acquire()
            call, self.given = self.given, None
            assert call is not None
            try:
                call()
            except Exception as error:
                # As any other thread's: told, and it goes on.
                threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, self.spare)))
            with self.lock:
                self.idle = True
