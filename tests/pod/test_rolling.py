"""Percentages of pods (T114)."""

import pytest

from lameduck.pod.place import InputError
from lameduck.pod.rolling import fenceposts, share
from lameduck.pod.workloads import RollingUpdate


@pytest.mark.parametrize(
    ("replicas", "strategy", "expected"),
    [
        (1, RollingUpdate("25%", "25%"), (1, 0)),
        (2, RollingUpdate("25%", "25%"), (1, 0)),
        (4, RollingUpdate("25%", "25%"), (1, 1)),
        (10, RollingUpdate("25%", "25%"), (3, 2)),
        (1, RollingUpdate("0%", "25%"), (0, 1)),
        (3, RollingUpdate(0, 1), (0, 1)),
    ],
)
def test_surge_is_rounded_up_and_unavailable_down(
    replicas: int, strategy: RollingUpdate, expected: tuple[int, int]
) -> None:
    assert fenceposts(replicas, strategy) == expected


def test_a_value_that_is_no_percentage_is_named() -> None:
    with pytest.raises(InputError, match="'a lot' is neither"):
        fenceposts(2, RollingUpdate("a lot", 0))


@pytest.mark.parametrize(("value", "pods"), [("50%", 2), ("100%", 3), ("1%", 1), ("0%", 0), (2, 2)])
def test_a_budget_rounds_a_share_of_three_up(value: int | str, pods: int) -> None:
    assert share(value, 3, up=True) == pods
