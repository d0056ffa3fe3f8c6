"""One TCP connection, seen through the distance: connect, data, FIN and RST each arrive half a round trip later.

The socket stands at the server's end of the delay lines. What the client does (dial, write, close) travels out and
is done to the socket when it gets there; what the socket says (connected, refused, data, FIN, RST) travels back and
is told to the receiver when it gets there. So a client that has not yet heard of a FIN still sends, and its bytes
meet the closed socket, as they would in a network. For the same reason a FIN does not close our side.
"""

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Callable
from typing import Protocol

from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic.backends import Backend
from lameduck.rehearse.traffic.delay_line import DelayLine, NoDelay

__all__ = ["Distance", "PodSeen", "Receiver", "Wire"]

_PIECE = 64 * 1024  # above 128 KiB, malloc asks the kernel for each buffer anew
_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY)
_BIND_ADDRESS_NO_PORT = getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24)  # named since 3.12; ip(7): 24
_SOURCES = 254


class Receiver(Protocol):
    """Who is told what comes back. Exactly one of `on_refused` and `on_end` is the last word."""

    def on_connected(self) -> None:
        """The server's kernel has accepted the connection (the process may never)."""
        ...

    def on_refused(self, error: OSError, /) -> None:
        """There will be no connection."""
        ...

    def on_data(self, data: bytes, /) -> None:
        """Bytes of the server, never empty."""
        ...

    def on_end(self, error: OSError | None, /) -> None:
        """The server sends no more: FIN (None) or an error (RST). Our own side is still open."""
        ...


class PodSeen:
    """When a pod's sockets last did something, as seen at the server's end of the distance."""

    __slots__ = ("last_byte_s", "last_connection_s")

    def __init__(self) -> None:
        self.last_connection_s: Seconds | None = None
        self.last_byte_s: Seconds | None = None


class Distance:
    """The space between clients and pods: two delay lines, and all connections through them."""

    __slots__ = ("_source", "back", "clock", "loop", "out", "seen", "wires")

    def __init__(self, loop: asyncio.AbstractEventLoop, rtt_s: Seconds, clock: Callable[[], Seconds]) -> None:
        self.loop = loop
        self.clock = clock
        self.out = DelayLine(loop, Seconds(rtt_s / 2))
        self.back = DelayLine(loop, Seconds(rtt_s / 2)) if rtt_s > 0 else NoDelay()
        self.wires: set[Wire] = set()
        self.seen: dict[str, PodSeen] = {}
        self._source = 1

    def close(self) -> None:
        """Close all connections at once, whatever is still on its way."""
        self.out.close()
        self.back.close()
        for wire in tuple(self.wires):
            wire.cut()

    def connect(self, backend: Backend) -> socket.socket:
        """A socket on its way to the backend. Raises OSError at once for what needs no waiting.

        On Linux all of 127.0.0.0/8 is this machine. When the kernel has no free port left from one of its addresses
        to this backend (28,000 of them, some of them in TIME_WAIT), the next one is used.
        """
        family = socket.AF_INET6 if ":" in backend.host else socket.AF_INET
        for _ in range(3):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._source > 1 and backend.host.startswith("127."):
                    sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
                    sock.bind((f"127.0.0.{self._source}", 0))
                code = sock.connect_ex((backend.host, backend.port))
            except BaseException:
                sock.close()
                raise
            if code == 0 or code in _IN_PROGRESS:
                return sock
            sock.close()
            if code != errno.EADDRNOTAVAIL or not backend.host.startswith("127.") or sys.platform != "linux":
                break
            self._source = self._source % _SOURCES + 1
        raise OSError(code, os.strerror(code))


class Wire:
    """A connection. `receiver` may be changed at any time; after `close` it hears nothing more."""

    __slots__ = (
        "_distance",
        "_reading",
        "_reset",
        "_seen",
        "_sock",
        "_unsent",
        "_writing",
        "backend",
        "heard_end",
        "receiver",
    )

    def __init__(self, distance: Distance, backend: Backend, receiver: Receiver) -> None:
        self._distance = distance
        self._sock: socket.socket | None = None
        self._reading = False
        self._writing = False
        self._reset: OSError | None = None
        self._unsent = bytearray()
        self._seen = distance.seen.setdefault(backend.pod, PodSeen())
        self.backend = backend
        self.heard_end = False
        self.receiver: Receiver | None = receiver
        distance.wires.add(self)
        distance.out.put(self._dial, None)

    # The client's end

    def write(self, data: bytes) -> None:
        """Send bytes. What becomes of them is heard, if at all, through the receiver."""
        self._distance.out.put(self._send, data)

    def close(self) -> None:
        """Say good-bye, after what was written before. Twice is fine."""
        if self.receiver is not None:
            self.receiver = None
            self._distance.out.put(self._shut, None)

    def cut(self) -> None:
        """Close the socket now, without regard for what is on its way."""
        self.receiver = None
        self._distance.wires.discard(self)
        if self._sock is not None:
            self._stop_reading()
            self._stop_writing()
            self._sock.close()
            self._sock = None

    # The server's end

    def _dial(self, _: None) -> None:
        if self.receiver is None:
            return  # closed before it began
        try:
            self._sock = self._distance.connect(self.backend)
        except OSError as error:
            self._tell_refused(error)
            return
        self._writing = True
        self._distance.loop.add_writer(self._sock, self._dialled)

    def _dialled(self) -> None:
        if self._sock is None:
            return
        self._stop_writing()
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._tell_refused(OSError(code, os.strerror(code)))
            return
        self._seen.last_connection_s = self._distance.clock()
        self._reading = True
        self._distance.loop.add_reader(self._sock, self._readable)
        self._distance.back.put(self._tell_connected, None)

    def _tell_refused(self, error: OSError) -> None:
        self._distance.back.put(self._hear_refused, error)

    def _readable(self) -> None:
        if self._sock is None:
            return
        try:
            data = self._sock.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._stop_reading()
            self._distance.back.put(self._hear_end, error)
            return
        if data:
            self._seen.last_byte_s = self._distance.clock()
            self._distance.back.put(self._hear_data, data)
        else:
            self._stop_reading()  # a FIN stays readable for ever
            self._distance.back.put(self._hear_end, self._reset)

    def _send(self, data: bytes) -> None:
        if self._sock is None:
            return
        if self._unsent:
            self._unsent += data
            return
        self._push(data)

    def _push(self, data: bytes | bytearray) -> None:
        assert self._sock is not None
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            # The server's RST is here. What it sent before can still be read, so the end is told by the reader. But a
            # socket says ECONNRESET only once: after this the reader sees what looks like a FIN. (EPIPE: a FIN it was.)
            if error.errno == errno.ECONNRESET:
                self._reset = error
            self._unsent.clear()
            self._stop_writing()
            return
        if sent == len(data):
            self._unsent.clear()
            self._stop_writing()
            return
        self._unsent = bytearray(data[sent:])
        if not self._writing:
            self._writing = True
            self._distance.loop.add_writer(self._sock, self._writable)

    def _writable(self) -> None:
        self._push(self._unsent)

    def _shut(self, _: None) -> None:
        self.cut()

    def _stop_reading(self) -> None:
        if self._reading and self._sock is not None:
            self._reading = False
            self._distance.loop.remove_reader(self._sock)

    def _stop_writing(self) -> None:
        if self._writing and self._sock is not None:
            self._writing = False
            self._distance.loop.remove_writer(self._sock)

    # Back at the client's end

    def _tell_connected(self, _: None) -> None:
        if self.receiver is not None:
            self.receiver.on_connected()

    def _hear_refused(self, error: OSError) -> None:
        if self.receiver is not None:
            self.receiver.on_refused(error)

    def _hear_data(self, data: bytes) -> None:
        if self.receiver is not None:
            self.receiver.on_data(data)

    def _hear_end(self, error: OSError | None) -> None:
        self.heard_end = True
        if self.receiver is not None:
            self.receiver.on_end(error)
