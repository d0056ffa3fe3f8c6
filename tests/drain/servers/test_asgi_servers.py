"""What every ASGI server owes its clients from SIGTERM on, once the library is in its application."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.drain.asking import Waiting
from tests.drain.served import Served, served
from tests.drain.servers.asgi_servers import FORMS, Ending, Form, end_under_work, started

if TYPE_CHECKING:
    from pathlib import Path

LONG = {"LAMEDUCK_LAME_DUCK": "20s", "LAMEDUCK_GRACE_SECONDS": "50"}
"""Nobody waits for this one."""
WITHOUT_A_LAME_DUCK_S = 12.0


@pytest.fixture(scope="module", params=FORMS, ids=str)
def form(request: pytest.FixtureRequest) -> Form:
    found: Form = request.param
    return found


@pytest.fixture(scope="module")
def ending(form: Form, tmp_path_factory: pytest.TempPathFactory) -> Ending:
    return end_under_work(form, tmp_path_factory.mktemp(form.name))


def test_new_connections_are_served_in_the_lame_duck_and_asked_to_close(ending: Ending) -> None:
    assert (ending.fresh.status, ending.fresh.asks_to_close) == (200, True)


def test_readiness_says_no_from_the_signal_on(ending: Ending) -> None:
    assert (ending.ready_before, ending.readiness) == (200, 503)


def test_a_connection_that_is_kept_alive_is_asked_to_close_and_closed_after_the_answer(ending: Ending) -> None:
    assert (ending.kept_alive.status, ending.kept_alive.asks_to_close) == (200, True)
    assert ending.kept_alive_closed


def test_a_slow_request_is_answered(ending: Ending) -> None:
    assert (ending.slow.error, ending.slow.status, ending.slow.body) == (None, 200, b"ok")


def test_an_event_stream_ends_properly_at_the_end_of_an_event(ending: Ending) -> None:
    assert ending.events.error is None
    assert re.fullmatch(rb"(data: \d+\n\n)+", ending.events.body), ending.events.body


def test_a_stream_that_was_asked_for_with_post_is_finished(ending: Ending) -> None:
    assert ending.tokens.error is None
    assert ending.tokens.body.count(b"data:") == 20


def test_a_websocket_is_closed_with_going_away(ending: Ending) -> None:
    assert ending.websocket_code == 1001


def test_hooks_run_before_the_application_is_shut_down(ending: Ending, form: Form) -> None:
    for pattern in ("flushed", r"lifespan\.shutdown"):
        assert len(re.findall(pattern, ending.output)) == form.workers, ending.output
    assert ending.output.index("flushed") < ending.output.index("lifespan.shutdown")


def test_the_exit_code_is_0_and_nothing_is_left_undone(ending: Ending, form: Form) -> None:
    assert ending.exit_code == 0, ending.output
    stopped = ending.server.steps("stopped")
    assert [(step["exit_code"], step["unfinished"]) for step in stopped] == [(0, [])] * form.workers


def test_nothing_is_told_as_an_error(ending: Ending) -> None:
    assert "Traceback" not in ending.output, ending.output
    assert "ERROR" not in ending.output, ending.output


def test_a_request_in_the_accept_queue_is_served(form: Form, tmp_path: Path) -> None:
    with started(form, tmp_path, LAMEDUCK_LAME_DUCK="100ms", APP_SLOW_S="0.4") as server:
        blocked = [Waiting(server.port, "/block") for _ in range(form.workers)]
        queued = [Waiting(server.port, "/") for _ in range(5)]
        server.stop()
        for request in (*blocked, *queued):
            request.until_ended()
        assert [(request.error, request.status) for request in (*blocked, *queued)] == [(None, 200)] * len(
            (*blocked, *queued)
        )
        assert server.ended() == 0, server.text()


def test_ctrl_c_does_not_wait_for_a_lame_duck(form: Form, tmp_path: Path) -> None:
    with started(form, tmp_path, **LONG) as server:
        # A terminal sends it to all processes in the foreground.
        os.killpg(server.process.pid, signal.SIGINT)
        server.ended(WITHOUT_A_LAME_DUCK_S)
        assert server.text().count("flushed") == form.workers


def test_a_second_signal_ends_the_lame_duck_and_a_third_the_work(form: Form, tmp_path: Path) -> None:
    with started(form, tmp_path, APP_SLOW_S="30", **LONG) as server:
        slow = Waiting(server.port, "/slow")
        server.stop()
        server.until(lambda: len(server.steps("stop-asked")) >= form.workers)
        hurry(form, server)
        server.until(lambda: len(server.steps("lame-duck-ended")) >= form.workers, WITHOUT_A_LAME_DUCK_S)
        hurry(form, server)
        server.ended(WITHOUT_A_LAME_DUCK_S)
        slow.until_ended()


def hurry(form: Form, server: Served) -> None:
    """Parents pass a second SIGTERM on to nobody; Ctrl-C reaches the workers by itself."""
    if form.parent:
        os.killpg(server.process.pid, signal.SIGINT)
    else:
        server.stop()


def test_where_the_whole_process_group_is_told_the_lame_duck_is_no_shorter(form: Form, tmp_path: Path) -> None:
    """dumb-init does that: the workers have the signal from there and, by and by, from their parent."""
    with started(form, tmp_path, LAMEDUCK_LAME_DUCK="1500ms") as server:
        os.killpg(server.process.pid, signal.SIGTERM)
        assert server.ended() == 0, server.text()
        assert [step["why"] for step in server.steps("lame-duck-ended")] == ["1.5 s are over"] * form.workers


def test_a_signal_during_the_start_is_not_followed_by_a_lame_duck(form: Form, tmp_path: Path) -> None:
    environ = {"APP_START_S": "1", "LAMEDUCK_TERMINATION_LOG": "", **LONG}
    with served(form.command, tmp_path / "out", environ=environ, listens=False) as server:
        server.until(lambda: server.text().count("lifespan.startup") >= form.workers)
        server.stop()
        server.ended(WITHOUT_A_LAME_DUCK_S)
        assert "Traceback" not in server.text(), server.text()


def test_the_ending_takes_no_longer_than_its_longest_part(ending: Ending) -> None:
    # POST /tokens takes two seconds in all; what is generous here is not measured but bounded.
    assert ending.took_s < 2.5 + 2.0, ending.output
