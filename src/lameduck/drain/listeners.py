"""The process's own listening sockets: whom the kernel has let in, and how to let nobody new in first.

A listener that is closed resets every connection that waits in its accept queue, and those whose handshake is under
way. So new handshakes are stopped first: a classic BPF filter on the listener drops segments with SYN, nothing else.
What has been let in is accepted as always; when the queue is empty the listener can be closed and nobody is cut.
A client that comes later is refused when its kernel asks again, after a second. Linux only; elsewhere nothing is done.

The filter sits on the listener, which several processes may share: it is for the last of them (siblings.py).
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING

from lameduck.kernel.tcp_table import ALL, LISTEN, SYN_RECV, TIME_WAIT, look

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Held", "borrowed", "connections_of", "let_in_again", "let_nobody_in", "listening", "own_sockets", "ports"]

SO_ATTACH_FILTER = 26
SO_DETACH_FILTER = 27
SO_GET_FILTER = SO_ATTACH_FILTER
DROP_SYN = (
    (0x30, 0, 0, 13),  # load the flags: a TCP socket's filter sees the segment from its TCP header on
    (0x45, 0, 1, 0x02),  # SYN?
    (0x06, 0, 0, 0),  # then drop
    (0x06, 0, 0, 0xFFFFFFFF),  # else keep
)
FILTER = b"".join(struct.pack("=HBBI", *line) for line in DROP_SYN)
UNACKED_AT = 24
"""Where struct tcp_info has tcpi_unacked: of a listener, the length of its accept queue (tcp_diag)."""

HANDSHAKES_TAKE_S = 0.05
"""Where the kernel's table does not show those that are under way."""
HANDSHAKES_END_WITHIN_S = 1.5
"""A segment that was lost is sent again after a second (RFC 6298). A client that has left in the middle stays in the
table for much longer."""
CONNECTED = ALL - {LISTEN, TIME_WAIT}
"""In TIME_WAIT nobody sends anything any more."""


def listening() -> Iterator[int]:
    """Descriptors of this process's listening TCP sockets."""
    for fd in own_sockets():
        listens = False
        with contextlib.suppress(OSError), borrowed(fd) as there:
            listens = bool(
                there.family in (socket.AF_INET, socket.AF_INET6)
                and there.type == socket.SOCK_STREAM
                and there.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            )
        if listens:
            yield fd


def own_sockets() -> list[int]:
    """Descriptors of sockets."""
    found = []
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return []
    for name in names:
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                found.append(int(name))
        except OSError:
            continue
    return found


def ports() -> frozenset[int]:
    """The ports this process listens on."""
    found = set()
    for fd in listening():
        with contextlib.suppress(OSError), borrowed(fd) as there:
            found.add(there.getsockname()[1])
    return frozenset(found)


class borrowed:  # noqa: N801
    """A descriptor as a socket, without becoming its owner. Raises OSError when it has been closed meanwhile."""

    def __init__(self, fd: int) -> None:
        # Where the program has set a default timeout, Python makes what it wraps non-blocking, for all who share it.
        blocks = socket.getdefaulttimeout() is None or os.get_blocking(fd)
        self.socket = socket.socket(fileno=fd)
        if socket.getdefaulttimeout() is not None:
            os.set_blocking(fd, blocks)

    def __enter__(self) -> socket.socket:
        return self.socket

    def __exit__(self, *raised: object) -> None:
        self.socket.detach()


class Held:
    """Listeners that let nobody in any more, and those who had been let in before and are not accepted yet.

    `left`: ports of listeners whose queues are others' affair by now.
    """

    def __init__(self, fds: tuple[int, ...], now: float, *, left: frozenset[int] = frozenset()) -> None:
        self.fds = fds
        self.since = now
        self.ports = frozenset(port_of(fd) for fd in fds)
        self.all_ports = self.ports | left

    def is_empty(self, now: float) -> bool:
        """Whether all have been accepted. Their server goes on accepting until it is told to stop."""
        took = now - self.since
        if took < HANDSHAKES_TAKE_S:
            return False
        if any(map(queued, self.fds)):
            return False
        # And once more the queue, after the table: a handshake that ends between the two looks is there then.
        under_way = took < HANDSHAKES_END_WITHIN_S and handshakes(self.ports)
        return not under_way and not any(map(queued, self.fds))


def let_nobody_in(
    now: float, *, but: frozenset[int] = frozenset(), shared: frozenset[int] = frozenset()
) -> Held | None:
    """Stop new handshakes on all listeners but those of some ports, and those `shared` with others (inodes).

    What is left in their queues is seen in the answer. None where it cannot be done, or where there are none.
    """
    if sys.platform != "linux":
        return None
    held = []
    for fd in listening():
        try:
            with borrowed(fd) as there:
                if there.getsockname()[1] in but or os.fstat(fd).st_ino in shared:
                    continue
                drop_handshakes(there)
                held.append(fd)
        except OSError:
            continue
    return Held(tuple(held), now) if held else None


def let_in_again() -> None:
    """Take our filter from the listeners: a process that begins to serve on one that another had closed."""
    if sys.platform != "linux":
        return
    for fd in listening():
        with contextlib.suppress(OSError, ImportError), borrowed(fd) as there:
            if filter_of(there) == FILTER:
                there.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def filter_of(there: socket.socket) -> bytes:
    """A socket's filter; empty if it has none. Raises OSError where it is longer than ours.

    The kernel counts lines of eight bytes here, asked and answered: Python's own getsockopt would take it for bytes,
    and have a longer filter written beyond its buffer.
    """
    import ctypes

    data = ctypes.create_string_buffer(len(FILTER))
    lines = ctypes.c_uint(len(DROP_SYN))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.getsockopt(there.fileno(), socket.SOL_SOCKET, SO_GET_FILTER, data, ctypes.byref(lines)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return data.raw[: 8 * lines.value]


def port_of(fd: int) -> int:
    """Of a listener; 0 if it is closed by now."""
    try:
        with borrowed(fd) as there:
            port: int = there.getsockname()[1]
            return port
    except OSError:
        return 0


def drop_handshakes(listener: socket.socket) -> None:
    """Attach the filter. Connections that were let in inherit it, and do not mind: they get no SYN. Raises OSError."""
    program = array.array("B", FILTER)
    address, _ = program.buffer_info()
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(DROP_SYN), address))


def queued(fd: int) -> int:
    """How many connections wait to be accepted; 0 for a listener that is closed by now."""
    try:
        with borrowed(fd) as there:
            info = there.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, UNACKED_AT + 4)
        return int(struct.unpack_from("=I", info, UNACKED_AT)[0])
    except (OSError, struct.error):
        return 0


def handshakes(listened_on: frozenset[int]) -> bool:
    """Whether any are under way with these ports: they would be reset with their listener."""
    return any(row.port in listened_on for row in look(frozenset({SYN_RECV})))


def connections_of(listened_on: frozenset[int]) -> frozenset[tuple[str, int]]:
    """The peers, address and port, of the connections that these ports have now; of the whole network namespace, so
    other processes' are among them: it only serves to tell old connections from new ones."""
    return frozenset((numeric(row.peer), row.peer_port) for row in look(CONNECTED) if row.port in listened_on)


def numeric(address: bytes) -> str:
    """An address as servers write it."""
    text = socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)
    return text.removeprefix("::ffff:") if "." in text else text
