"""Numbers, times and other people's text, as reports write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.report.wording import plural, seconds, share, span, visible


@pytest.mark.parametrize(
    ("t_s", "written"), [(0.0, "0.0 s"), (-0.001, "0.0 s"), (5.06, "5.1 s"), (-1.0, "-1.0 s"), (1234.5, "1,234.5 s")]
)
def test_times_are_written_to_a_tenth_of_a_second(t_s: float, written: str) -> None:
    assert seconds(t_s) == written


def test_a_range_whose_ends_read_the_same_is_written_as_one_time() -> None:
    assert span(0.0, 1.4) == "0.0–1.4 s"
    assert span(1.41, 1.42) == "1.4 s"


@pytest.mark.parametrize(
    ("part", "whole", "written"),
    [
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (1, 10_000, "<0.1 %"),
        (9_999, 10_000, ">99.9 %"),
        (67, 667, "10.0 %"),
        (0, 0, "0 %"),
    ],
)
def test_a_small_loss_is_never_written_as_none(part: int, whole: int, written: str) -> None:
    assert share(part, whole) == written


def test_one_has_no_plural() -> None:
    assert (plural(1, "request"), plural(1200, "request")) == ("1 request", "1,200 requests")


def test_what_is_not_seen_is_written_out() -> None:
    assert visible("a\x1b[31m\tb\u202e\ud800\n") == r"a\x1b[31m    b\u202e\ud800\x0a"


@given(st.text(st.characters(codec=None)))
def test_visible_text_can_always_be_written_and_never_breaks_a_line(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
