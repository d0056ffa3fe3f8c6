import difflib

from hypothesis import given
from hypothesis import strategies as st

from lameduck.remedies.diffing import unchanged, unified_diff

_LINES = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12)


def _applied(diff: str, before: list[str]) -> list[str]:
    """What `patch` makes of it, by the hunks' own line numbers."""
    after: list[str] = []
    at = 0
    for line in diff.splitlines()[2:]:
        if line.startswith("@@"):
            start, _, length = line.split()[1].removeprefix("-").partition(",")
            begin = int(start) - (length != "0")
            after += before[at:begin]
            at = begin
        elif line.startswith("+"):
            after.append(line[1:])
        else:
            assert before[at] == line[1:]
            after += [line[1:]] if line.startswith(" ") else []
            at += 1
    return after + before[at:]


def test_lines_far_into_a_long_text_have_their_own_numbers() -> None:
    before = [f"line {number}" for number in range(1, 2001)]
    after = [*before[:1499], "new", *before[1500:]]
    expected = difflib.unified_diff(before, after, "a/long", "b/long", lineterm="")
    assert unified_diff("long", "\n".join(before) + "\n", "\n".join(after) + "\n") == "\n".join(expected) + "\n"


@given(_LINES, _LINES, st.lists(st.just("same"), max_size=8), st.lists(st.just("same"), max_size=8))
def test_hunks_lead_from_one_text_to_the_other(
    old: list[str], new: list[str], head: list[str], tail: list[str]
) -> None:
    before, after = [*head, *old, *tail], [*head, *new, *tail]
    diff = unified_diff("f", "".join(f"{line}\n" for line in before), "".join(f"{line}\n" for line in after))
    assert (diff == "") == (before == after)
    assert _applied(diff, before) == after


def test_no_line_counts_both_at_the_beginning_and_at_the_end() -> None:
    assert unchanged(["a", "a"], ["a", "a", "a"]) == (2, 0)
    assert unchanged(["a", "b", "a"], ["a", "c", "a"]) == (1, 1)
