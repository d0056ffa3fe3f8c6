"""granian with a WSGI application, which its workers call in other threads than the one that gets the signals."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.drain.asking import KeptAlive, Waiting, ask
from tests.drain.served import Served, served

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

WITHOUT_A_LAME_DUCK_S = 12.0


def started(tmp_path: Path, workers: int = 1, **environ: str) -> AbstractContextManager[Served]:
    app = ("tests.drain.apps.wsgi_app:drained", "--interface", "wsgi", "--blocking-threads", "4")
    command = ("granian", *app, "--port", "{port}", "--workers", str(workers))
    quiet = {"LAMEDUCK_TERMINATION_LOG": "", "LAMEDUCK_LAME_DUCK": "1s", **environ}
    return served(command, tmp_path / "out", environ=quiet)


def until_all_have_answered(server: Served, workers: int) -> None:
    pids: set[bytes] = set()

    def answered() -> bool:
        pids.add(ask(server.port, "/pid").body)
        return len(pids) == workers

    server.until(answered)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_lame_duck_serves_on_and_what_is_under_way_is_finished(workers: int, tmp_path: Path) -> None:
    with started(tmp_path, workers) as server:
        until_all_have_answered(server, workers)
        kept = KeptAlive(server.port)
        with closing(kept):
            assert not kept.ask("/").asks_to_close
            slow = Waiting(server.port, "/slow")
            server.until(lambda: "slow begins" in server.text())
            server.stop()
            server.until(lambda: len(server.steps("stop-asked")) == workers)
            fresh = ask(server.port, "/")
            assert (fresh.status, fresh.asks_to_close) == (200, True)
            assert ask(server.port, "/readyz").status == 503
            assert kept.ask("/").asks_to_close
            assert kept.is_closed()
        slow.until_ended()
        assert (slow.error, slow.status, slow.body) == (None, 200, b"ok")
        assert server.ended() == 0, server.text()
    assert server.text().count("flushed") == workers, server.text()
    assert [step["exit_code"] for step in server.steps("stopped")] == [0] * workers
    assert "Traceback" not in server.text(), server.text()


def test_ctrl_c_does_not_wait_for_a_lame_duck(tmp_path: Path) -> None:
    with started(tmp_path, LAMEDUCK_LAME_DUCK="20s", LAMEDUCK_GRACE_SECONDS="50") as server:
        assert ask(server.port, "/").status == 200
        os.killpg(server.process.pid, signal.SIGINT)
        server.ended(WITHOUT_A_LAME_DUCK_S)
        assert server.text().count("flushed") == 1, server.text()
