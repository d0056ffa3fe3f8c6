"""One request on its way: what its record will say, and what its client needs of the world around it."""

import asyncio
from typing import Protocol

from lameduck.ending.requests import Fate, Request
from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic.backends import Backend
from lameduck.rehearse.traffic.plan import Share, TrafficPlan
from lameduck.rehearse.traffic.pool import Pool
from lameduck.rehearse.traffic.pulse import Pulse
from lameduck.rehearse.traffic.wire import Distance

__all__ = ["Client", "Errand", "Surroundings"]


class Errand:
    """What is known of a request so far. A second attempt begins it anew, but for `sent_s`."""

    __slots__ = (
        "backend",
        "begun",
        "connected_s",
        "due_s",
        "first_byte_s",
        "retried",
        "reused",
        "sent_s",
        "share",
        "status",
        "view",
    )

    def __init__(self, share: Share, view: int, *, due_s: Seconds, sent_s: Seconds, begun: float) -> None:
        self.share = share
        self.view = view
        self.due_s = due_s
        self.sent_s = sent_s
        self.begun = begun
        """The loop's time at which the present attempt began."""
        self.backend: Backend | None = None
        self.connected_s: Seconds | None = None
        self.first_byte_s: Seconds | None = None
        self.status: int | None = None
        self.reused = False
        self.retried = False

    def retry(self, begun: float) -> None:
        """Forget the first attempt, but that it was."""
        self.begun = begun
        self.backend = None
        self.connected_s = None
        self.reused = False
        self.retried = True

    def record(self, fate: Fate, ended_s: Seconds, detail: str) -> Request:
        """The request, now that it is over."""
        return Request(
            kind=self.share.kind,
            method=self.share.method,
            due_s=self.due_s,
            sent_s=self.sent_s,
            ended_s=ended_s,
            fate=fate,
            pod=None if self.backend is None else self.backend.pod,
            reused=self.reused,
            connected_s=self.connected_s,
            first_byte_s=self.first_byte_s,
            status=self.status,
            detail=detail,
            retried=self.retried,
        )


class Client(Protocol):
    """Whoever runs the errand."""

    errand: Errand

    def begin(self) -> None:
        """Set out."""
        ...

    def leave(self) -> None:
        """The traffic is over: end a stream that is well, in good order. Others wait for their answer."""
        ...

    def abandon(self) -> None:
        """Time is up: unfinished."""
        ...


class Surroundings(Protocol):
    """The traffic, as its clients see it."""

    loop: asyncio.AbstractEventLoop
    plan: TrafficPlan
    distance: Distance
    pulse: Pulse

    def pick(self, view: int) -> Backend | None:
        """The backend of a new connection."""
        ...

    def pool(self, view: int) -> Pool:
        """The kept-alive connections of a view."""
        ...

    def over(self, client: Client, fate: Fate, detail: str) -> None:
        """The errand's end."""
        ...

    def not_counted(self, client: Client, why: str) -> None:
        """The errand's end, by a fault of our own."""
        ...
