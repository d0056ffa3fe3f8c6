"""When each stream is told that the server goes away: spread over a time, so that not all clients come back at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lameduck.drain.works import Stream

__all__ = ["HEEDS_THE_END_WITHIN_S", "TRY_AGAIN", "WEBSOCKET_GOING_AWAY", "Farewells"]

WEBSOCKET_GOING_AWAY = 1001
"""RFC 6455, 7.4.1."""
HEEDS_THE_END_WITHIN_S = 1.0
"""An application that neither sends nor listens is cancelled so long after its stream was ended."""
TRY_AGAIN = "This server goes away. Try again.\n"
"""The body of the 503 that a request gets whose time is over before its answer has begun."""


class Farewells:
    """The moments of all streams, also of those that begin later."""

    def __init__(self, streams: dict[int, Stream]) -> None:
        self.streams = streams
        self.moments: dict[int, float] = {}
        """By the stream's key in `streams`."""

    def say(self, now: float, until: float) -> None:
        """Choose a moment for each new stream, and tell those whose moment has come."""
        from random import uniform

        for key, stream in list(self.streams.items()):
            at = self.moments.get(key)
            if at is None:
                self.moments[key] = uniform(now, max(now, until))
            elif at <= now:
                stream.tell()
        for key in self.moments.keys() - self.streams.keys():
            del self.moments[key]

    def say_all(self) -> None:
        """The time is over."""
        for stream in list(self.streams.values()):
            stream.tell()

    def next_at(self) -> float:
        """The next moment; infinite if there is none."""
        return min(self.moments.values(), default=float("inf"))
