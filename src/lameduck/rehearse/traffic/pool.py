"""Kept-alive connections: a pool to the Service, not to a pod, as HTTP clients keep it."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic.http1 import Exchange
from lameduck.rehearse.traffic.wire import Wire

__all__ = ["Link", "Pool", "take_leave"]

_PATIENCE_S = 1.0
"""How long we wait for the FIN of a server that said it would close, before we close ourselves."""


@dataclass(slots=True, eq=False)
class Link:
    """A connection and the state of HTTP on it."""

    wire: Wire
    exchange: Exchange = field(default_factory=Exchange)
    connected_s: Seconds | None = None


class Pool:
    """At most `size` idle connections, used in turn.

    While there are fewer, a request opens a new one, so that the pool touches all backends as the connections of many
    clients would. When all are busy, a request opens one more, which is closed afterwards. A connection stays where it
    is, whatever becomes of its endpoint (T91); it leaves the pool when the client *hears* of its end.
    """

    __slots__ = ("_idle", "_open", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._open = 0
        self._idle: deque[Link] = deque()

    def take(self) -> Link | None:
        """The connection that was idle longest; None: open a new one, and say so with `opened`."""
        if self._open < self._size or not self._idle:
            return None
        return self._idle.popleft()

    def opened(self) -> None:
        """A new connection belongs to the pool and is busy."""
        self._open += 1

    def lost(self) -> None:
        """A busy connection is gone or will not be used again."""
        self._open -= 1

    def give_back(self, link: Link) -> None:
        """A busy connection is idle again."""
        if self._open > self._size:
            self.lost()
            link.wire.close()
            return
        link.wire.receiver = _Idle(self, link)
        self._idle.append(link)

    def forget(self, link: Link) -> None:
        """An idle connection has ended, or a server spoke without being asked (408 on its way out): not used again."""
        self._idle.remove(link)
        self.lost()
        link.wire.close()


class _Idle:
    """Hears for an idle connection: whatever it hears, the connection is of no more use."""

    __slots__ = ("_link", "_pool")

    def __init__(self, pool: Pool, link: Link) -> None:
        self._pool = pool
        self._link = link

    def on_connected(self) -> None:
        raise AssertionError("an idle connection was connected long ago")

    def on_refused(self, _error: OSError) -> None:
        raise AssertionError("an idle connection was connected long ago")

    def on_data(self, _data: bytes) -> None:
        self._pool.forget(self._link)

    def on_end(self, _error: OSError | None) -> None:
        self._pool.forget(self._link)


def take_leave(wire: Wire, loop: asyncio.AbstractEventLoop) -> None:
    """Let the server close first, as it said it would: so TIME_WAIT is on its side, and our ports stay free."""
    if wire.heard_end:
        wire.close()
    else:
        wire.receiver = _Leaving(wire, loop)


class _Leaving:
    __slots__ = ("_timer", "_wire")

    def __init__(self, wire: Wire, loop: asyncio.AbstractEventLoop) -> None:
        self._wire = wire
        self._timer = loop.call_later(_PATIENCE_S, wire.close)

    def on_connected(self) -> None:
        raise AssertionError("this connection has had its answer")

    def on_refused(self, _error: OSError) -> None:
        raise AssertionError("this connection has had its answer")

    def on_data(self, _data: bytes) -> None:
        pass  # nothing that was asked for

    def on_end(self, _error: OSError | None) -> None:
        self._timer.cancel()
        self._wire.close()
