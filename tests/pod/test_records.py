"""The fast dataclass beside the standard one: whatever a user of either may see is the same."""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import dataclass as standard
from typing import Any

import pytest

from lameduck.pod.records import dataclass as fast


@fast(frozen=True, slots=True)
class FastPoint:
    """A point."""

    x: int
    y: int = 2
    names: list[str] = dataclasses.field(default_factory=list, compare=False)
    hidden: str = dataclasses.field(default="h", repr=False, compare=False)

    @property
    def sum(self) -> int:
        return self.x + self.y


@standard(frozen=True, slots=True)
class SlowPoint:
    """A point."""

    x: int
    y: int = 2
    names: list[str] = dataclasses.field(default_factory=list, compare=False)
    hidden: str = dataclasses.field(default="h", repr=False, compare=False)

    @property
    def sum(self) -> int:
        return self.x + self.y


@fast(slots=True)
class FastOpen:
    a: int
    made: int = dataclasses.field(default=7, init=False)


@fast(frozen=True, slots=True, order=True)
class FastOrder:
    a: int
    b: str = ""


@fast(slots=True, eq=False)
class FastNode:
    a: int


POINTS = pytest.mark.parametrize("point", [FastPoint, SlowPoint])


@POINTS
def test_it_is_made_with_its_defaults(point: Callable[..., Any]) -> None:
    one = point(1)
    assert (one.x, one.y, one.names, one.hidden, one.sum) == (1, 2, [], "h", 3)
    assert one.names is not point(1).names
    assert point(1, 5, ["a"], hidden="x").hidden == "x"
    with pytest.raises(TypeError):
        point()
    with pytest.raises(TypeError):
        point(1, z=3)


@POINTS
def test_it_is_equal_by_what_is_compared_and_hashes_so(point: Callable[..., Any]) -> None:
    assert point(1, names=["a"]) == point(1, hidden="other")
    assert point(1) != point(2)
    assert point(1) != (1, 2)
    assert hash(point(1, names=["a"])) == hash(point(1))
    assert {point(1), point(1, 2)} == {point(1)}


def test_two_kinds_are_never_equal() -> None:
    assert FastPoint(1) != SlowPoint(1)  # type: ignore[comparison-overlap]


@POINTS
def test_it_cannot_be_changed_and_holds_nothing_else(point: Callable[..., Any]) -> None:
    one = point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.x = 2
    with pytest.raises((AttributeError, TypeError)):  # the standard one stumbles over its own slots
        one.unheard_of = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.x
    assert not hasattr(one, "__dict__")


@POINTS
def test_it_is_shown_copied_replaced_and_pickled(point: Callable[..., Any]) -> None:
    one = point(1, names=["a"])
    assert repr(one).replace("Slow", "Fast") == "FastPoint(x=1, y=2, names=['a'])"
    assert dataclasses.replace(one, x=9).names == ["a"]
    assert copy.deepcopy(one) == one
    assert pickle.loads(pickle.dumps(one)).names == ["a"]
    assert dataclasses.asdict(one) == {"x": 1, "y": 2, "names": ["a"], "hidden": "h"}


@POINTS
def test_it_is_matched_by_position(point: Callable[..., Any]) -> None:
    match point(1, 4):
        case FastPoint(x, y) | SlowPoint(x, y):
            assert (x, y) == (1, 4)
        case _:
            raise AssertionError("it was not matched")


def test_both_describe_themselves_alike() -> None:
    for attribute in ("__doc__", "__match_args__", "__slots__", "__module__"):
        assert getattr(FastPoint, attribute) == getattr(SlowPoint, attribute)
    assert list(inspect.signature(FastPoint).parameters) == list(inspect.signature(SlowPoint).parameters)
    assert [each.name for each in dataclasses.fields(FastPoint)] == [
        each.name for each in dataclasses.fields(SlowPoint)
    ]
    assert FastPoint.__qualname__ == "FastPoint"


def test_one_that_is_not_frozen_can_be_changed_and_not_hashed() -> None:
    one = FastOpen(1)
    one.a = 3
    assert (one.a, one.made, one) == (3, 7, FastOpen(3))
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_one_with_an_order_is_sorted_field_by_field() -> None:
    assert sorted([FastOrder(2), FastOrder(1, "b"), FastOrder(1, "a")])[0] == FastOrder(1, "a")
    assert FastOrder(1) <= FastOrder(1) < FastOrder(1, "a")
    assert FastOrder(2) > FastOrder(1)
    assert FastOrder(2) >= FastOrder(1, "z")
    with pytest.raises(TypeError):
        assert FastOrder(1) < 1  # type: ignore[operator]


def test_one_without_equality_is_itself_only() -> None:
    one = FastNode(1)
    assert one != FastNode(1)
    assert one in {one}
