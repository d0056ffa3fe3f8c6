"""When each stream is told that the server goes away: spread over a time, so that not all clients come back at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lameduck.drain.works import Stream

__all__ = ["Farewells"]


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
