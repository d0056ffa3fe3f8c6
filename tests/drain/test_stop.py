"""The order and the times of a stop's steps, without any clock."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lameduck.drain.settings import LameDuck, Settings
from lameduck.drain.states import State
from lameduck.drain.stop import Due, Sight, Stop

NOBODY = Sight()
BUSY = Sight(in_flight=1)
BEGAN = 1000.0


def due(stop: Stop, after_s: float, sight: Sight = NOBODY) -> list[Due]:
    return [why.due for why in stop.step(BEGAN + after_s, sight)]


def arrivals(*after_s: float, in_flight: int = 0) -> Sight:
    return Sight(in_flight, len(after_s), BEGAN + after_s[-1])


def test_with_a_fixed_lame_duck_the_server_is_told_when_it_is_over() -> None:
    stop = Stop(Settings(lame_duck=LameDuck(5, 5)), BEGAN)

    assert due(stop, 0) == []
    assert due(stop, 4.999, arrivals(1, 2, 3, 4, 4.5)) == []
    assert due(stop, 5, arrivals(1, 2, 3, 4, 4.9)) == [Due.CLOSE]
    assert due(stop, 5.001) == []


def test_a_lame_duck_that_nobody_comes_in_ends_at_its_own_time() -> None:
    stop = Stop(Settings(), BEGAN)

    assert due(stop, 4.999) == []
    assert due(stop, 5) == [Due.CLOSE]


def test_many_arrivals_say_soon_that_nobody_comes_any_more() -> None:
    stop = Stop(Settings(), BEGAN)
    sight = arrivals(*(at / 100 for at in range(150)))  # one every 10 ms, the last at 1.49 s

    assert due(stop, 2.4, sight) == []  # a second of quiet, at least
    assert due(stop, 2.5, sight) == [Due.CLOSE]


def test_arrivals_far_apart_are_waited_for_five_gaps_long() -> None:
    stop = Stop(Settings(), BEGAN)
    sight = arrivals(0.5, 1, 1.5, 2, 2.5)  # a gap of half a second: quiet for 2.5 s

    assert due(stop, 4.999, sight) == []
    assert due(stop, 5.0, sight) == [Due.CLOSE]


def test_a_few_arrivals_do_not_end_the_lame_duck_before_it_would_end_without_any() -> None:
    stop = Stop(Settings(), BEGAN)

    assert due(stop, 4.999, arrivals(0.01)) == []
    assert due(stop, 5, arrivals(0.01)) == [Due.CLOSE]


def test_work_that_keeps_coming_ends_the_lame_duck_at_its_most() -> None:
    stop = Stop(Settings(grace_s=60), BEGAN)

    assert due(stop, 14.999, arrivals(*range(1, 15))) == []
    assert due(stop, 15, arrivals(*range(1, 15), 14.99)) == [Due.CLOSE]


def test_at_least_half_of_a_short_grace_is_the_works_own() -> None:
    stop = Stop(Settings(grace_s=3), BEGAN)

    assert stop.most <= stop.settings.grace_s / 2
    assert due(stop, stop.most) == [Due.CLOSE]
    assert due(stop, 2.0, BUSY) == []


def test_ctrl_c_has_no_lame_duck() -> None:
    stop = Stop(Settings(), BEGAN, lame_duck=False)

    assert due(stop, 0, BUSY) == [Due.CLOSE]


def test_a_second_signal_ends_the_lame_duck_and_a_third_hurries_the_server() -> None:
    stop = Stop(Settings(), BEGAN)
    due(stop, 0)

    stop.signal()
    assert due(stop, 1, BUSY) == [Due.CLOSE]
    assert due(stop, 1.1, BUSY) == []
    stop.signal()
    assert due(stop, 2, BUSY) == [Due.HURRY, Due.CANCEL]
    stop.signal()
    assert due(stop, 3, BUSY) == [Due.HURRY]


def test_work_that_is_in_flight_at_its_last_moment_is_cancelled_before_the_hooks_run() -> None:
    stop = Stop(Settings(grace_s=30), BEGAN, hooks_s=6)
    due(stop, 20, BUSY)

    assert due(stop, 21.9, BUSY) == []
    assert due(stop, 22, BUSY) == [Due.CANCEL]
    assert due(stop, 23, BUSY) == [Due.CLEAN_UP]
    assert due(stop, 28.9, BUSY) == []
    assert due(stop, 29, BUSY) == [Due.LEAVE]
    assert due(stop, 40, BUSY) == []


def test_nothing_is_cancelled_where_nothing_is_in_flight() -> None:
    stop = Stop(Settings(grace_s=30), BEGAN)
    due(stop, 20)

    assert due(stop, 28) == []
    assert stop.cancelled


def test_hooks_are_promised_a_third_of_the_grace_at_most() -> None:
    stop = Stop(Settings(grace_s=30, margin_s=0), BEGAN, hooks_s=1000)

    assert stop.hooks_at == BEGAN + 20
    assert stop.remaining_s(BEGAN) == 19
    assert stop.remaining_s(BEGAN + 100) == 0


def test_a_server_that_is_done_early_leaves_the_time_to_the_hooks() -> None:
    stop = Stop(Settings(), BEGAN)
    stop.server_is_done()
    states = [stop.state]

    assert due(stop, 6) == []
    stop.hooks_are_done()
    assert [*states, stop.state] == [State.CLEANING_UP, State.STOPPED]


def test_a_server_that_is_done_late_does_not_take_the_hooks_back() -> None:
    stop = Stop(Settings(), BEGAN)
    stop.server_is_done()
    stop.hooks_are_done()
    stop.server_is_done()

    assert stop.state is State.STOPPED


def test_a_process_that_has_stopped_and_does_not_leave_is_made_to_at_the_deadline() -> None:
    stop = Stop(Settings(), BEGAN)
    stop.server_is_done()
    stop.hooks_are_done()

    assert stop.wake_after(BEGAN + 1, NOBODY) == stop.deadline
    assert due(stop, 28.9) == []
    assert due(stop, 29) == [Due.LEAVE]
    assert stop.wake_after(BEGAN + 30, NOBODY) == math.inf


def test_a_lame_duck_without_a_signal_waits_for_it_and_closes_at_once_when_it_comes() -> None:
    stop = Stop(Settings(), BEGAN, signalled=False)

    assert due(stop, 5, BUSY) == [Due.OVER]
    assert due(stop, 6, BUSY) == []
    stop.signal()
    assert due(stop, 7, BUSY) == [Due.CLOSE]


def test_a_lame_duck_that_is_seen_late_is_taken_back_at_once() -> None:
    stop = Stop(Settings(), BEGAN, signalled=False)

    assert due(stop, 60, BUSY) == [Due.OVER, Due.TAKE_BACK]


def test_a_lame_duck_that_no_signal_follows_is_taken_back_and_nothing_else_is_due() -> None:
    stop = Stop(Settings(), BEGAN, signalled=False)
    due(stop, 5)

    assert due(stop, 14.999, BUSY) == []
    assert due(stop, 15, BUSY) == [Due.TAKE_BACK]
    assert due(stop, 29, BUSY) == []


@pytest.mark.parametrize("grace_s", [0, 0.2, 1, 2, 3, 5, 10, 30, 3600])
def test_a_process_that_nobody_has_signalled_is_never_made_to_leave(grace_s: float) -> None:
    stop = Stop(Settings(grace_s=grace_s), BEGAN, signalled=False)
    seen = [step for at in range(40_000) for step in due(stop, at / 10, BUSY)]

    assert Due.LEAVE not in seen
    assert Due.TAKE_BACK in seen


# Whatever the settings and whatever comes when.


@dataclass(frozen=True)
class Story:
    """A stop and what happens during it, in whole milliseconds after its begin: so that none is rounded."""

    settings: Settings
    lame_duck: bool
    hooks_ms: int
    signalled: bool
    arrivals: tuple[int, ...]
    signals: tuple[int, ...]
    work_ends: int
    server_done: int | None
    hooks_done: int | None

    def begin(self) -> Stop:
        return Stop(
            self.settings, 0.0, lame_duck=self.lame_duck, hooks_s=self.hooks_ms / 1000, signalled=self.signalled
        )

    def sight(self, at: int) -> Sight:
        came = [one for one in self.arrivals if one <= at]
        return Sight(int(at < self.work_ends), len(came), came[-1] / 1000 if came else None)

    def happenings(self) -> set[int]:
        done = {at for at in (self.server_done, self.hooks_done) if at is not None}
        return {0, *self.arrivals, *self.signals, self.work_ends, *done}

    def happens(self, stop: Stop, at: int) -> None:
        for signal in self.signals:
            if signal == at:
                stop.signal()
        if self.server_done == at:
            stop.server_is_done()
        if self.hooks_done == at and stop.state is State.CLEANING_UP:
            stop.hooks_are_done()


LAST = 9_000
MOMENTS = st.integers(0, LAST)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    least = draw(st.integers(0, 1_500))
    most = draw(st.integers(least, 4_000))
    duck = LameDuck(least / 1000, most / 1000, draw(st.integers(1, 1_000)) / 1000, draw(st.integers(0, 3_000)) / 1000)
    grace = draw(st.integers(1, 6_000))
    return Story(
        Settings(lame_duck=duck, grace_s=grace / 1000, margin_s=draw(st.integers(0, 500)) / 1000),
        draw(st.booleans()),
        draw(st.integers(0, 4_000)),
        draw(st.booleans()),
        tuple(sorted(draw(st.lists(MOMENTS, max_size=12)))),
        tuple(sorted(draw(st.lists(MOMENTS, max_size=3)))),
        draw(MOMENTS),
        draw(st.none() | MOMENTS),
        draw(st.none() | MOMENTS),
    )


def played_every_ms(story: Story) -> list[tuple[int, Due]]:
    stop = story.begin()
    seen = []
    for at in range(LAST + 1):
        story.happens(stop, at)
        seen += [(at, why.due) for why in stop.step(at / 1000, story.sight(at))]
        if seen and seen[-1][1] is Due.TAKE_BACK:
            break
    return seen


def played_at_wake_times(story: Story) -> list[tuple[int, Due]]:
    """As the thread does: when something happens that it is woken for, and at the times it asked for."""
    stop = story.begin()
    seen = []
    at = 0
    while at <= LAST:
        story.happens(stop, at)
        sight = story.sight(at)
        seen += [(at, why.due) for why in stop.step(at / 1000, sight)]
        if seen and seen[-1][1] is Due.TAKE_BACK:
            break
        wake = stop.wake_after(at / 1000, sight)
        asked = LAST + 1 if wake == math.inf else max(at + 1, math.ceil(round(wake * 1000, 6)))
        at = min([asked, *(moment for moment in story.happenings() if moment > at)])
    return seen


ONCE = (Due.OVER, Due.CLOSE, Due.CANCEL, Due.CLEAN_UP, Due.LEAVE, Due.TAKE_BACK)
RANK = {Due.OVER: 0, Due.CLOSE: 1, Due.HURRY: 2, Due.CANCEL: 2, Due.CLEAN_UP: 3, Due.LEAVE: 4}


@settings(deadline=None, max_examples=60)
@given(stories())
def test_no_step_is_due_twice_and_each_comes_in_its_order(story: Story) -> None:
    steps = [step for _, step in played_every_ms(story)]

    for step in ONCE:
        assert steps.count(step) <= 1
    assert steps.count(Due.HURRY) <= len(story.signals)
    ranks = [RANK[step] for step in steps if step is not Due.TAKE_BACK]
    assert ranks == sorted(ranks)
    if Due.TAKE_BACK in steps:
        assert steps == [Due.OVER, Due.TAKE_BACK]
    if Due.LEAVE in steps:
        assert story.signalled or story.signals or story.server_done is not None


@settings(deadline=None, max_examples=60)
@given(stories())
def test_waking_only_when_told_misses_nothing(story: Story) -> None:
    assert played_at_wake_times(story) == played_every_ms(story)


@settings(deadline=None, max_examples=60)
@given(stories())
def test_the_lame_duck_keeps_within_its_bounds(story: Story) -> None:
    stop = story.begin()
    steps = {step: at for at, step in played_every_ms(story) if step is Due.CLOSE}
    if Due.CLOSE not in steps or not story.signalled:
        return
    closed_s = steps[Due.CLOSE] / 1000

    assert closed_s <= stop.most + 0.001
    if story.lame_duck and not story.signals:
        assert closed_s >= stop.least - 0.001
        came = [one / 1000 for one in story.arrivals if one / 1000 <= closed_s]
        if came and closed_s < stop.most - 0.001:
            assert closed_s >= came[-1] + story.settings.lame_duck.quiet_s - 0.001


@settings(deadline=None, max_examples=60)
@given(stories())
def test_the_deadline_is_never_passed(story: Story) -> None:
    stop = story.begin()
    seen = played_every_ms(story)
    left = [at / 1000 for at, step in seen if step is Due.LEAVE]

    assert stop.began <= stop.cancel_at <= stop.hooks_at <= stop.deadline <= story.settings.grace_s
    if story.signalled:
        assert left == [pytest.approx(stop.deadline, abs=0.001)]
        assert all(at / 1000 <= left[0] for at, step in seen if step is not Due.HURRY)
