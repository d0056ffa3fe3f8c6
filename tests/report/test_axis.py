"""Round numbers along an axis."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.report.axis import round_step, ticks


@pytest.mark.parametrize(
    ("length_s", "most", "step_s"), [(10, 10, 1), (10, 9, 2), (30, 6, 5), (0.3, 3, 0.1), (61, 10, 10), (0.05, 5, 0.01)]
)
def test_steps_are_round(length_s: float, most: int, step_s: float) -> None:
    assert round_step(length_s, most) == pytest.approx(step_s)


def test_zero_is_a_tick_where_it_lies_between() -> None:
    assert ticks(-0.7, 2.1, 3) == (0.0, 1.0, 2.0)


@given(st.floats(-1000, 1000), st.floats(0.01, 1e6), st.integers(1, 20))
def test_ticks_stay_on_the_axis_and_are_no_more_than_asked_for(start_s: float, length_s: float, most: int) -> None:
    found = ticks(start_s, start_s + length_s, most)
    assert len(found) <= most + 1
    assert all(start_s - length_s * 1e-6 <= t_s <= start_s + length_s * (1 + 1e-6) for t_s in found)


def test_an_axis_without_length_has_no_steps() -> None:
    with pytest.raises(ValueError, match="no steps"):
        round_step(0, 5)
