"""A WebSocket's client end, as bytes in and bytes out. wsproto does the protocol."""

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, Request
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from lameduck.rehearse.traffic.http1 import NotHttpError

__all__ = ["Dialogue"]

_NORMAL_CLOSURE = 1000  # RFC 6455, 7.4.1


class Dialogue:
    """One WebSocket. `status` is the handshake's; `closed` is the close frame's code, None while there was none."""

    __slots__ = ("_ws", "closed", "status")

    def __init__(self) -> None:
        self._ws = WSConnection(ConnectionType.CLIENT)
        self.status: int | None = None
        self.closed: int | None = None

    @property
    def open(self) -> bool:
        """Whether the handshake succeeded and no side has closed."""
        return self.status == 101 and self.closed is None

    def hello(self, host: str, target: str) -> bytes:
        """The bytes of the handshake's request."""
        return self._ws.send(Request(host=host, target=target))

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the server and give those to answer with. Raises NotHttpError if they break the protocol."""
        answer = b""
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():
                match event:
                    case AcceptConnection():
                        self.status = 101
                    case RejectConnection(status_code=status):
                        self.status = status
                        return answer
                    case Ping():
                        answer += self._ws.send(event.response())
                    case CloseConnection(code=code, reason=reason):
                        if self._ws.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
                            raise NotHttpError(
                                reason or "not a WebSocket frame"
                            )  # wsproto's own wish to close, not theirs
                        if self._ws.state is ConnectionState.REMOTE_CLOSING:
                            answer += self._ws.send(event.response())
                        self.closed = int(code)
                        return answer
                    case _:
                        pass  # messages and pongs: what a server says is not ours to judge
        except (RemoteProtocolError, LocalProtocolError) as error:
            raise NotHttpError(str(error)) from None
        return answer

    def good_bye(self) -> bytes:
        """The bytes of our close frame."""
        return self._ws.send(CloseConnection(code=_NORMAL_CLOSURE, reason="the rehearsal has seen enough"))
