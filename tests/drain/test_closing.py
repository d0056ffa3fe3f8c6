"""The looks for those who are not in yet, between the end of the lame duck and the server's stop."""

from __future__ import annotations

import pytest

from lameduck.drain import listeners
from lameduck.drain.closing import LOOKS_EVERY_S, Closing
from lameduck.drain.process import Process
from lameduck.drain.settings import Settings


def test_looks_for_those_who_are_not_in_yet_take_a_third_of_the_time_at_most() -> None:
    """Of thousands of connections a look is long, and the requests that are to be finished need the time."""
    closing = Closing(Process(Settings(tell=False, termination_log="")))
    assert closing.next_at(7.0) == float("inf")
    closing.held = listeners.Held((), 7.0)
    assert closing.next_at(7.0) == pytest.approx(7.0 + LOOKS_EVERY_S)
    closing.look_took_s = 0.03
    assert closing.next_at(7.0) == pytest.approx(7.06)
