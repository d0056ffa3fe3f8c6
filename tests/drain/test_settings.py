"""What can be set, where it is read from, and what is said of what cannot be understood."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.drain.settings import BadSetting, LameDuck, Settings, from_environment, lame_duck, seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [("30", 30), ("30s", 30), ("500ms", 0.5), ("2m", 120), (".5", 0.5), ("1.25s", 1.25), (" 7 ", 7), ("0", 0), (4, 4)],
)
def test_times_are_seconds_unless_they_name_their_unit(text: str, value: float) -> None:
    assert seconds(text, "here") == value


@pytest.mark.parametrize(
    "text", ["", "abc", "-1", "5 s", "1h", "1e3", "5s5", "nan", "inf", "٣", "99999999", -1, float("nan"), float("inf")]
)
def test_what_is_no_time_is_refused_with_the_place_and_what_would_do(text: str) -> None:
    with pytest.raises(BadSetting, match=r"^LAMEDUCK_GRACE_SECONDS: .* is no time.*\. Write ") as refused:
        seconds(text, "LAMEDUCK_GRACE_SECONDS")
    assert repr(text) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_lame_duck_is_one_time_or_two_bounds() -> None:
    assert lame_duck("5s", "here") == LameDuck(5, 5, 1, 5)
    assert lame_duck("2s..15s", "here") == LameDuck(2, 15, 1, 5)
    assert lame_duck("0", "here") == LameDuck(0, 0, 0, 0)
    assert lame_duck("500ms..1", "here") == LameDuck(0.5, 1, 1, 1)


@pytest.mark.parametrize("text", ["15s..2s", "..", "2s..", "..2s", "2s...5s", "a..b", "1..2..3"])
def test_bounds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadSetting, match=r"^LAMEDUCK_LAME_DUCK: .*\. Write "):
        lame_duck(text, "LAMEDUCK_LAME_DUCK")


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_whatever_the_bounds_the_other_times_are_within_them(first: float, second: float) -> None:
    least, most = sorted((round(first, 3), round(second, 3)))
    duck = lame_duck(f"{least:.3f}..{most:.3f}", "here")

    assert duck.least_s <= duck.unseen_s <= duck.most_s
    assert duck.quiet_s <= duck.most_s


def test_the_environment_goes_before_the_code() -> None:
    settings = from_environment(
        Settings(grace_s=10, tell=True, termination_log="/a"),
        {
            "LAMEDUCK_GRACE_SECONDS": "45",
            "LAMEDUCK_LAME_DUCK": "1s..3s",
            "LAMEDUCK_TERMINATION_LOG": "",
            "LAMEDUCK_TELL": "no",
            "LAMEDUCK_ENDPOINT": "9902",
        },
    )

    assert settings.grace_s == 45
    assert (settings.lame_duck.least_s, settings.lame_duck.most_s) == (1, 3)
    assert settings.termination_log == ""
    assert not settings.tell
    assert settings.endpoint == "9902"


def test_an_empty_or_missing_variable_changes_nothing() -> None:
    settings = Settings(grace_s=10)

    assert from_environment(settings, {}) == settings
    assert from_environment(settings, {"LAMEDUCK_GRACE_SECONDS": "", "LAMEDUCK_LAME_DUCK": ""}) == settings


@pytest.mark.parametrize("grace_s", [0, 0.1, 1, 3, 10, 30, 3600])
def test_the_margin_is_a_tenth_of_a_short_grace(grace_s: float) -> None:
    settings = Settings(grace_s=grace_s)

    assert settings.usable_s == pytest.approx(max(grace_s * 0.9, grace_s - 1))


@pytest.mark.parametrize("place", ["port", "1:2:x", "127.0.0.1:", ":70000", "99999999"])
def test_an_endpoint_that_is_no_place_is_refused(place: str) -> None:
    with pytest.raises(BadSetting, match=r"^LAMEDUCK_ENDPOINT: .*\. Write "):
        from_environment(Settings(), {"LAMEDUCK_ENDPOINT": place})


CONFIGURE = """
from lameduck import drain
before = drain.here().settings
try:
    drain.configure(grace_s=50, lame_duck="9s..1s")
except ValueError as error:
    print(error)
print(drain.here().settings == before)
drain.configure(grace_s=20, lame_duck=3, tell=False)
print(drain.here().settings.grace_s, drain.here().settings.lame_duck.most_s, drain.here().settings.tell)
"""


def output(code: str, **environ: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LAMEDUCK_")}
    done = subprocess.run([sys.executable, "-c", code], env={**clean, **environ}, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_configure_sets_all_or_nothing() -> None:
    refused, unchanged, changed = output(CONFIGURE).splitlines()

    assert refused == "lame_duck: '9s..1s' ends before it begins. Write the shorter time first: 2s..15s."
    assert unchanged == "True"
    assert changed == "20.0 3.0 False"


def test_the_pods_environment_goes_before_configure() -> None:
    assert output(CONFIGURE, LAMEDUCK_GRACE_SECONDS="7").splitlines()[-1] == "7.0 3.0 False"


def test_a_bad_variable_is_named_when_the_library_is_first_used() -> None:
    text = output("from lameduck import drain; drain.here()", LAMEDUCK_GRACE_SECONDS="half a minute")

    assert text.splitlines()[-1].endswith(
        "BadSetting: LAMEDUCK_GRACE_SECONDS: 'half a minute' is no time. "
        "Write seconds, or a unit behind them: 30, 30s, 500ms, 2m."
    )
