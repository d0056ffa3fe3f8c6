"""Numbers in texts: what a program would take for one, and nothing that Python alone would."""

import pytest

from lameduck.pod.whole_numbers import written_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("08", 8), ("300", 300), ("9" * 18, 10**18 - 1)])
def test_decimal_digits_are_a_number(text: str, number: int) -> None:
    assert written_number(text) == number


@pytest.mark.parametrize("text", ["", " 1", "-1", "1.5", "5s", "\u0663", "²", "1_0", "9" * 19, "9" * 5000])
def test_everything_else_is_none(text: str) -> None:
    assert written_number(text) is None
