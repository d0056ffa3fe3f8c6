import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic.delay_line import DelayLine
from tests.rehearse.traffic.virtual_time import VirtualLoop


def test_what_goes_in_comes_out_after_the_delay() -> None:
    loop, out = VirtualLoop(), list[tuple[float, str]]()
    line = DelayLine(loop.as_loop(), Seconds(0.025))
    line.put(lambda what: out.append((loop.now, what)), "SYN")
    loop.advance(0.024)
    assert out == []
    loop.advance(1)
    assert out == [(0.025, "SYN")]


@given(st.lists(st.floats(0, 0.1), max_size=30), st.sampled_from([0.0, 0.001, 0.05]))
def test_everything_comes_out_once_in_order_and_never_too_early(gaps: list[float], delay_s: float) -> None:
    loop, out = VirtualLoop(), list[tuple[int, float]]()
    line = DelayLine(loop.as_loop(), Seconds(delay_s))
    put_at = []
    for number, gap in enumerate(gaps):
        loop.advance(loop.now + gap)
        put_at.append(loop.now)
        line.put(lambda what: out.append((what, loop.now)), number)
    loop.advance(loop.now + 1)
    assert [number for number, _ in out] == list(range(len(gaps)))
    assert all(at >= put_at[number] + delay_s for number, at in out)


def test_without_a_delay_nothing_comes_out_before_the_caller_has_returned() -> None:
    loop, out = VirtualLoop(), list[str]()
    line = DelayLine(loop.as_loop(), Seconds(0))
    line.put(out.append, "data")
    assert out == []
    loop.advance(0)
    assert out == ["data"]


def test_what_is_put_in_while_something_comes_out_is_not_lost() -> None:
    loop, out = VirtualLoop(), list[tuple[float, str]]()
    line = DelayLine(loop.as_loop(), Seconds(0.5))

    def answer(what: str) -> None:
        out.append((loop.now, what))
        if what == "question":
            line.put(answer, "answer")

    line.put(answer, "question")
    loop.advance(5)
    assert out == [(0.5, "question"), (1.0, "answer")]


def test_one_that_fails_to_come_out_does_not_stop_those_behind_it() -> None:
    loop, out = VirtualLoop(), list[str]()
    line = DelayLine(loop.as_loop(), Seconds(0.5))
    line.put(out.remove, "broken")
    line.put(out.append, "whole")
    with pytest.raises(ValueError, match="not in list"):
        loop.advance(1)
    loop.advance(1)
    assert out == ["whole"]


def test_closing_loses_what_is_on_the_way() -> None:
    loop, out = VirtualLoop(), list[str]()
    line = DelayLine(loop.as_loop(), Seconds(0.5))
    line.put(out.append, "late")
    line.close()
    loop.advance(5)
    assert out == []
