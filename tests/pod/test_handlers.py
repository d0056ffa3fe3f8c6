"""Hooks that only wait."""

import pytest

from lameduck.pod.handlers import Exec, Handler, HttpGet, Sleep, TcpSocket, plain_sleep


@pytest.mark.parametrize(
    ("handler", "seconds"),
    [
        (Sleep(5, at=()), 5),
        (Exec(("sleep", "5"), at=()), 5),
        (Exec(("/bin/sleep", "5s"), at=()), 5),
        (Exec(("sh", "-c", "sleep 5"), at=()), 5),
        (Exec(("/bin/bash", "-c", " sleep  5 "), at=()), 5),
        (Exec(("sh", "-c", "sleep 5; nginx -s quit"), at=()), None),
        (Exec(("sh", "-c", "sleep $WAIT"), at=()), None),
        (Exec(("sleep", "1.5"), at=()), None),
        (Exec(("sleep", "2m"), at=()), None),
        (Exec(("sleep", "5", "5"), at=()), None),
        (Exec(("sleep",), at=()), None),
        (Exec(("sleep 5",), at=()), None),
        (Exec(("usleep", "5"), at=()), None),
        (Exec((), at=()), None),
        (HttpGet(80, at=()), None),
        (TcpSocket(80, at=()), None),
        (None, None),
    ],
)
def test_a_plain_sleep_is_known_by_its_seconds(handler: Handler | None, seconds: int | None) -> None:
    assert plain_sleep(handler) == seconds
