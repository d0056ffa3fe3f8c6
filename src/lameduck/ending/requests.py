"""Requests and their fates: what became of each piece of work that clients asked for."""

from dataclasses import replace
from enum import Enum

from lameduck.pod.durations import Seconds
from lameduck.pod.records import dataclass

__all__ = ["ClientKind", "Fate", "Request"]


class Fate(Enum):
    """What the client saw. Everything but OK and UNFINISHED is a lost request."""

    OK = "ok"
    REFUSED = "refused"  # no connection: RST to SYN, or no endpoint at all (T88)
    RESET = "reset"  # the connection ended before the first byte of the response
    CUT = "cut"  # the connection ended within the response, or a stream ended without its proper end
    SERVER_ERROR = "5xx"
    TIMEOUT = "timeout"
    UNFINISHED = "unfinished"  # still in flight on a living pod when the rehearsal ended; not lost

    @property
    def lost(self) -> bool:
        """Whether the client did not get what it asked for."""
        return self not in (Fate.OK, Fate.UNFINISHED)


class ClientKind(Enum):
    """How the client behaves; the mix is the rehearsal's."""

    NEW = "new"  # a new connection for each request
    KEEPALIVE = "keepalive"  # from a pool of kept-alive connections
    SLOW = "slow"  # a request whose answer takes seconds
    UPLOAD = "upload"  # a POST whose body arrives over seconds
    SSE = "sse"  # a long response stream
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, seen from its client. Times are seconds on the rehearsal's clock, as on the timeline.

    `pod` is the backend of its connection, None if there was none. `due_s` is when it should have been sent,
    `sent_s` when it was; the difference is this machine's fault, never the server's. `first_byte_s` None: no byte
    of a response was seen. `retried`: a first attempt failed on a reused connection before the first byte, and the
    client sent it again (the fate is that of the last attempt).
    """

    kind: ClientKind
    method: str
    due_s: Seconds
    sent_s: Seconds
    ended_s: Seconds
    fate: Fate
    pod: str | None = None
    reused: bool = False
    connected_s: Seconds | None = None
    """When the server had accepted its connection, as the client saw it; for a reused one, long ago."""
    first_byte_s: Seconds | None = None
    status: int | None = None
    detail: str = ""
    """The error's own words, for reading."""
    retried: bool = False

    def since(self, zero_s: Seconds) -> "Request":
        """The same request with its times counted from that moment."""

        def counted(t_s: Seconds | None) -> Seconds | None:
            return None if t_s is None else Seconds(t_s - zero_s)

        return replace(
            self,
            due_s=Seconds(self.due_s - zero_s),
            sent_s=Seconds(self.sent_s - zero_s),
            ended_s=Seconds(self.ended_s - zero_s),
            connected_s=counted(self.connected_s),
            first_byte_s=counted(self.first_byte_s),
        )
