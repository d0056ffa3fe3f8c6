"""How findings write counts, times and command lines."""

import pytest

from lameduck.findings.words import brief, command, in_pods, requests, seconds, when
from lameduck.pod.durations import Seconds


@pytest.mark.parametrize(("count", "words"), [(1, "1 request"), (2, "2 requests"), (1200, "1,200 requests")])
def test_a_count_of_requests_is_written_with_its_noun(count: int, words: str) -> None:
    assert requests(count) == words


@pytest.mark.parametrize(
    ("t_s", "words"), [(0, "0 s"), (5.04, "5 s"), (4.96, "5 s"), (0.4, "0.4 s"), (29.51, "29.5 s")]
)
def test_seconds_are_whole_or_to_a_tenth(t_s: float, words: str) -> None:
    assert seconds(t_s) == words


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ((0.3,), "0.3 s after the deletion"),
        ((5.01, 5.02), "5 s after the deletion"),
        ((1.4, 0.1), "0.1-1.4 s after the deletion"),
    ],
)
def test_a_span_goes_from_the_first_to_the_last(times: tuple[float, ...], words: str) -> None:
    assert when(tuple(map(Seconds, times))) == words


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("server", "server"),
        ("/usr/bin/python3 -m http.server 80", "python3 -m http.server 80"),
        ("sh /opt/start.sh", "sh /opt/start.sh"),
        ("/opt/" + "x" * 61, "x" * 57 + "..."),
        ("/opt/" + "x" * 60, "x" * 60),
    ],
)
def test_a_command_line_is_brief(line: str, shown: str) -> None:
    assert brief(line) == shown
    assert command(line) == f"`{shown}`"


def test_only_several_pods_are_counted() -> None:
    assert in_pods(("web-a1",)) == ""
    assert in_pods(("web-a1", "web-a2")) == " (in 2 pods)"
