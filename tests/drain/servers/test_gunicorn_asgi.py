"""gunicorn's workers for ASGI, its own and uvicorn's: what they owe their clients, and when they are only replaced."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.drain.asking import KeptAlive, Waiting, WebSocket, ask
from tests.drain.servers.asgi_servers import APP, Form, end_under_work, started

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = ("-c", "python:lameduck.drain.servers.gunicorn")
LONG_S = 12.0


def gunicorn(name: str, *options: str, workers: int = 1) -> Form:
    command = ("gunicorn", APP, "-b", "127.0.0.1:{port}", "--no-control-socket", "-w", str(workers), *options)
    return Form(f"gunicorn-{name}", command, workers, True)


ASGI, UVICORN = ("-k", "asgi"), ("-k", "uvicorn_worker.UvicornWorker")
FORMS = (
    gunicorn("asgi-uvloop", *ASGI, "--asgi-loop", "uvloop"),
    gunicorn("asgi-asyncio", *ASGI, "--asgi-loop", "asyncio", *CONFIG),
    gunicorn("asgi-workers", *ASGI, workers=2),
    gunicorn("asgi-preload", *ASGI, "--preload"),
    gunicorn("uvicorn", *UVICORN),
    gunicorn("uvicorn-workers", *UVICORN, "--preload", workers=2),
)
BOTH = pytest.mark.parametrize("options", [pytest.param(ASGI, id="asgi"), pytest.param(UVICORN, id="uvicorn")])


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_all_that_is_under_way_ends_well(form: Form, tmp_path: Path) -> None:
    ending = end_under_work(form, tmp_path)
    assert (ending.fresh.status, ending.fresh.asks_to_close) == (200, True)
    assert (ending.ready_before, ending.readiness) == (200, 503)
    assert (ending.kept_alive.status, ending.kept_alive.asks_to_close) == (200, True)
    assert ending.kept_alive_closed
    assert (ending.slow.error, ending.slow.status, ending.slow.body) == (None, 200, b"ok")
    assert ending.events.error is None
    assert re.fullmatch(rb"(data: \d+\n\n)+", ending.events.body), ending.events.body
    assert (ending.tokens.error, ending.tokens.body.count(b"data:")) == (None, 20)
    assert ending.websocket_code == 1001
    assert ending.output.count("flushed") == ending.output.count("lifespan.shutdown") == form.workers, ending.output
    assert ending.output.index("flushed") < ending.output.index("lifespan.shutdown")
    assert ending.exit_code == 0, ending.output
    stopped = ending.server.steps("stopped")
    assert [(step["exit_code"], step["unfinished"]) for step in stopped] == [(0, [])] * form.workers
    assert "Traceback" not in ending.output, ending.output
    assert ending.took_s < LONG_S, ending.output


@BOTH
def test_idle_connections_do_not_hold_a_worker_up(options: tuple[str, ...], tmp_path: Path) -> None:
    with started(gunicorn("idle", *options, "--keep-alive", "60"), tmp_path, LAMEDUCK_LAME_DUCK="0.5s") as server:
        idle = KeptAlive(server.port)
        assert not idle.ask("/").asks_to_close
        began = time.monotonic()
        server.stop()
        assert server.ended() == 0, server.text()
        assert time.monotonic() - began < LONG_S, server.text()
        assert idle.is_closed()
        idle.close()


LATE = """
from lameduck.drain.servers import gunicorn_worker
gunicorn_worker.LOOKS_EVERY_S = 1.5
"""


def test_a_worker_that_wakes_up_by_itself_just_when_it_is_woken_finishes_what_is_in_flight(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(LATE)
    late = gunicorn("late", *ASGI, "-c", str(tmp_path / "late.py"))
    with started(late, tmp_path, LAMEDUCK_LAME_DUCK="100ms", APP_SLOW_S="4") as server:
        slow = Waiting(server.port, "/slow")
        time.sleep(0.3)  # it shall be in flight; were it later, it would be served in the lame duck, and prove nothing
        server.stop()
        slow.until_ended()
        assert (slow.error, slow.status) == (None, 200), server.text()
        assert server.ended() == 0, server.text()


@BOTH
def test_workers_that_hup_replaces_have_no_lame_duck_and_tell_their_streams(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    with started(gunicorn("hup", *options, workers=2), tmp_path, LAMEDUCK_LAME_DUCK="20s") as server:
        websocket, events = WebSocket(server.port), Waiting(server.port, "/events")
        events.until_begun()
        began = time.monotonic()
        server.stop(signal.SIGHUP)
        server.until(lambda: len(server.steps("stopped")) == 2)
        assert time.monotonic() - began < LONG_S
        assert all("alone" in step["why"] for step in server.steps("stop-asked")), server.text()
        assert websocket.until_closed() == 1001
        events.until_ended()
        assert events.error is None
        assert [ask(server.port, path).status for path in ("/", "/readyz") * 10] == [200] * 20
        assert "Traceback" not in server.text(), server.text()


@BOTH
def test_restarts_after_max_requests_begin_no_lame_duck_and_run_the_hooks(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    def asked_and_flushed() -> bool:
        # uvicorn itself closes connections whose request it has not read yet.
        with contextlib.suppress(OSError) if options == UVICORN else contextlib.nullcontext():
            assert ask(server.port, "/").status == 200
        return server.text().count("flushed") >= 2

    with started(gunicorn("max", *options, "--max-requests", "4"), tmp_path) as server:
        server.until(asked_and_flushed)
        assert not server.steps("stop-asked"), server.text()


@BOTH
def test_at_the_deadline_the_work_is_named_and_cancelled_and_the_exit_code_says_so(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    form = gunicorn("deadline", *options, *CONFIG)
    with started(form, tmp_path, LAMEDUCK_GRACE_SECONDS="4", LAMEDUCK_LAME_DUCK="0.5s", APP_SLOW_S="25") as server:
        slow = Waiting(server.port, "/slow")
        server.until(lambda: ask(server.port, "/").status == 200)
        server.stop()
        assert server.ended(LONG_S) == 75, server.text()
        assert server.steps("stopped")[0]["unfinished"] == ["GET /slow"], server.text()
        slow.until_ended()
        assert slow.status == 503


@BOTH
def test_a_sigint_for_the_arbiter_alone_is_a_stop_with_a_deadline(options: tuple[str, ...], tmp_path: Path) -> None:
    """The arbiter makes it of a SIGINT that nobody but itself has got. uvicorn's worker has no ear for it by itself."""
    with started(gunicorn("quit", *options), tmp_path, LAMEDUCK_LAME_DUCK="20s") as server:
        server.stop(signal.SIGINT)
        server.ended(LONG_S)
        assert [step["why"] for step in server.steps("stop-asked")] == ["SIGQUIT"], server.text()
        assert server.text().count("flushed") == 1
