"""What the kernel knows of the TCP connections here: which are there, and which are busy.

Asked through sock_diag(7), which tells of each connection when its last data came and went; where that is not allowed,
/proc/net/tcp and tcp6 tell of states and queues only. Both show one network namespace, which is the pod's.
"""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

__all__ = ["Connection", "arrivals_so_far", "busy", "listened_on_by", "look"]

ESTABLISHED, LISTEN = 1, 10
CONNECTED = frozenset({1, 4, 5, 6, 8, 9, 11})
"""States that a connection has only after it was established: short ones are seen in TIME_WAIT."""
OPEN = frozenset({1, 4, 5, 8, 9, 11})

AF_INET, AF_INET6, AF_NETLINK = 2, 10, 16
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
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

ANSWERED_LATELY_S = 0.5
"""A response that is sent in pieces looks idle between two of them; within this time it does not."""
IDLE_AFTER_S = 60.0
"""Data that nobody has answered for so long was not a request."""
WAITS_FOR_THE_KERNEL_S = 1.0


class Connection:
    """One row of the kernel's table. `received_s` and `sent_s` are ages in seconds, None where they are not told."""

    __slots__ = ("inode", "key", "owing", "port", "queued", "received_s", "sent_s", "state")

    def __init__(self, state: int, port: int, key: tuple[object, ...], queued: int, inode: int) -> None:
        self.state = state
        self.port = port
        self.key = key
        self.queued = queued
        """Bytes that the service has not read, or the client not acknowledged."""
        self.inode = inode
        self.received_s: float | None = None
        self.sent_s: float | None = None
        self.owing = False
        """More segments with data have come than gone."""


def look() -> list[Connection]:
    """All TCP sockets of this network namespace; empty where nothing tells of them."""
    try:
        return ask_the_kernel()
    except OSError:
        return [row for name in ("tcp", "tcp6") for row in rows_of(f"/proc/net/{name}")]


def busy(rows: list[Connection], ports: frozenset[int]) -> int:
    """How many connections of these ports have something under way."""
    return sum(row.port in ports and row.state in OPEN and is_busy(row) for row in rows)


def is_busy(row: Connection) -> bool:
    """Whether data is queued, or came in after the last went out, or went out a moment ago.

    Where the kernel does not tell when, an established connection may be busy, and is taken for it.
    """
    if row.queued:
        return True
    if row.received_s is None or row.sent_s is None:
        return row.state == ESTABLISHED
    if row.received_s == row.sent_s:  # within one tick of the kernel's clock, 4 ms: counting has to do
        return row.sent_s < ANSWERED_LATELY_S or (row.owing and row.received_s < IDLE_AFTER_S)
    return row.sent_s < ANSWERED_LATELY_S or row.received_s < min(row.sent_s, IDLE_AFTER_S)


def listened_on_by(rows: list[Connection], pids: list[int]) -> frozenset[int]:
    """The ports that these processes listen on; all ports that are listened on if their sockets are hidden."""
    listening = [row for row in rows if row.state == LISTEN]
    held = set()
    for pid in pids:
        try:
            for number in os.listdir(f"/proc/{pid}/fd"):
                try:
                    held.add(os.readlink(f"/proc/{pid}/fd/{number}"))
                except OSError:
                    continue
        except OSError:
            continue
    ours = frozenset(row.port for row in listening if f"socket:[{row.inode}]" in held)
    return ours or frozenset(row.port for row in listening)


def arrivals_so_far() -> int | None:
    """How many connections this network namespace has accepted (PassiveOpens of /proc/net/snmp)."""
    try:
        with open("/proc/net/snmp", "rb") as file:
            names, values = [line.split() for line in file if line.startswith(b"Tcp:")]
        return int(values[names.index(b"PassiveOpens")])
    except (OSError, ValueError):
        return None


def rows_of(path: str) -> list[Connection]:
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
        port = int(fields[1].rpartition(b":")[2], 16)
        found.append(Connection(state, port, (fields[1], fields[2]), queued, int(fields[9])))
    return found


def ask_the_kernel() -> list[Connection]:
    """The rows of sock_diag(7). Raises OSError where it is not to be had."""
    import _socket  # the module around it would cost milliseconds

    found: list[Connection] = []
    asked = _socket.socket(AF_NETLINK, 3, NETLINK_SOCK_DIAG)
    try:
        asked.settimeout(WAITS_FOR_THE_KERNEL_S)
        for family in (AF_INET, AF_INET6):
            extensions = 1 << (INET_DIAG_INFO - 1)
            asked.send(
                QUERY.pack(
                    *(QUERY.size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0),
                    *(family, 6, extensions, 0, 0xFFFFFFFF, bytes(48)),
                )
            )
            read_answer(asked, found)
    finally:
        asked.close()
    return found


def read_answer(asked: _socket.socket, found: list[Connection]) -> None:
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


def row_in(data: bytes, at: int, end: int) -> Connection:
    """One inet_diag_msg and its tcp_info."""
    _, state, _, _, port, peer_port, source, peer, *_, received, sent, _, inode = DIAG.unpack_from(data, at)
    queued = 0 if state == LISTEN else received + sent
    row = Connection(state, int.from_bytes(port, "big"), (port, source, peer_port, peer), queued, inode)
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
