"""Who still comes although we are leaving: it tells how late the endpoints are updated, and when that is over."""

from __future__ import annotations

from lameduck.drain import listeners

__all__ = ["PROBE", "Arrivals"]

PROBE = "kube-probe/"
"""How the User-Agent of the kubelet's probes begins: they come to the pod, and say nothing about the endpoints."""


class Arrivals:
    """Counted from the stop signal on. Times are the monotonic clock's, in seconds."""

    def __init__(self) -> None:
        self.count = 0
        self.last: float | None = None
        self.last_connection: float | None = None
        self.known: frozenset[tuple[str, int]] = frozenset()
        """The peers that were connected when the stop began."""

    def begin(self) -> None:
        """Whoever is connected now is not new."""
        self.known = listeners.connections_of(listeners.ports())

    def came(self, peer: tuple[str, int] | None, now: float) -> None:
        """A piece of work came. `peer` tells whether its connection is a new one; None: nobody knows."""
        self.count += 1
        self.last = now
        if peer is None or peer not in self.known:
            self.last_connection = now
