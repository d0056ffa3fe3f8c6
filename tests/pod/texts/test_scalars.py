"""Plain scalars, as Kubernetes' Go reader takes them."""

import math

import pytest

from lameduck.pod.texts.scalars import Value, resolve, without_lone_surrogates


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, True) for word in ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")],
        *[(word, False) for word in ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")],
        *[(word, None) for word in ("", "~", "null", "Null", "NULL")],
        *[(word, word) for word in ("yEs", "nULL", "tRUE", "yes.", "nginx", "25%", "5s", "-", "+", ".", "0x", "1.2.3")],
        ("0", 0),
        ("30", 30),
        ("+5", 5),
        ("-5", -5),
        ("010", 8),
        ("0o10", 8),
        ("0O17", 15),
        ("-017", -15),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("080", 80.0),  # no octal number: Go reads a float, and JSON makes 80 of it
        ("08", 8.0),
        ("0o8", "0o8"),
        ("30.0", 30.0),
        (".5", 0.5),
        ("._5", "._5"),
        ("1e3", 1000.0),
        ("1.5E+2", 150.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("1:30", "1:30"),  # base 60 is gone
        ("2024-01-01", "2024-01-01"),
        ("1__0", 10),
        ("9223372036854775808", 9223372036854775808),
        ("٣", "٣"),  # digits of other scripts are text
        ("1" * 5000, math.inf),
    ],
)
def test_a_plain_scalar_is_what_go_makes_of_it(text: str, value: Value) -> None:
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is type(value)


def test_not_a_number_is_a_float() -> None:
    assert isinstance(resolve(".NaN"), float)


def test_surrogate_pairs_are_joined_and_halves_replaced() -> None:
    assert without_lone_surrogates("\ud83e\udd86 \ud800!") == "🦆 \ufffd!"
