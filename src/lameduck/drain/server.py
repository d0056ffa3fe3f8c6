"""What a server has to offer, so that a stop can be led through it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lameduck.drain.interposing import Interposed

__all__ = ["Server", "Signalled"]


class Server(Protocol):
    """Whatever runs the application in this process."""

    name: str

    def stop(self) -> None:
        """The lame duck is over: let nobody new in, finish what is under way, and leave. Any thread; must not block."""

    def hurry(self) -> None:
        """Somebody is impatient: leave now. Any thread; must not block."""


class Signalled:
    """A server that stops by itself on the signal: it is let through when the time has come."""

    name = "signal"

    def __init__(self, interposed: Interposed, signum: int = signal.SIGTERM) -> None:
        self.interposed = interposed
        self.signum = signum

    def stop(self) -> None:
        self.interposed.let_through(self.signum)

    def hurry(self) -> None:
        self.interposed.let_through(self.signum)
