"""The traffic of a rehearsal: sends what is due when it is due, and accounts for every request."""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Callable

from lameduck.ending.requests import ClientKind, Fate, Request
from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic.arrivals import Arrival, arrivals
from lameduck.rehearse.traffic.backends import Activity, Backend, Balancer
from lameduck.rehearse.traffic.errand import Client, Errand
from lameduck.rehearse.traffic.http_client import HttpClient, RequestHeads
from lameduck.rehearse.traffic.plan import TrafficPlan
from lameduck.rehearse.traffic.pool import Pool
from lameduck.rehearse.traffic.pressure import LATE_S, Pressure
from lameduck.rehearse.traffic.pulse import STALL_S, Lateness, Pulse
from lameduck.rehearse.traffic.websocket_client import WebSocketClient
from lameduck.rehearse.traffic.wire import Distance

__all__ = ["Traffic"]

_BURST = 32
"""The most arrivals sent before the loop looks at its sockets again: a FIN must not go unread while we catch up."""

_OTHER_FILES = 200
"""Open files left to the rest of the process (pipes of the pods, logs), when ours are limited."""


class Traffic:
    """Open loop: `run` sends until `stop`, whatever the answers; `settle` waits for those in flight; `close` ends all.

    Made inside a running event loop. `clock` is the rehearsal's; `on_request` is called once for each request that is
    over. A request that we did not send, or that failed by our own fault, has no record: `pressure` counts it.
    Our own fault is: to be `late_s` late, or to stand still for `stall_s` at the wrong moment.
    """

    def __init__(
        self,
        plan: TrafficPlan,
        balancer: Balancer,
        clock: Callable[[], Seconds],
        on_request: Callable[[Request], None],
        *,
        late_s: Seconds = LATE_S,
        stall_s: Seconds = STALL_S,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.plan = plan
        self.distance = Distance(self.loop, plan.rtt_s, clock)
        self.pulse = Pulse(self.loop, stall_s)
        self._late_s = late_s
        self._balancer = balancer
        self._on_request = on_request
        self._heads = RequestHeads()
        self._pools: dict[int, Pool] = {}
        self._in_flight: set[Client] = set()
        self._most_in_flight = min(plan.most_in_flight, _files_left(plan.pool_size))
        self._coming = arrivals(plan)
        self._next = next(self._coming)
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = asyncio.Event()
        self._settled = asyncio.Event()
        self._begun = 0.0
        self._late = Lateness()
        self._due = self._sent = self._not_sent_late = self._not_sent_full = 0
        self._not_counted: Counter[str] = Counter()
        self._cpu_before = self._cpu_s = 0.0
        self._wall_s = 0.0

    async def run(self) -> None:
        """Send until `stop` is called. Cancelling stops, too; either way `settle` or `close` comes next."""
        self._begun = self.loop.time()
        self._cpu_before = time.process_time()
        self.pulse.start()
        self._send_due()
        try:
            await self._stopped.wait()
        finally:
            self.stop()

    def stop(self) -> None:
        """No more arrivals. Requests in flight go on. Twice is fine."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._wall_s, self._cpu_s = self._spent()
        self._stopped.set()

    async def settle(self, within_s: Seconds) -> None:
        """Wait for the requests in flight; streams that are well are ended by us. What is left is UNFINISHED."""
        self.stop()
        for client in tuple(self._in_flight):
            client.leave()
        if self._in_flight:
            self._settled.clear()
            try:
                await asyncio.wait_for(self._settled.wait(), within_s)
            except TimeoutError:
                for client in tuple(self._in_flight):
                    client.abandon()
        await asyncio.sleep(self.plan.rtt_s)  # what was said last (a WebSocket's close frame) is still on its way
        self.close()

    def close(self) -> None:
        """Close all connections at once and forget what is in flight. Twice is fine."""
        self.stop()
        for client in tuple(self._in_flight):
            client.abandon()
        self.pulse.stop()
        self.distance.close()

    @property
    def in_flight(self) -> int:
        """Requests sent and not over."""
        return len(self._in_flight)

    def activity(self, pod: str) -> Activity:
        """What we have to do with a pod right now, and when its sockets last did something."""
        seen = self.distance.seen.get(pod)
        return Activity(
            in_flight=sum(1 for client in self._in_flight if _pod(client) == pod),
            open_connections=sum(1 for wire in self.distance.wires if wire.backend.pod == pod),
            last_connection_s=None if seen is None else seen.last_connection_s,
            last_byte_s=None if seen is None else seen.last_byte_s,
        )

    @property
    def pressure(self) -> Pressure:
        """Whether this machine held the rate so far."""
        wall_s, cpu_s = (self._wall_s, self._cpu_s) if self._timer is None else self._spent()
        return Pressure(
            due=self._due,
            sent=self._sent,
            not_sent_late=self._not_sent_late,
            not_sent_full=self._not_sent_full,
            not_counted=tuple(sorted(self._not_counted.items())),
            late_max_s=self._late.max_s,
            late_p99_s=self._late.quantile(0.99),
            lag_max_s=self.pulse.lag.max_s,
            lag_p99_s=self.pulse.lag.quantile(0.99),
            cpu_share=cpu_s / wall_s if wall_s > 0 else 0.0,
        )

    # For the clients

    def pick(self, view: int) -> Backend | None:
        """The backend of a new connection, as a node's proxy picks it."""
        return self._balancer.pick(view)

    def pool(self, view: int) -> Pool:
        """The kept-alive connections of the clients on a node; the plan's number is shared out among the nodes."""
        pool = self._pools.get(view)
        if pool is None:
            pool = self._pools[view] = Pool(max(1, self.plan.pool_size // self._balancer.views()))
        return pool

    def over(self, client: Client, fate: Fate, detail: str) -> None:
        """A client is done. A lost race that our own standing still may have lost is counted apart."""
        if fate in (Fate.REFUSED, Fate.RESET) and self._stood_still_during(client.errand):
            self.not_counted(client, "this machine stood still while they were under way")
            return
        self._forget(client)
        self._on_request(client.errand.record(fate, self.distance.clock(), detail))

    def not_counted(self, client: Client, why: str) -> None:
        """A client failed by a fault of our own."""
        self._not_counted[why] += 1
        self._forget(client)

    def _forget(self, client: Client) -> None:
        self._in_flight.discard(client)
        if not self._in_flight:
            self._settled.set()

    def _stood_still_during(self, errand: Errand) -> bool:
        """Whether a stall made this attempt meet another moment than it would have met: it chose its connection by
        news that was late, or its bytes left late."""
        rtt_s = self.plan.rtt_s
        return self.pulse.stalled_s(errand.begun - rtt_s, errand.begun + 2 * rtt_s) > 0

    # Arrivals

    def _send_due(self) -> None:
        for _ in range(_BURST):
            arrival, due = self._next, self._begun + self._next.at_s
            now = self.loop.time()
            if due > now:
                break
            self._next = next(self._coming)
            self._due += 1
            late_s = now - due
            self._late.add(late_s)
            if late_s > self._late_s:
                self._not_sent_late += 1
            elif len(self._in_flight) >= self._most_in_flight:
                self._not_sent_full += 1
            else:
                self._send(arrival, now, late_s)
        self._timer = self.loop.call_at(self._begun + self._next.at_s, self._send_due)

    def _send(self, arrival: Arrival, now: float, late_s: float) -> None:
        self._sent += 1
        sent_s = self.distance.clock()
        view = arrival.number % self._balancer.views()
        errand = Errand(arrival.share, view, due_s=Seconds(sent_s - late_s), sent_s=sent_s, begun=now)
        client: Client
        if arrival.share.kind is ClientKind.WEBSOCKET:
            client = WebSocketClient(errand, self)
        else:
            client = HttpClient(errand, self, self._heads)
        self._in_flight.add(client)
        client.begin()

    def _spent(self) -> tuple[float, float]:
        return self.loop.time() - self._begun, time.process_time() - self._cpu_before


def _pod(client: Client) -> str | None:
    return None if client.errand.backend is None else client.errand.backend.pod


def _files_left(pool_size: int) -> int:
    """How many requests may be in flight before this process runs out of open files; half for those that take leave."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 1 << 30
    return max(16, (soft - _OTHER_FILES - pool_size) // 2)
