"""Lines of a container's output: cut anywhere, of any bytes, and of any amount."""

from hypothesis import given
from hypothesis import strategies as st

from lameduck.rehearse.output import LINE_BYTES, LINES_PER_S, OutputLines


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_lines_are_the_same_however_the_bytes_arrive(chunks: list[bytes]) -> None:
    whole, pieces = OutputLines(), OutputLines()
    data = b"".join(chunks)
    at_once = (*whole.feed(data, 0.0), *whole.end())
    bit_by_bit = [line for chunk in chunks for line in pieces.feed(chunk, 0.0)]
    assert (*bit_by_bit, *pieces.end()) == at_once
    expected = data.decode(errors="replace").replace("\r\n", "\n").removesuffix("\r").split("\n")
    assert list(at_once) == expected[: -1 if expected[-1] == "" and not data.endswith(b"\r") else None]


def test_a_last_line_without_newline_is_handed_over_at_the_end() -> None:
    lines = OutputLines()
    assert lines.feed(b"one\ntw", 0.0) == ("one",)
    assert lines.feed(b"o", 0.0) == ()
    assert lines.end() == ("two",)
    assert lines.end() == ()


def test_a_long_line_is_cut_and_the_next_one_is_whole() -> None:
    lines = OutputLines()
    for _ in range(100):
        assert lines.feed(b"x" * 1000, 0.0) == ()
    assert lines.feed(b"\nnext\n" + b"y" * 2 * LINE_BYTES + b"\n", 0.0) == (
        "x" * LINE_BYTES + "…",
        "next",
        "y" * LINE_BYTES + "…",
    )


def test_lines_beyond_the_limit_are_counted_and_later_ones_are_kept_again() -> None:
    lines = OutputLines()
    kept = lines.feed(b"a\n" * (LINES_PER_S + 500), 10.0)
    assert len(kept) == LINES_PER_S
    assert lines.feed(b"b\n" * 7, 10.0) == ()
    assert lines.feed(b"c\n", 11.0) == (f"(507 lines left out: more than {LINES_PER_S} a second)", "c")
    assert lines.end() == ()


def test_lines_dropped_last_are_told_at_the_end() -> None:
    lines = OutputLines()
    lines.feed(b"a\n" * (LINES_PER_S + 3), 0.0)
    assert lines.end() == (f"(3 lines left out: more than {LINES_PER_S} a second)",)
