"""A run of traffic against one port, for the benchmarks."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lameduck.ending.requests import Request
from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic import Backend, Pressure, Traffic, TrafficPlan


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    requests: int
    lost: Counter[str]
    pressure: Pressure

    @property
    def losses(self) -> str:
        """The losses in words."""
        return ", ".join(f"{number:,} {fate}" for fate, number in sorted(self.lost.items())) or "none"


class _OnePod:
    def __init__(self, port: int) -> None:
        self._backend = Backend("pod", "127.0.0.1", port)

    def views(self) -> int:
        return 1

    def pick(self, _view: int) -> Backend | None:
        return self._backend


def run(plan: TrafficPlan, port: int, for_s: float, progress: Callable[[int], None] | None = None) -> Outcome:
    """Send the plan's traffic for some seconds, then let it settle."""
    return asyncio.run(_run(plan, port, for_s, progress))


async def _run(plan: TrafficPlan, port: int, for_s: float, progress: Callable[[int], None] | None) -> Outcome:
    requests = 0
    lost: Counter[str] = Counter()
    begun = time.monotonic()

    def over(request: Request) -> None:
        nonlocal requests
        requests += 1
        if request.fate.lost:
            lost[request.fate.value] += 1
            if lost.total() <= 10:
                print(f"  {request}")

    traffic = Traffic(plan, _OnePod(port), lambda: Seconds(time.monotonic() - begun), over)
    loop = asyncio.get_running_loop()
    loop.call_later(for_s, traffic.stop)

    def tick() -> None:
        if progress is not None and time.monotonic() - begun < for_s:
            progress(requests)
            loop.call_later(60, tick)

    loop.call_later(60, tick)
    await traffic.run()
    await traffic.settle(Seconds(15))
    return Outcome(requests, lost, traffic.pressure)
