"""HTTP/1.1 on one connection, as bytes in and bytes out. h11 does the protocol."""

import h11

from lameduck.ending.requests import ClientKind
from lameduck.rehearse.traffic.plan import Share

__all__ = ["BODY_PIECE", "Exchange", "NotHttpError", "request_for"]

_LARGEST_HEAD = 64 * 1024
_FORM = b"from=lameduck"
BODY_PIECE = b"lameduck" * 128
"""1 KiB of an upload's body."""


class NotHttpError(Exception):
    """What the server sent, or where it ended, is no HTTP response."""


def request_for(share: Share, host: str, *, keep_alive: bool, body_pieces: int) -> h11.Request:
    """The head of a share's requests; `body_pieces` of BODY_PIECE follow it, or the small form of `Exchange.ask`."""
    accept = "text/event-stream" if share.kind is ClientKind.SSE else "*/*"
    headers = [("Host", host), ("User-Agent", "lameduck"), ("Accept", accept)]
    if not keep_alive:
        headers.append(("Connection", "close"))
    if body_pieces:
        headers.append(("Content-Type", "application/octet-stream"))
        headers.append(("Content-Length", str(body_pieces * len(BODY_PIECE))))
    elif share.method in ("POST", "PUT", "PATCH"):
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        headers.append(("Content-Length", str(len(_FORM))))
    return h11.Request(method=share.method, target=share.path, headers=headers)


class Exchange:
    """Requests and responses in turn. `status` and `complete` are the present response's."""

    __slots__ = ("_h11", "complete", "status")

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
        self.status: int | None = None
        self.complete = False

    def ask(self, request: h11.Request, *, whole: bool) -> bytes:
        """The bytes of a request. Not `whole`: its body follows by `body` and `body_end`."""
        self.status = None
        self.complete = False
        data = self._h11.send(request) or b""
        if whole:
            if request.method in (b"POST", b"PUT", b"PATCH"):
                data += self._h11.send(h11.Data(data=_FORM)) or b""
            data += self._h11.send(h11.EndOfMessage()) or b""
        return data

    def body(self, piece: bytes) -> bytes:
        """The bytes of one more piece of the request's body."""
        return self._h11.send(h11.Data(data=piece)) or b""

    def body_end(self) -> bytes:
        """The bytes that end the request's body."""
        return self._h11.send(h11.EndOfMessage()) or b""

    def receive(self, data: bytes) -> None:
        """Take bytes of the response; b"" is the FIN. Raises NotHttpError if they are, or end as, no response."""
        try:
            self._h11.receive_data(data)
            while not self.complete:
                event = self._h11.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                if isinstance(event, h11.Response):
                    self.status = event.status_code
                elif isinstance(event, h11.EndOfMessage):
                    self.complete = True
                elif isinstance(event, h11.ConnectionClosed):
                    raise NotHttpError("the server closed the connection instead of answering")
        except h11.RemoteProtocolError as error:
            raise NotHttpError(str(error)) from None

    def reuse(self) -> bool:
        """Get ready for the next request; False if this connection will not carry one."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        if self._h11.trailing_data[0]:
            return False
        self._h11.start_next_cycle()
        return True
