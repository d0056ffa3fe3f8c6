"""daphne: what it owes its clients from SIGTERM on, once the library is in its application. It knows no lifespan."""

from __future__ import annotations

import inspect
import re
import signal
import time
from importlib import import_module
from typing import TYPE_CHECKING

from tests.drain.asking import KeptAlive, Waiting, WebSocket, ask
from tests.drain.served import Served, served

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

LONG_S = 12.0
LONG = {"LAMEDUCK_LAME_DUCK": "20s", "LAMEDUCK_GRACE_SECONDS": "50"}
"""Nobody waits for this one."""


def started(
    tmp_path: Path, app: str = "tests.drain.apps.asgi_app:drained", **environ: str
) -> AbstractContextManager[Served]:
    command = ("daphne", "-p", "{port}", app)
    quiet = {"LAMEDUCK_TERMINATION_LOG": "", "LAMEDUCK_LAME_DUCK": "1s", **environ}
    return served(command, tmp_path / "out", environ=quiet)


def test_all_that_is_under_way_ends_well(tmp_path: Path) -> None:
    with started(tmp_path) as server:
        port = server.port
        assert ask(port, "/readyz").status == 200
        kept, idle, websocket = KeptAlive(port), KeptAlive(port), WebSocket(port)
        assert not kept.ask("/").asks_to_close
        assert not idle.ask("/").asks_to_close
        events, tokens, slow = Waiting(port, "/events"), Waiting(port, "/tokens", "POST"), Waiting(port, "/slow")
        events.until_begun()
        tokens.until_begun()
        began = time.monotonic()
        server.stop()
        server.until_step("stop-asked")
        fresh, readiness = ask(port, "/"), ask(port, "/readyz").status
        assert (fresh.status, fresh.asks_to_close, readiness) == (200, True, 503)
        answer = kept.ask("/")
        assert (answer.status, answer.asks_to_close) == (200, True)
        for request in (slow, events, tokens):
            request.until_ended()
        assert (slow.error, slow.status, slow.body) == (None, 200, b"ok")
        assert events.error is None
        assert re.fullmatch(rb"(data: \d+\n\n)+", events.body), events.body
        assert (tokens.error, tokens.body.count(b"data:")) == (None, 20)
        assert websocket.until_closed() == 1001
        assert server.ended() == 0, server.text()
        assert time.monotonic() - began < LONG_S, server.text()
        for connection in (kept, idle):
            assert connection.is_closed()
            connection.close()
    assert server.text().count("flushed") == 1
    assert "Traceback" not in server.text(), server.text()
    assert [(step["exit_code"], step["unfinished"]) for step in server.steps("stopped")] == [(0, [])]


def test_a_signal_before_the_first_request_is_ours_too(tmp_path: Path) -> None:
    with started(tmp_path, LAMEDUCK_LAME_DUCK="0.3s") as server:
        server.stop()
        assert server.ended() == 0, server.text()
        assert server.text().count("flushed") == 1
        assert server.steps("lame-duck-ended"), server.text()


def test_a_signal_while_the_reactor_starts_is_ours_too(tmp_path: Path) -> None:
    app = "tests.drain.apps.signalled_in_startup:drained"
    with started(tmp_path, app, LAMEDUCK_LAME_DUCK="0.3s") as server:
        assert server.ended() == 0, server.text()
        assert server.text().count("flushed") == 1
        assert server.steps("lame-duck-ended"), server.text()


def test_at_the_deadline_the_work_is_named_and_cancelled_and_the_exit_code_says_so(tmp_path: Path) -> None:
    with started(tmp_path, LAMEDUCK_GRACE_SECONDS="4", LAMEDUCK_LAME_DUCK="0.5s", APP_SLOW_S="25") as server:
        slow = Waiting(server.port, "/slow")
        server.until(lambda: ask(server.port, "/").status == 200)
        server.stop()
        assert server.ended(LONG_S) == 75, server.text()
        slow.until_ended()
        assert slow.status == 503
        assert server.steps("stopped")[0]["unfinished"] == ["GET /slow"]


def test_a_second_signal_ends_the_lame_duck(tmp_path: Path) -> None:
    with started(tmp_path, **LONG) as server:
        assert ask(server.port, "/").status == 200
        server.stop()
        server.until_step("stop-asked")
        server.stop()
        assert server.ended(LONG_S) == 0, server.text()
        assert "flushed" in server.text()


def test_ctrl_c_makes_nobody_wait(tmp_path: Path) -> None:
    with started(tmp_path, **LONG) as server:
        assert ask(server.port, "/").status == 200
        server.stop(signal.SIGINT)
        assert server.ended(LONG_S) == 0, server.text()
        assert "flushed" in server.text()


def test_who_has_connected_before_the_end_is_served_although_the_loop_was_blocked(tmp_path: Path) -> None:
    with started(tmp_path, LAMEDUCK_LAME_DUCK="0.5s") as server:
        assert ask(server.port, "/").status == 200
        server.stop()
        server.until_step("stop-asked")
        server.process.send_signal(signal.SIGSTOP)
        queued = [Waiting(server.port, "/") for _ in range(10)]
        server.process.send_signal(signal.SIGCONT)
        for request in queued:
            request.until_ended()
        assert [(request.error, request.status) for request in queued] == [(None, 200)] * 10
        assert server.ended() == 0, server.text()


def test_daphne_closes_websockets_by_itself_in_the_way_that_is_used() -> None:
    assert "self.sendCloseFrame(code=" in inspect.getsource(import_module("daphne.ws_protocol"))
    assert "send=partial(self.handle_reply, protocol)" in inspect.getsource(import_module("daphne.server"))


def test_the_reactors_handlers_are_found_as_they_are_installed() -> None:
    source = inspect.getsource(import_module("twisted.internet._signals"))
    assert "signal.signal(signal.SIGTERM, self._sigTerm)" in source
    assert "self.sigTerm" in inspect.getsource(import_module("twisted.internet.base"))
