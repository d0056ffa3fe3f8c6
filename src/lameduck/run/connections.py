"""Which of the pod's connections are busy, and whose they are."""

from __future__ import annotations

import os

from lameduck.kernel.tcp_table import (
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT1,
    FIN_WAIT2,
    LAST_ACK,
    LISTEN,
    TIME_WAIT,
    TcpSocket,
)

__all__ = ["CONNECTED", "arrivals_so_far", "busy", "listened_on_by"]

OPEN = frozenset({ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK, CLOSING})
CONNECTED = OPEN | {TIME_WAIT}
"""States that a connection has only after it was established: short ones are seen in TIME_WAIT."""

ANSWERED_LATELY_S = 0.5
"""A response that is sent in pieces looks idle between two of them; within this time it does not."""
IDLE_AFTER_S = 60.0
"""Data that nobody has answered for so long was not a request."""


def busy(rows: list[TcpSocket], ports: frozenset[int]) -> int:
    """How many connections of these ports have something under way."""
    return sum(row.port in ports and row.state in OPEN and is_busy(row) for row in rows)


def is_busy(row: TcpSocket) -> bool:
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


def listened_on_by(rows: list[TcpSocket], pids: list[int]) -> frozenset[int]:
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
