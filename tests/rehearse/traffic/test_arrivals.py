from collections import Counter
from itertools import islice, pairwise

import pytest

from lameduck.ending.requests import ClientKind
from lameduck.rehearse.traffic import Spacing, TrafficPlan, parse_mix
from lameduck.rehearse.traffic.arrivals import arrivals


def test_constant_arrivals_are_evenly_spaced_and_do_not_drift() -> None:
    plan = TrafficPlan(rate=300, mix=parse_mix("new=1"))
    last = next(islice(arrivals(plan), 300_000, None))
    assert (last.number, last.at_s) == (300_000, 1000.0)


def test_poisson_arrivals_keep_the_rate_and_vary() -> None:
    plan = TrafficPlan(rate=100, mix=parse_mix("new=1"), spacing=Spacing.POISSON)
    times = [arrival.at_s for arrival in islice(arrivals(plan), 10_000)]
    assert times[-1] == pytest.approx(100, rel=0.05)
    gaps = [after - before for before, after in pairwise(times)]
    assert min(gaps) < 0.001
    assert max(gaps) > 0.05


@pytest.mark.parametrize("spacing", list(Spacing))
def test_the_same_seed_gives_the_same_arrivals_and_another_seed_gives_others(spacing: Spacing) -> None:
    def first(seed: int) -> list[object]:
        plan = TrafficPlan(rate=100, mix=parse_mix("new=1,keepalive=1"), spacing=spacing, seed=seed)
        return list(islice(arrivals(plan), 200))

    assert first(7) == first(7)
    assert first(7) != first(8)


def test_the_shares_come_in_proportion_to_their_weights() -> None:
    plan = TrafficPlan(rate=100, mix=parse_mix("new=3,keepalive=1"))
    kinds = Counter(arrival.share.kind for arrival in islice(arrivals(plan), 10_000))
    assert kinds[ClientKind.NEW] / kinds[ClientKind.KEEPALIVE] == pytest.approx(3, rel=0.1)
