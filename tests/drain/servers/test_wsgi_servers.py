"""Servers for WSGI without a handler of SIGTERM, which would kill them: what they owe their clients from it on."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.drain.asking import KeptAlive, Waiting, ask
from tests.drain.served import Served, served

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

LONG_S = 12.0
FILE = Path(__file__).parent.parent / "apps" / "wsgi_app.py"
LARGE = 8_000_000
A_SLOW_CLIENT_S = 1.0
THREADED = ("waitress", "werkzeug")
NAMES = (*THREADED, "wsgiref")


def started(name: str, tmp_path: Path, **environ: str) -> AbstractContextManager[Served]:
    command = (sys.executable, "-m", "tests.drain.apps.wsgi_servers", name, "{port}")
    quiet = {"LAMEDUCK_TERMINATION_LOG": "", "LAMEDUCK_LAME_DUCK": "1s", **environ}
    return served(command, tmp_path / "out", environ=quiet)


def slow_request(server: Served) -> Waiting:
    request = Waiting(server.port, "/slow")
    server.until(lambda: "slow begins" in server.text())
    return request


@pytest.mark.parametrize("name", THREADED)
def test_a_lame_duck_serves_on_and_ends_with_its_longest_request(name: str, tmp_path: Path) -> None:
    with started(name, tmp_path, APP_SLOW_S="2") as server:
        slow = slow_request(server)
        began = time.monotonic()
        server.stop()
        server.until_step("stop-asked")
        fresh, readiness = ask(server.port, "/"), ask(server.port, "/readyz").status
        assert (fresh.status, fresh.asks_to_close, readiness) == (200, True, 503)
        slow.until_ended()
        assert (slow.error, slow.status, slow.body) == (None, 200, b"ok")
        assert server.ended() == 0, server.text()
        assert time.monotonic() - began < LONG_S, server.text()
    assert server.text().count("flushed") == 1
    assert "Traceback" not in server.text(), server.text()
    assert [(step["exit_code"], step["unfinished"]) for step in server.steps("stopped")] == [(0, [])]


def test_connections_that_waitress_keeps_alive_are_asked_to_close(tmp_path: Path) -> None:
    with started("waitress", tmp_path, APP_SLOW_S="1") as server:
        used, in_flight, idle = KeptAlive(server.port), KeptAlive(server.port), KeptAlive(server.port)
        assert not used.ask("/").asks_to_close
        assert not idle.ask("/").asks_to_close
        in_flight.connection.request("GET", "/slow")
        server.until(lambda: "slow begins" in server.text())
        server.stop()
        server.until_step("stop-asked")
        answers = used.ask("/"), in_flight.answer()
        assert [(answer.status, answer.asks_to_close) for answer in answers] == [(200, True)] * 2
        assert server.ended() == 0, server.text()
        for connection in (used, in_flight, idle):
            assert connection.is_closed()
            connection.close()


def test_what_waitress_has_still_to_send_is_sent(tmp_path: Path) -> None:
    with started("waitress", tmp_path, LAMEDUCK_LAME_DUCK="0.2s") as server:
        reader = KeptAlive(server.port)
        reader.connection.request("GET", "/large")
        response = reader.connection.getresponse()
        server.stop()
        server.until_step("lame-duck-ended")
        began = time.monotonic()
        server.until(lambda: time.monotonic() > began + A_SLOW_CLIENT_S)
        assert len(response.read()) == LARGE
        assert server.ended() == 0, server.text()
        reader.close()


@pytest.mark.parametrize("name", NAMES)
def test_who_waits_in_the_accept_queue_is_served(name: str, tmp_path: Path) -> None:
    with started(name, tmp_path, LAMEDUCK_LAME_DUCK="0.3s") as server:
        assert ask(server.port, "/").status == 200
        server.stop()
        server.until_step("stop-asked")
        server.process.send_signal(signal.SIGSTOP)
        queued = [Waiting(server.port, "/") for _ in range(5)]
        server.process.send_signal(signal.SIGCONT)
        for request in queued:
            request.until_ended()
        assert [(request.error, request.status) for request in queued] == [(None, 200)] * 5
        assert server.ended() == 0, server.text()


@pytest.mark.parametrize("name", THREADED)
def test_at_the_deadline_the_work_is_named_and_the_exit_code_says_so(name: str, tmp_path: Path) -> None:
    with started(name, tmp_path, LAMEDUCK_GRACE_SECONDS="3", APP_SLOW_S="25") as server:
        slow = slow_request(server)
        server.stop()
        assert server.ended(LONG_S) == 75, server.text()
        assert server.steps("stopped")[0]["unfinished"] == ["GET /slow"]
        slow.until_ended()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("signals", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT,)], ids=["two", "ctrl-c"])
def test_who_is_impatient_does_not_wait(name: str, signals: tuple[int, ...], tmp_path: Path) -> None:
    with started(name, tmp_path, LAMEDUCK_LAME_DUCK="20s", LAMEDUCK_GRACE_SECONDS="50") as server:
        for signum in signals:
            server.stop(signum)
            if signum == signal.SIGTERM:
                server.until_step("stop-asked")
        # An interrupt of the interpreter itself may be its exit code, as it is without the library.
        assert server.ended(LONG_S) in (0, 1, -signal.SIGINT, 130), server.text()
        assert "flushed" in server.text()
        assert "src/lameduck" not in server.text(), server.text()


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_response_is_as_it_is_without_the_library(name: str, tmp_path: Path) -> None:
    asked = [("GET", path) for path in ("/", "/file", "/written", "/pieces", "/fails", "/uncounted")] + [("HEAD", "/")]
    headers = []
    for bare in ("0", "1"):
        folder = tmp_path / bare
        folder.mkdir()
        with started(name, folder, APP_SLOW_S="0.1", APP_BARE=bare) as server:
            answers = [ask(server.port, path, method) for method, path in asked]
            headers.append([(answer.status, answer.asks_to_close) for answer in answers])
            assert [answer.status for answer in answers] == [200, 200, 200, 200, 500, 200, 200]
            assert [answer.body for answer in answers[:4]] == [b"ok", FILE.read_bytes(), b"written", b"0 1 2 3 4 "]
    assert headers[0] == headers[1]
