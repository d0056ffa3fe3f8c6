"""aiohttp's own server: what it owes its clients from SIGTERM on, once the library is in its application."""

from __future__ import annotations

import re
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.drain.asking import KeptAlive, Waiting, WebSocket, ask
from tests.drain.served import Served, served

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

LONG_S = 12.0
WAYS = ("run-app", "runner", "runner-without-a-handler")


def started(way: str, tmp_path: Path, **environ: str) -> AbstractContextManager[Served]:
    command = (sys.executable, "-m", "tests.drain.apps.aiohttp_app", way, "{port}")
    quiet = {"LAMEDUCK_TERMINATION_LOG": "", "LAMEDUCK_LAME_DUCK": "1s", **environ}
    return served(command, tmp_path / "out", environ=quiet)


def stands(server: Served) -> None:
    """Until our handler is in front of the last of theirs: what they do has been looked at a second time."""
    began = time.monotonic()
    server.until(lambda: time.monotonic() > began + 0.2)


@pytest.mark.parametrize("way", WAYS)
def test_all_that_is_under_way_ends_well(way: str, tmp_path: Path) -> None:
    with started(way, tmp_path) as server:
        port = server.port
        assert ask(port, "/readyz").status == 200
        stands(server)
        kept, idle, websocket = KeptAlive(port), KeptAlive(port), WebSocket(port)
        assert not kept.ask("/").asks_to_close
        assert not idle.ask("/").asks_to_close
        events, tokens, slow = Waiting(port, "/events"), Waiting(port, "/tokens", "POST"), Waiting(port, "/slow")
        events.until_begun()
        tokens.until_begun()
        server.until(lambda: "slow begins" in server.text())
        began = time.monotonic()
        server.stop()
        server.until_step("stop-asked")
        fresh, missing, readiness = ask(port, "/"), ask(port, "/nothing"), ask(port, "/readyz").status
        assert (fresh.status, fresh.asks_to_close) == (200, True)
        assert (missing.status, missing.asks_to_close) == (404, True)
        assert readiness == 503
        answer = kept.ask("/")
        assert (answer.status, answer.asks_to_close, kept.is_closed()) == (200, True, True)
        for request in (slow, events, tokens):
            request.until_ended()
        assert (slow.error, slow.status, slow.body) == (None, 200, b"ok")
        assert events.error is None
        assert re.fullmatch(rb"(data: \d+\n\n)+", events.body), events.body
        assert (tokens.error, tokens.body.count(b"data:")) == (None, 20)
        assert websocket.until_closed() == 1001
        assert idle.is_closed()
        assert server.ended() == 0, server.text()
        assert time.monotonic() - began < LONG_S, server.text()
        kept.close()
        idle.close()
    text = server.text()
    assert text.index("flushed") < text.index("cleanup")
    assert "websocket ends" in text, text
    assert "Traceback" not in text, text
    assert [(step["exit_code"], step["unfinished"]) for step in server.steps("stopped")] == [(0, [])]


def test_at_the_deadline_the_work_is_named_and_cancelled_and_the_exit_code_says_so(tmp_path: Path) -> None:
    short = {"LAMEDUCK_GRACE_SECONDS": "4", "LAMEDUCK_LAME_DUCK": "0.5s", "APP_SLOW_S": "25"}
    with started("run-app", tmp_path, **short) as server:
        slow = Waiting(server.port, "/slow")
        server.until(lambda: "slow begins" in server.text())
        server.stop()
        assert server.ended(LONG_S) == 75, server.text()
        slow.until_ended()
        assert slow.status == 503
        assert server.steps("stopped")[0]["unfinished"] == ["GET /slow"]


@pytest.mark.parametrize("way", ["run-app", "runner"])
def test_a_second_signal_ends_the_lame_duck(way: str, tmp_path: Path) -> None:
    with started(way, tmp_path, LAMEDUCK_LAME_DUCK="20s", LAMEDUCK_GRACE_SECONDS="50") as server:
        stands(server)
        server.stop()
        server.until_step("stop-asked")
        server.stop()
        assert server.ended(LONG_S) == 0, server.text()
        assert "flushed" in server.text()


def test_a_connection_is_closed_with_the_answer_that_says_so_long_before_the_server_leaves(tmp_path: Path) -> None:
    with started("run-app", tmp_path, LAMEDUCK_LAME_DUCK="20s", LAMEDUCK_GRACE_SECONDS="50") as server:
        kept = KeptAlive(server.port)
        assert not kept.ask("/").asks_to_close
        server.stop()
        server.until_step("stop-asked")
        assert kept.ask("/").asks_to_close
        assert kept.is_closed(within_s=5)
        kept.close()


def test_ctrl_c_makes_nobody_wait(tmp_path: Path) -> None:
    with started("run-app", tmp_path, LAMEDUCK_LAME_DUCK="20s", LAMEDUCK_GRACE_SECONDS="50") as server:
        server.stop(signal.SIGINT)
        assert server.ended(LONG_S) == 0, server.text()
        assert "flushed" in server.text()
        assert "Traceback" not in server.text(), server.text()


def test_who_has_connected_before_the_end_is_served_although_the_loop_was_blocked(tmp_path: Path) -> None:
    with started("run-app", tmp_path, LAMEDUCK_LAME_DUCK="0.5s") as server:
        server.stop()
        server.until_step("stop-asked")
        server.process.send_signal(signal.SIGSTOP)
        queued = [Waiting(server.port, "/") for _ in range(10)]
        server.process.send_signal(signal.SIGCONT)
        for request in queued:
            request.until_ended()
        assert [(request.error, request.status) for request in queued] == [(None, 200)] * 10
        assert server.ended() == 0, server.text()
