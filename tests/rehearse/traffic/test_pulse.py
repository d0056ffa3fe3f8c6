import pytest

from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic.deadline import Deadline
from lameduck.rehearse.traffic.pulse import Lateness, Pulse
from tests.rehearse.traffic.virtual_time import VirtualLoop


def test_a_loop_that_runs_has_no_stall() -> None:
    loop = VirtualLoop()
    pulse = Pulse(loop.as_loop())
    pulse.start()
    loop.advance(5)
    assert pulse.stalled_s(0, 5) == Seconds(0)
    assert pulse.lag.max_s < 0.001


def test_a_loop_that_stood_still_remembers_when() -> None:
    loop = VirtualLoop()
    pulse = Pulse(loop.as_loop())
    pulse.start()
    loop.advance(1)
    loop.stand_still(1.5)
    loop.advance(3)
    assert pulse.stalled_s(0, 3) == pytest.approx(0.5, abs=0.011)
    assert pulse.stalled_s(1.2, 1.3) == pytest.approx(0.1)
    assert pulse.stalled_s(1.6, 3) == Seconds(0)
    assert pulse.lag.max_s == pytest.approx(0.5, abs=0.011)


def test_a_stall_counts_before_the_late_beat_has_told_it() -> None:
    loop = VirtualLoop()
    pulse = Pulse(loop.as_loop())
    pulse.start()
    loop.advance(1)
    loop.stand_still(1.5)
    assert pulse.stalled_s(0, 2) == pytest.approx(0.5, abs=0.011)


def test_a_deadline_passes_when_it_is_due() -> None:
    loop, passed = VirtualLoop(), list[float]()
    pulse = Pulse(loop.as_loop())
    pulse.start()
    Deadline(loop.as_loop(), pulse, Seconds(2), lambda: passed.append(loop.now))
    loop.advance(10)
    assert passed == [2]


def test_time_in_which_the_loop_stood_still_is_added_to_the_deadline() -> None:
    loop, passed = VirtualLoop(), list[float]()
    pulse = Pulse(loop.as_loop())
    pulse.start()
    Deadline(loop.as_loop(), pulse, Seconds(2), lambda: passed.append(loop.now))
    loop.advance(1)
    loop.stand_still(4)
    loop.advance(4.9)
    assert passed == []
    loop.advance(10)
    assert passed == [pytest.approx(7, abs=0.02)]  # looked at when it woke at 4, and given the 3 s it had missed


def test_a_cancelled_deadline_never_passes() -> None:
    loop, passed = VirtualLoop(), list[float]()
    deadline = Deadline(loop.as_loop(), Pulse(loop.as_loop()), Seconds(2), lambda: passed.append(loop.now))
    deadline.cancel()
    loop.advance(10)
    assert passed == []


def test_quantiles_of_lateness_are_told_to_the_next_millisecond() -> None:
    late = Lateness()
    for milliseconds in range(100):
        late.add(milliseconds / 1000 - 0.0005)
    late.add(7.0)
    assert late.quantile(0.5) == pytest.approx(0.05, abs=0.0011)
    assert late.max_s == Seconds(7)
    assert Lateness().quantile(0.99) == Seconds(0)
