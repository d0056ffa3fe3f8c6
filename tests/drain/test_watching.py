"""How long the thread that watches over a stop sleeps between two looks."""

from __future__ import annotations

from lameduck.drain import listeners
from lameduck.drain.process import Process
from lameduck.drain.settings import Settings
from lameduck.drain.watching import SEES_QUEUES_EVERY_S, patience_ms


def test_looks_for_those_who_are_not_in_yet_take_a_third_of_the_time_at_most() -> None:
    """Of thousands of connections a look is long, and the requests that are to be finished need the time."""
    process = Process(Settings(tell=False, termination_log=""))
    process.begin("test")
    process.held = listeners.Held((), process.clock())
    cheap = patience_ms(process)
    assert cheap is not None
    assert cheap <= SEES_QUEUES_EVERY_S * 1000 + 0.1
    process.held.look_took_s = 0.03
    dear = patience_ms(process)
    assert dear is not None
    assert 50 < dear < 60.1
