"""Watching the pod's connections while it stops: whether new ones still come, and whether one is busy."""

from __future__ import annotations

import os

from lameduck.kernel.tcp_table import LISTEN, TcpSocket, look
from lameduck.run import connections, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lameduck.run.options import Plan

__all__ = ["Watching"]


class Watching:
    """Compares what the kernel tells now with what it told before."""

    def __init__(self, plan: Plan, now: float) -> None:
        self.plan = plan
        rows = look()
        self.listening = frozenset(row.port for row in rows if row.state == LISTEN)
        self.ports = plan.watch_ports or plan.drain_ports
        if not self.ports:
            self.ports = connections.listened_on_by(rows, tree.below(os.getpid()))
        self.known = self.accepted_in(rows)
        self.counted = connections.arrivals_so_far()
        self.last_arrival = now

    def accepted_in(self, rows: list[TcpSocket]) -> set[tuple[object, ...]]:
        """The connections that were accepted on some port: ours or a neighbour's in the pod."""
        return {row.key for row in rows if row.state in connections.CONNECTED and row.port in self.listening}

    def quiet_s(self, now: float) -> float:
        """How long no new connection has come to the watched ports.

        One that came and went between two looks is in no table any more; the namespace's count of accepted ones has it.
        What of that count no other port explains is taken for ours.
        """
        counted = connections.arrivals_so_far()
        accepted = self.accepted_in(look(connections.CONNECTED))
        new = accepted - self.known
        ours = sum(one[0] in self.ports for one in new)
        unseen = 0
        if counted is not None and self.counted is not None:
            unseen = counted - self.counted - len(new)
        if ours or unseen > 0:
            self.last_arrival = now
        self.known, self.counted = accepted, counted
        return now - self.last_arrival

    def busy(self) -> int:
        """How many connections of the drained ports are busy."""
        return connections.busy(look(connections.OPEN, times=True), self.plan.drain_ports)
