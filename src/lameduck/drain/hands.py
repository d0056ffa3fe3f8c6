"""Threads for what must not hold up whoever asks for it: a hook, a flush of stdout.

Python 3.12 starts no thread any more once the main thread has left its program, and a container's limit of processes
may be reached just when a stop comes. So one thread is there beforehand; for what it has no time, None is lent.

A signal that goes to a process is any thread's that does not block it, so blocking it in the main thread holds nothing
back as long as others take it. Our own threads leave the stop signals to the main thread; what they are lent for does
not, since the children of a program inherit its thread's mask (pthread_sigmask(3)).
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Hands"]

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


class Hands:
    """Lends threads, none of which keeps the process from leaving."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.spare: threading.Thread | None = None
        self.idle = False
        self.given: Callable[[], object] | None = None
        self.come = threading.Semaphore(0)
        self.left_to_main: frozenset[int] = frozenset()
        """Signals that our own threads block, and the thread that started them does not."""

    def start(self, call: Callable[[], object], name: str) -> threading.Thread:
        """A thread of our own, without stop signals. Raises RuntimeError: there can be no more threads."""
        thread = threading.Thread(target=call, name=name, daemon=True)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            thread.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.left_to_main = STOP_SIGNALS - before
        return thread

    def prepare(self) -> None:
        """Start the spare one. Raises RuntimeError: there can be no more threads."""
        if self.spare is None:
            self.idle = True
            self.spare = self.start(self.serve, "lameduck spare")

    def lend(self, call: Callable[[], object], name: str) -> bool:
        """Have it called in another thread; False where there is none."""
        try:
            threading.Thread(target=self.do, args=(call,), name=name, daemon=True).start()
        except RuntimeError:
            with self.lock:
                if not self.idle:
                    return False
                self.idle = False
                self.given = call
            self.come.release()
        return True

    def do(self, call: Callable[[], object]) -> None:
        """With the signals of whoever started us."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self.left_to_main)
        call()

    def serve(self) -> None:
        while True:
            self.come.acquire()
            call, self.given = self.given, None
            assert call is not None
            try:
                self.do(call)
            except Exception as error:
                # As any other thread's: told, and it goes on.
                threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, self.spare)))
            with self.lock:
                self.idle = True
