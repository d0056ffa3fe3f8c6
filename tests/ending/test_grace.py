"""The arithmetic of graces, in whole seconds."""

import pytest

from lameduck.ending import grace
from lameduck.pod.durations import Seconds


@pytest.mark.parametrize(
    ("asked", "spec", "at_once", "stored"),
    [
        (None, 30, False, 30),
        (None, 0, False, 0),  # a plain delete of such a pod is a force delete (T6)
        (None, -5, False, 1),  # T5
        (60, 30, False, 60),  # the first delete may give more (T4)
        (3, 30, False, 3),
        (0, 30, False, 0),
        (-1, 30, False, 1),  # T3
        (60, 30, True, 0),  # no node yet, or ended (T3)
    ],
)
def test_the_first_delete_stores(asked: int | None, spec: int, at_once: bool, stored: int) -> None:
    assert grace.accepted(asked, spec, at_once=at_once) == stored


@pytest.mark.parametrize(
    ("stored", "asked", "since", "result"),
    [
        (30, None, 1.0, None),
        (30, 30, 1.0, None),
        (30, 60, 1.0, None),
        (30, 10, 1.0, 10),
        (30, 10, 9.9, 10),
        (30, 10, 10.0, 1),  # its end is past
        (30, 0, 10.0, 0),
        (30, -1, 0.5, 1),
        (0, 0, 0.0, None),
    ],
)
def test_a_later_delete_may_only_shorten(stored: int, asked: int | None, since: float, result: int | None) -> None:
    assert grace.shortened(stored, asked, Seconds(since)) == result


@pytest.mark.parametrize(
    ("spec", "graces", "result"),
    [
        (30, (None, None), 30),
        (30, (60, None), 60),
        (30, (60, 4), 4),
        (30, (0, None), 1),
        (0, (), 1),
        (30, (None, 1), 1),
    ],
)
def test_the_kubelet_takes_the_smallest_grace_and_at_least_one(
    spec: int, graces: tuple[int | None, ...], result: int
) -> None:
    assert grace.kill_grace(spec, *graces) == result


@pytest.mark.parametrize(("taken", "cost"), [(0.0, 0), (0.999, 0), (4.9, 4), (5.0, 5), (2.9999999, 3), (2.999, 2)])
def test_time_is_charged_in_whole_seconds_rounded_down(taken: float, cost: int) -> None:
    assert grace.charged(Seconds(taken)) == cost


def test_a_stop_call_gets_at_least_two_seconds() -> None:
    assert [grace.stop_timeout(left) for left in (-3, 0, 1, 2, 3, 30)] == [2, 2, 2, 2, 3, 30]


def test_a_kill_is_overdue_after_half_as_much_again_and_at_least_ten_seconds() -> None:
    assert [grace.overdue_after(seconds) for seconds in (1, 6, 7, 30)] == [10.0, 10.0, 10.0, 45.0]
