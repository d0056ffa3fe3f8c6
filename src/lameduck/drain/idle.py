"""Connections that nobody uses, seen in the kernel: those a server may close, and those on which something may come.

A kept-alive connection would hold a leaving server up until its keep-alive time is over. When the lame duck is over and
no work is in flight, its reading half is shut down from outside the server, which then sees what it would see if the
client had left, and closes it in its own way. But one that has only just begun is no idle one: its request is on the
way. Linux only; elsewhere none are found.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from typing import TYPE_CHECKING

from lameduck.drain.listeners import borrowed, own_sockets
from lameduck.kernel.tcp_table import CLOSE_WAIT, ESTABLISHED, FIN_WAIT2

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["connections", "end_idle", "end_said", "is_expecting", "is_sending", "pid_holds"]

IDLE_AFTER_S = 0.25
"""A request that has come is seen by the server, and counted as work in flight, sooner than that."""
REQUESTS_FOLLOW_WITHIN_S = 0.3
"""A round trip after the handshake, and a client that is busy. Some connect and say nothing for long (browsers)."""
SIOCOUTQ = 0x5411
LAST_SENT_AT, LAST_RECEIVED_AT, BYTES_ACKED_AT, BYTES_RECEIVED_AT = 44, 52, 120, 128
"""Where struct tcp_info (linux/tcp.h) has tcpi_last_data_sent and _recv, tcpi_bytes_acked and _received."""
INFO_BYTES = BYTES_RECEIVED_AT + 8


def connections(ports: frozenset[int], states: tuple[int, ...] = (ESTABLISHED, CLOSE_WAIT)) -> Iterator[int]:
    """Descriptors of this process's connections that came in through these ports."""
    for fd in own_sockets():
        with contextlib.suppress(OSError), borrowed(fd) as there:
            if (
                there.family in (socket.AF_INET, socket.AF_INET6)
                and there.type == socket.SOCK_STREAM
                and not there.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                and there.getsockname()[1] in ports
                and there.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in states
            ):
                yield fd


def end_idle(ports: frozenset[int]) -> int:
    """Have the server end those on which nothing is under way; how many there are, with those that are busy.

    Busy is a connection whose last data came in after the last went out.
    """
    found = 0
    for fd in connections(ports):
        found += 1
        with contextlib.suppress(OSError, struct.error), borrowed(fd) as there:
            if is_idle(there.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)):
                there.shutdown(socket.SHUT_RD)
    return found


def is_expecting(ports: frozenset[int]) -> bool:
    """Whether a client has connected just now and has not sent a byte yet."""
    for fd in connections(ports, (ESTABLISHED,)):
        with contextlib.suppress(OSError, struct.error), borrowed(fd) as there:
            since_ms, bytes_received = received(there.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES))
            if bytes_received == 0 and since_ms < REQUESTS_FOLLOW_WITHIN_S * 1000:
                return True
    return False


def end_said(ports: frozenset[int]) -> None:
    """Have the server end those on which it has said all, which the client has, and only waits for the client to close
    them too. gunicorn gives it two seconds, in which a sync worker does nothing else."""
    for fd in connections(ports, (FIN_WAIT2,)):
        with contextlib.suppress(OSError), borrowed(fd) as there:
            there.shutdown(socket.SHUT_RD)


def is_sending(ports: frozenset[int]) -> bool:
    """Whether a client has not yet taken all that it was sent: its connection's send queue is not empty (tcp(7))."""
    for fd in connections(ports):
        queue = bytearray(4)
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, SIOCOUTQ, queue)
        if any(queue):
            return True
    return False


def is_idle(info: bytes) -> bool:
    """From a connection's tcp_info, whose times are in milliseconds. Raises struct.error where it is too short.

    Both are of the kernel's clock, which ticks every few milliseconds: a request that is answered within a tick is.
    """
    (sent_ms,) = struct.unpack_from("=I", info, LAST_SENT_AT)
    (bytes_acked,) = struct.unpack_from("=Q", info, BYTES_ACKED_AT)
    received_ms, bytes_received = received(info)
    # Where nothing was ever sent, the time of that is the connection's beginning.
    answered = bytes_received == 0 or (bytes_acked > 0 and sent_ms <= received_ms)
    return bool(answered and received_ms >= IDLE_AFTER_S * 1000)


def received(info: bytes) -> tuple[int, int]:
    """Milliseconds since the last byte came, or since the connection began if none has; how many have come."""
    (since_ms,) = struct.unpack_from("=I", info, LAST_RECEIVED_AT)
    (count,) = struct.unpack_from("=Q", info, BYTES_RECEIVED_AT)
    return since_ms, count


def pid_holds(pid: int, inode: int) -> bool | None:
    """Whether another process has a socket open; None where nobody may look."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except FileNotFoundError:
        return False
    except OSError:
        return None
    for name in names:
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{name}") == f"socket:[{inode}]":
                return True
    return False
