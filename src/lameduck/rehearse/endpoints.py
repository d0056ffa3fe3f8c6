"""Endpoints: the EndpointSlice of the rehearsal's Service, and what each client side knows of it.

A client side (a node's kube-proxy, a load balancer, a client with its own discovery) learns of each change after a lag
of its own (T84, T85, T94). A new connection goes to a random one of the ready endpoints it knows; if there is none, to
those that are serving and terminating (T86, T87); if there is none of those either, it is refused (T88). Established
connections stay where they are (T91).
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from lameduck.ending.timeline import BackendsChanged, EndpointChanged, Event
from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic.backends import Backend

__all__ = ["Endpoint", "Endpoints", "Lag"]


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds until a change of the endpoints reaches a client side: one for all, or spread evenly over `sides`."""

    least_s: Seconds
    most_s: Seconds
    sides: int = 1

    def of(self, side: int) -> Seconds:
        """The lag of one client side. Fixed, so that the same rehearsal gives the same verdict."""
        if self.sides == 1:
            return self.most_s
        return Seconds(self.least_s + (self.most_s - self.least_s) * side / (self.sides - 1))

    def __str__(self) -> str:
        return f"{self.most_s:g} s" if self.sides == 1 else f"{self.least_s:g}-{self.most_s:g} s"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One pod's conditions in the slice (T79)."""

    backend: Backend
    serving: bool
    terminating: bool
    ready: bool


@dataclass(slots=True)
class _Side:
    known: dict[str, Endpoint]
    coming: deque[tuple[Seconds, str, Endpoint | None]]
    told: tuple[str, ...]


class Endpoints:
    """The slice and its lagging copies; the traffic's balancer."""

    def __init__(
        self,
        lag: Lag,
        clock: Callable[[], Seconds],
        record: Callable[[Event], None],
        *,
        publish_not_ready_addresses: bool = False,
        seed: int = 0,
    ) -> None:
        self._lag = lag
        self._clock = clock
        self._record = record
        self._publish_not_ready = publish_not_ready_addresses
        self._random = random.Random(seed)
        self._slice: dict[str, Endpoint] = {}
        self._sides = [_Side({}, deque(), ()) for _ in range(lag.sides)]

    def set(self, backend: Backend, *, serving: bool, terminating: bool) -> None:
        """The pod's Ready condition or deletionTimestamp changed (T79, T82)."""
        ready = self._publish_not_ready or (serving and not terminating)  # T79, T81
        endpoint = Endpoint(backend, serving, terminating, ready)
        if self._slice.get(backend.pod) == endpoint:
            return
        self._slice[backend.pod] = endpoint
        now = self._clock()
        self._record(EndpointChanged(t_s=now, pod=backend.pod, ready=ready, serving=serving, terminating=terminating))
        self._spread(now, backend.pod, endpoint)

    def remove(self, pod: str) -> None:
        """The pod reached a terminal phase, or its object is gone: it leaves the slice (T77)."""
        endpoint = self._slice.pop(pod, None)
        if endpoint is None:
            return
        now = self._clock()
        left = replace(endpoint, ready=False, serving=False)
        self._record(
            EndpointChanged(t_s=now, pod=pod, ready=False, serving=False, terminating=left.terminating, listed=False)
        )
        self._spread(now, pod, None)

    def settle(self) -> None:
        """Let every client side know at once: the state before traffic begins."""
        now = self._clock()
        for number, side in enumerate(self._sides):
            side.coming.clear()
            side.known = dict(self._slice)
            self._tell(number, side, now)

    def views(self) -> int:
        """The number of client sides."""
        return len(self._sides)

    def pick(self, view: int) -> Backend | None:
        """The backend of a new connection from that client side; None: refused (T88)."""
        self._advance(view)
        side = self._sides[view]
        if not side.told:
            return None
        return side.known[self._random.choice(side.told)].backend

    def learnt(self) -> bool:
        """Whether every client side knows the slice as it is now."""
        for number in range(len(self._sides)):
            self._advance(number)
        return not any(side.coming for side in self._sides)

    def any_ready(self) -> bool:
        """Whether every client side knows of a ready endpoint."""
        return self.learnt() and any(endpoint.ready for endpoint in self._slice.values())

    def serves(self, pod: str) -> bool:
        """Whether a client side still sends new connections to that pod."""
        for number in range(len(self._sides)):
            self._advance(number)
        return any(pod in side.told for side in self._sides)

    def _spread(self, now: Seconds, pod: str, endpoint: Endpoint | None) -> None:
        for number, side in enumerate(self._sides):
            side.coming.append((Seconds(now + self._lag.of(number)), pod, endpoint))

    def _advance(self, number: int) -> None:
        side = self._sides[number]
        now = self._clock()
        while side.coming and side.coming[0][0] <= now:
            due, pod, endpoint = side.coming.popleft()
            if endpoint is None:
                side.known.pop(pod, None)
            else:
                side.known[pod] = endpoint
            self._tell(number, side, due)

    def _tell(self, number: int, side: _Side, at: Seconds) -> None:
        # By name, not by who got ready first: so that the same rehearsal draws the same backends.
        known = sorted(side.known.items())
        ready = tuple(pod for pod, endpoint in known if endpoint.ready)
        fallback = tuple(pod for pod, endpoint in known if endpoint.serving and endpoint.terminating)
        told = ready or fallback  # T86, T87
        if told != side.told:
            side.told = told
            self._record(BackendsChanged(t_s=at, view=number, pods=told))
