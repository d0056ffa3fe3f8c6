"""When each step of a stop is due, with a clock that is only a number."""

import pytest

from lameduck.run.ending import Ending, Phase, Sight
from lameduck.run.options import Plan, read


def plan(*options: str) -> Plan:
    found = read([*options, "--", "app"], {})
    assert isinstance(found, Plan)
    return found


def due(ending: Ending, now: float, **seen: float) -> list[str]:
    return [what for what, _ in ending.step(now, Sight(**seen))]  # type: ignore[arg-type]


def test_without_options_the_signal_is_passed_on_at_once() -> None:
    ending = Ending(plan(), 100.0, signalled=True)
    assert due(ending, 100.0) == ["lame-duck-ended", "stop"]
    assert ending.wake_after(100.0) == float("inf")


def test_a_fixed_lame_duck_lasts_its_time_however_quiet_it_is() -> None:
    ending = Ending(plan("--lame-duck", "5s"), 0.0, signalled=True)
    assert due(ending, 4.9, quiet_s=4.9) == []
    assert ending.wake_after(4.9) == 5.0
    assert due(ending, 5.0) == ["lame-duck-ended", "stop"]


def test_an_adaptive_lame_duck_ends_when_it_has_been_quiet_but_not_before_its_least_time() -> None:
    ending = Ending(plan("--lame-duck", "2s..15s", "--quiet-time", "1s"), 0.0, signalled=True)
    assert due(ending, 1.9, quiet_s=1.9) == []
    assert due(ending, 2.5, quiet_s=0.4) == []
    assert ending.wake_after(2.5) == 15.0
    assert due(ending, 3.1, quiet_s=1.0) == ["lame-duck-ended", "stop"]


def test_an_adaptive_lame_duck_ends_at_its_longest_time_however_busy_it_is() -> None:
    ending = Ending(plan("--lame-duck", "2s..15s"), 0.0, signalled=True)
    assert due(ending, 14.9, quiet_s=0.0) == []
    assert due(ending, 15.0, quiet_s=0.0) == ["lame-duck-ended", "stop"]


def test_a_second_signal_ends_the_lame_duck_but_not_the_draining() -> None:
    ending = Ending(plan("--lame-duck", "5s", "--drain-ports", "80"), 0.0, signalled=True)
    ending.ask_again(1.0)
    assert due(ending, 1.0, busy=3) == ["lame-duck-ended", "drain-started"]
    assert due(ending, 1.1, busy=3) == []
    ending.ask_again(1.2)
    assert due(ending, 1.2, busy=3) == ["stop"]


def test_draining_ends_with_the_last_busy_connection() -> None:
    ending = Ending(plan("--drain-ports", "80"), 0.0, signalled=True)
    assert due(ending, 0.0, busy=1) == ["lame-duck-ended", "drain-started"]
    assert due(ending, 3.0, busy=0) == ["stop"]


def test_draining_is_bounded() -> None:
    ending = Ending(plan("--drain-ports", "80", "--drain-within", "4s"), 0.0, signalled=True)
    due(ending, 0.0, busy=1)
    assert due(ending, 3.9, busy=1) == []
    assert ending.step(4.0, Sight(busy=1)) == [("stop", "1 connections are still busy")]


def test_draining_leaves_the_service_half_of_the_time_to_the_kill() -> None:
    ending = Ending(plan("--drain-ports", "80", "--drain-within", "60s", "--grace", "31s"), 0.0, signalled=True)
    due(ending, 0.0, busy=1)
    assert due(ending, 14.9, busy=1) == []
    assert due(ending, 15.0, busy=1) == ["stop"]


def test_passing_on_waits_for_the_hook() -> None:
    ending = Ending(plan("--on-stop", "deregister"), 0.0, signalled=True)
    assert due(ending, 0.0, hook_runs=True) == ["lame-duck-ended"]
    assert due(ending, 0.5, hook_runs=False) == ["stop"]


def test_the_signal_behind_prestop_is_passed_on_without_a_second_lame_duck() -> None:
    ending = Ending(plan("--lame-duck", "5s"), 0.0, signalled=False)
    assert due(ending, 5.0) == ["lame-duck-ended"]
    assert due(ending, 5.1) == []
    ending.ask_again(5.2)
    assert due(ending, 5.2) == ["stop"]


def test_a_signal_during_prestops_lame_duck_lets_it_last() -> None:
    ending = Ending(plan("--lame-duck", "5s"), 0.0, signalled=False)
    ending.ask_again(1.0)
    assert due(ending, 1.0) == []
    assert due(ending, 5.0) == ["lame-duck-ended", "stop"]


def test_a_prestop_that_no_signal_follows_is_given_up() -> None:
    ending = Ending(plan("--lame-duck", "5s"), 0.0, signalled=False)
    due(ending, 5.0)
    assert due(ending, 14.9) == []
    assert due(ending, 15.0) == ["given-up"]


def test_the_stop_is_asked_for_a_second_time_once() -> None:
    ending = Ending(plan("--second-after", "10s"), 0.0, signalled=True)
    assert due(ending, 0.0) == ["lame-duck-ended", "stop"]
    assert ending.wake_after(0.0) == 10.0
    assert due(ending, 10.0) == ["stop-again"]
    assert due(ending, 20.0) == []


@pytest.mark.parametrize(("options", "kill_at"), [(("--grace", "30s"), 29.0), (("--grace", "5"), 4.5)])
def test_what_is_left_is_killed_just_before_the_grace_ends(options: tuple[str, ...], kill_at: float) -> None:
    ending = Ending(plan(*options), 0.0, signalled=True)
    due(ending, 0.0)
    assert due(ending, kill_at - 0.01) == []
    assert due(ending, kill_at) == ["kill"]
    assert due(ending, kill_at + 1) == []


def test_the_grace_counts_from_prestop_and_not_from_the_signal() -> None:
    ending = Ending(plan("--lame-duck", "5s", "--grace", "30s"), 0.0, signalled=False)
    due(ending, 5.0)
    ending.ask_again(6.0)
    due(ending, 6.0)
    assert ending.kill_at == 29.0


def test_the_last_hook_gets_its_time_before_the_grace_ends() -> None:
    assert Ending(plan("--grace", "30s", "--on-exit", "tidy"), 0.0, signalled=True).kill_at == 24.0


def test_what_outlives_the_command_has_its_own_bound_where_no_grace_is_known() -> None:
    ending = Ending(plan("--lame-duck", "5s"), 0.0, signalled=True)
    ending.child_gone(2.0, within=10.0)
    assert ending.phase is Phase.STOPPING
    assert ending.kill_at == 12.0
    assert due(ending, 5.0) == []
    assert due(ending, 12.0) == ["kill"]


@pytest.mark.parametrize("grace", ["0.5s", "1s", "3s", "30s", "5m"])
def test_every_wait_of_an_ending_with_a_grace_is_over_by_then(grace: str) -> None:
    ending = Ending(plan("--grace", grace, "--drain-ports", "80", "--on-stop", "x"), 0.0, signalled=True)
    due(ending, 0.0, busy=1, hook_runs=True)
    now = 0.0
    for _ in range(10):
        if (wake := ending.wake_after(now)) == float("inf"):
            break
        now = wake
        due(ending, now, busy=1, hook_runs=True)
    assert ending.killed
    assert ending.plan.grace is not None
    assert now < ending.plan.grace
