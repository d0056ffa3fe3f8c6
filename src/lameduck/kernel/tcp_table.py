"""The TCP sockets of this network namespace, which is the pod's.

Asked through sock_diag(7), which picks states in the kernel and tells of each connection when its last data came and
went; where that is not allowed, /proc/net/tcp and tcp6 tell of states and queues only. They show every socket, of which
a service that has answered many new connections has thousands in TIME_WAIT: milliseconds to read, and more to parse.
"""

from __future__ import annotations

import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

__all__ = [
    "ALL",
    "CLOSE",
    "CLOSE_WAIT",
    "CLOSING",
    "ESTABLISHED",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "LAST_ACK",
    "LISTEN",
    "SYN_RECV",
    "TIME_WAIT",
    "TcpSocket",
    "look",
]

ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT = 1, 2, 3, 4, 5, 6
CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING = 7, 8, 9, 10, 11
ALL = frozenset(range(1, 12))
"""The states of a socket (linux/tcp_states.h)."""

AF_INET, AF_INET6, AF_NETLINK = 2, 10, 16
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
IPPROTO_TCP = 6
INET_DIAG_INFO = 2
QUERY = struct.Struct("=IHHIIBBBBI48s")
MESSAGE = struct.Struct("=IHHII")
DIAG = struct.Struct("=BBBB2s2s16s16sIIIIIIII")
ATTRIBUTE = struct.Struct("=HH")
TIMES = struct.Struct("=III")
TIMES_AT = 44
"""Where struct tcp_info has last_data_sent, last_ack_sent and last_data_recv, in milliseconds ago."""

SEGMENTS = struct.Struct("=II")
SEGMENTS_AT = 152
"""Where it has data_segs_in and data_segs_out (Linux 4.6)."""

WAITS_FOR_THE_KERNEL_S = 1.0


class TcpSocket:
    """One row of the kernel's table. `received_s` and `sent_s` are ages in seconds, None where they are not told."""

    __slots__ = ("address", "inode", "owing", "peer", "peer_port", "port", "queued", "received_s", "sent_s", "state")

    def __init__(
        self, state: int, port: int, address: bytes, peer: bytes, peer_port: int, *, queued: int, inode: int
    ) -> None:
        self.state = state
        self.port = port
        self.address = address
        """Its own; 4 or 16 bytes in network order, as the peer's."""
        self.peer = peer
        self.peer_port = peer_port
        self.queued = queued
        """Bytes that the service has not read, or the client not acknowledged."""
        self.inode = inode
        self.received_s: float | None = None
        self.sent_s: float | None = None
        self.owing = False
        """More segments with data have come than gone."""

    @property
    def key(self) -> tuple[object, ...]:
        """What no other connection has at the same time."""
        return self.port, self.address, self.peer_port, self.peer


def look(states: frozenset[int] = ALL, *, times: bool = False) -> list[TcpSocket]:
    """All TCP sockets in these states; empty where nothing tells of them. `times`: also when their last data came."""
    try:
        return ask_the_kernel(states, times=times)
    except OSError:
        return [row for name in ("tcp", "tcp6") for row in rows_of(f"/proc/net/{name}") if row.state in states]


def rows_of(path: str) -> list[TcpSocket]:
    """The rows of /proc/net/tcp or tcp6 (proc(5))."""
    found = []
    try:
        with open(path, "rb") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return []
    for line in lines:
        fields = line.split()
        if len(fields) < 10:
            continue
        state = int(fields[3], 16)
        sent, _, received = fields[4].partition(b":")
        queued = 0 if state == LISTEN else int(sent, 16) + int(received, 16)
        address, port = end_in(fields[1])
        peer, peer_port = end_in(fields[2])
        found.append(TcpSocket(state, port, address, peer, peer_port, queued=queued, inode=int(fields[9])))
    return found


def end_in(text: bytes) -> tuple[bytes, int]:
    """The address and the port of one end; the table has addresses in words of the machine's own byte order."""
    address, _, port = text.partition(b":")
    words = bytes.fromhex(address.decode())
    if sys.byteorder == "little":
        words = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    return words, int(port, 16)


def ask_the_kernel(states: frozenset[int] = ALL, *, times: bool = False) -> list[TcpSocket]:
    """The rows of sock_diag(7). Raises OSError where it is not to be had."""
    import _socket  # the module around it would cost milliseconds

    found: list[TcpSocket] = []
    wanted = sum(1 << state for state in states)
    extensions = 1 << (INET_DIAG_INFO - 1) if times else 0
    asked = _socket.socket(AF_NETLINK, 3, NETLINK_SOCK_DIAG)
    try:
        asked.settimeout(WAITS_FOR_THE_KERNEL_S)
        for family in (AF_INET, AF_INET6):
            asked.send(
                QUERY.pack(
                    *(QUERY.size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0),
                    *(family, IPPROTO_TCP, extensions, 0, wanted, bytes(48)),
                )
            )
            read_answer(asked, found)
    finally:
        asked.close()
    return found


def read_answer(asked: _socket.socket, found: list[TcpSocket]) -> None:
    """Read messages up to the one that says it is the last. Raises OSError for one that says why there are none."""
    while True:
        data = asked.recv(1 << 18)
        at = 0
        while at + MESSAGE.size <= len(data):
            size, kind, _, _, _ = MESSAGE.unpack_from(data, at)
            if kind == NLMSG_DONE or size < MESSAGE.size:
                return
            if kind == NLMSG_ERROR:
                raise OSError(-struct.unpack_from("=i", data, at + MESSAGE.size)[0], "sock_diag")
            if size >= MESSAGE.size + DIAG.size:
                found.append(row_in(data, at + MESSAGE.size, at + size))
            at += (size + 3) & ~3


def row_in(data: bytes, at: int, end: int) -> TcpSocket:
    """One inet_diag_msg and, where it was asked for, its tcp_info."""
    family, state, _, _, port, peer_port, source, peer, *_, received, sent, _, inode = DIAG.unpack_from(data, at)
    length = 4 if family == AF_INET else 16
    row = TcpSocket(
        state,
        int.from_bytes(port, "big"),
        source[:length],
        peer[:length],
        int.from_bytes(peer_port, "big"),
        queued=0 if state == LISTEN else received + sent,
        inode=inode,
    )
    at += DIAG.size
    while at + ATTRIBUTE.size <= end:
        size, kind = ATTRIBUTE.unpack_from(data, at)
        if size < ATTRIBUTE.size:
            break
        if kind == INET_DIAG_INFO and size >= ATTRIBUTE.size + TIMES_AT + TIMES.size and state != LISTEN:
            last_sent, _, last_received = TIMES.unpack_from(data, at + ATTRIBUTE.size + TIMES_AT)
            row.sent_s, row.received_s = last_sent / 1000, last_received / 1000
            if size >= ATTRIBUTE.size + SEGMENTS_AT + SEGMENTS.size:
                came, went = SEGMENTS.unpack_from(data, at + ATTRIBUTE.size + SEGMENTS_AT)
                row.owing = came > went
        at += (size + 3) & ~3
    return row
