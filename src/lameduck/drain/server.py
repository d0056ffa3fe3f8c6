"""What a server has to offer, so that a stop can be led through it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from lameduck.drain.interposing import Interposed

__all__ = ["Accepting", "OneOfMany", "Server", "Sifting", "Signalled", "Standing"]


class Server(Protocol):
    """Whatever runs the application in this process."""

    name: str

    def stop(self) -> None:
        """The lame duck is over: let nobody new in, finish what is under way, and leave. Any thread; must not block."""

    def hurry(self) -> None:
        """Somebody is impatient: leave now. Any thread; must not block."""


@runtime_checkable
class OneOfMany(Server, Protocol):
    """A worker process that is also stopped to be replaced, while others go on with its listeners."""

    def stops_alone(self) -> bool:
        """Asked when the signal has come: whether others take over. May block for a second to be sure."""


@runtime_checkable
class Accepting(Server, Protocol):
    """A worker process that can leave the listeners to the others, and serve on whom it has accepted."""

    def accept_no_more(self) -> None:
        """In its loop; as far as it can. The stop follows."""


@runtime_checkable
class Standing(Server, Protocol):
    """A server that has something to do once we stand in front of its handlers."""

    def stood(self) -> None:
        """In the main thread; each time."""


@runtime_checkable
class Sifting(Server, Protocol):
    """A worker process whose parent signals it more than once although it was asked once itself."""

    def counts(self, signum: int) -> bool:
        """Asked for each signal that has come: whether somebody wants a stop by it, or a faster one."""


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
