"""In front of whatever handles a stop signal, however it was installed, without touching it.

A handler can sit in two places. `signal.signal` puts it into the interpreter: that one is replaced here, and called
later. An event loop's `add_signal_handler` instead makes the interpreter write the signal's number into the loop's
wake-up descriptor (signal.set_wakeup_fd): a pipe of our own takes that place, and what is not held back is passed on
into the loop's, byte for byte. To let a held signal through, it is raised again in this process: both kinds of handler
then see just what they would have seen.

The interpreter writes the byte in the C handler, so a stop is heard even while the main thread is deep in foreign code.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

__all__ = ["Interposed"]

NUDGE = 0
"""A byte that is no signal: it only wakes whoever reads the pipe."""

Handler = Any  # what signal.getsignal answers: a callable, SIG_DFL, SIG_IGN, or None


class Interposed:
    """Some signals, held back until they are let through."""

    def __init__(self) -> None:
        self.theirs: dict[int, Handler] = {}
        """By signal: the handler that would have run."""
        self.read_end, self.write_end = os.pipe()
        for end in (self.read_end, self.write_end):
            os.set_blocking(end, False)
        self.beyond = -1
        self.beyond_is: tuple[int, int] | None = None
        """The wake-up descriptor that was there before: an event loop's."""
        self.in_place_of_default: Callable[[FrameType | None], None] | None = None
        """Called in the main thread for a signal that is let through, where nobody but the kernel would handle it."""
        self.handled: dict[int, int] = {}
        """How often our handler was called, by signal."""
        self.heard: dict[int, int] = {}
        """How often its byte came through the pipe. Signals that come close together may be one for either."""
        self.reported: dict[int, int] = {}
        self.pretended: list[int] = []
        self.let_to_handler: dict[int, int] = {}
        self.let_to_loop: dict[int, int] = {}
        self.let_to_loop_already: dict[int, int] = {}
        self.let_to_handler_already: dict[int, int] = {}
        self.letting = threading.Lock()
        self.lets_nothing_through = False
        """The program has left, and so have its handlers."""

    def stand_before(self, signals: Iterable[int]) -> bool:
        """Take the place of what handles them now; False where only the main thread could do it, and this is another.

        Can be called again, after a server has put its own handlers back in front.
        """
        if threading.current_thread() is not threading.main_thread():
            return False
        for signum in signals:
            there = signal.getsignal(signum)
            if there == self.handle or there is signal.SIG_IGN:
                continue  # what is ignored stops nobody
            self.theirs[signum] = there
            signal.signal(signum, self.handle)
        before = signal.set_wakeup_fd(self.write_end, warn_on_full_buffer=False)
        if before != self.write_end:
            self.beyond, self.beyond_is = before, identity(before)
            self.pass_on_missed()
        return True

    def pass_on_missed(self) -> None:
        """To a loop that runs again: what was let through before, when nobody had the wake-up descriptor."""
        with self.letting:
            for signum, count in self.let_to_loop.items():
                if count > self.let_to_loop_already.get(signum, 0) and self.to_loop(signum):
                    self.let_to_loop_already[signum] = count

    def stands(self) -> bool:
        """Whether everything is still where stand_before put it."""
        return all(signal.getsignal(signum) == self.handle for signum in self.theirs)

    def leave_to_parent(self) -> None:
        """In a forked child: put the handlers back. The parent's event loop is not the child's, nor is the pipe."""
        for signum, handler in self.theirs.items():
            if signal.getsignal(signum) == self.handle and handler is not None:
                signal.signal(signum, handler)
        before = signal.set_wakeup_fd(-1)
        if before not in (self.write_end, self.beyond):
            signal.set_wakeup_fd(before)
        os.close(self.read_end)
        os.close(self.write_end)

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Theirs, if the signal is let through; else a note. It takes no lock: it may interrupt anything."""
        already = self.let_to_handler_already.get(signum, 0)
        if self.let_to_handler.get(signum, 0) > already:
            self.let_to_handler_already[signum] = already + 1
            if self.lets_nothing_through:
                return
            theirs = self.theirs.get(signum)
            if callable(theirs):
                theirs(signum, frame)
            elif self.in_place_of_default is not None and self.default(signum):
                self.in_place_of_default(frame)
            return
        self.handled[signum] = self.handled.get(signum, 0) + 1
        self.nudge()

    def pretend(self, signum: int) -> None:
        """Take it as if the signal had come: a parent has asked in another way. Any thread."""
        self.pretended.append(signum)
        self.nudge()

    def nudge(self) -> None:
        """Wake whoever reads the pipe."""
        with contextlib.suppress(OSError):  # full: it is awake anyway
            os.write(self.write_end, bytes([NUDGE]))

    def read(self) -> list[int]:
        """The stop signals that have come since the last time. The loop's own are passed on to it. One thread only."""
        try:
            data = os.read(self.read_end, 65536)
        except OSError:  # nothing there, or somebody has closed what is not his
            data = b""
        for signum in data:
            if signum == NUDGE:
                continue
            if signum not in self.theirs:
                self.to_loop(signum)
            elif self.let_to_loop.get(signum, 0) > self.let_to_loop_already.get(signum, 0):
                if self.to_loop(signum):
                    self.let_to_loop_already[signum] = self.let_to_loop_already.get(signum, 0) + 1
            else:
                self.heard[signum] = self.heard.get(signum, 0) + 1
        found = []
        for signum in list(self.theirs):  # the main thread may add to it now
            # Each signal may show in one of the two counts, or in both: the larger one is right.
            count = max(self.handled.get(signum, 0), self.heard.get(signum, 0))
            found += [signum] * (count - self.reported.get(signum, 0))
            self.reported[signum] = count
        while self.pretended:
            found.append(self.pretended.pop())
        return found

    def to_loop(self, signum: int) -> bool:
        """What set_wakeup_fd would have done. False where the loop has gone, or has not come back yet."""
        if self.beyond == -1:
            return True  # there is none
        if identity(self.beyond) != self.beyond_is:
            return False
        with contextlib.suppress(OSError):  # full: the loop is awake anyway
            os.write(self.beyond, bytes([signum]))
        return True

    def let_through(self, signum: int) -> None:
        """Have theirs handle the signal now, as if it had just come. Any thread."""
        with self.letting:
            self.let_to_handler[signum] = self.let_to_handler.get(signum, 0) + 1
            self.let_to_loop[signum] = self.let_to_loop.get(signum, 0) + 1
        if sys.platform == "linux":
            # The kernel gives it to the main thread, which takes it. gevent hides that thread's identity.
            os.kill(os.getpid(), signum)
        else:
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signum)

    def default(self, signum: int) -> bool:
        """Whether nobody but the kernel would have handled the signal."""
        return self.theirs.get(signum) in (signal.SIG_DFL, None)


def identity(fd: int) -> tuple[int, int] | None:
    """What a descriptor stands for; None for none. A loop's is closed with it, and its number given to another file."""
    try:
        about = os.fstat(fd)
    except OSError:
        return None
    return about.st_dev, about.st_ino
