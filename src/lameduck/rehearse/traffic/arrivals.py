"""When which request is due: the open loop. Nothing here knows of answers: a slow server cannot slow the arrivals."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, count

from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic.plan import Share, Spacing, TrafficPlan

__all__ = ["Arrival", "arrivals"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that is due `at_s` seconds after the traffic began; `number` counts from 0."""

    number: int
    at_s: Seconds
    share: Share


def arrivals(plan: TrafficPlan) -> Iterator[Arrival]:
    """All arrivals of a plan, without end. The same plan (and seed) gives the same arrivals, for ever."""
    kinds, gaps = random.Random(plan.seed), random.Random(plan.seed + 1)
    weights = tuple(accumulate(share.weight for share in plan.mix))
    at_s = 0.0
    for number in count():
        (share,) = kinds.choices(plan.mix, cum_weights=weights)
        match plan.spacing:
            case Spacing.CONSTANT:
                at_s = number / plan.rate  # not a sum of gaps: that would drift
            case Spacing.POISSON:
                at_s += gaps.expovariate(plan.rate)
        yield Arrival(number, Seconds(at_s), share)
