"""What the traffic needs to know of a Service: which pod a new connection goes to, seen from where the client is."""

from dataclasses import dataclass
from typing import Protocol

from lameduck.pod.durations import Seconds

__all__ = ["Activity", "Backend", "Balancer"]


@dataclass(frozen=True, slots=True)
class Backend:
    """Where one pod listens. `host` is an address, not a name: nothing is looked up while traffic runs."""

    pod: str
    host: str
    port: int


class Balancer(Protocol):
    """The Service's proxies: each node has its own view of the endpoints, with its own lag (T85)."""

    def views(self) -> int:
        """The number of client sides (nodes), at least 1."""
        ...

    def pick(self, view: int) -> Backend | None:
        """The backend of a *new* connection from that view's present endpoints (T86, T87). None: none left (T88)."""
        ...


@dataclass(frozen=True, slots=True)
class Activity:
    """What the traffic has to do with one pod right now. Times are the server side's, on the rehearsal's clock."""

    in_flight: int
    """Requests begun on a connection to it and not over."""
    open_connections: int
    """Connections not closed by us, idle ones included."""
    last_connection_s: Seconds | None
    """When it last accepted a new connection; None: never."""
    last_byte_s: Seconds | None
    """When it last sent a byte of a response; None: never."""
