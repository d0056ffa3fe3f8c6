"""gunicorn's workers for WSGI: what they owe their clients from SIGTERM on, and when they are only replaced."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lameduck.drain.told_twice import PARENT_PASSES_ON_WITHIN_S
from tests.drain.asking import KeptAlive, Waiting, ask
from tests.drain.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = "tests.drain.apps.wsgi_app:drained"
CONFIG = ("-c", "python:lameduck.drain.servers.gunicorn")
SYNC, GTHREAD, GEVENT = ("-k", "sync"), ("-k", "gthread", "--threads", "4"), ("-k", "gevent")
KINDS = [
    pytest.param(SYNC, 1, id="sync"),
    pytest.param((*SYNC, "-w", "3"), 3, id="sync-3"),
    pytest.param((*SYNC, "-w", "2", "--preload"), 2, id="sync-preload"),
    pytest.param((*SYNC, "-w", "2", *CONFIG), 2, id="sync-config"),
    pytest.param((*SYNC, "-w", "2", "--reuse-port"), 2, id="sync-reuse-port"),
    pytest.param(GTHREAD, 1, id="gthread"),
    pytest.param((*GTHREAD, "-w", "2", "--preload"), 2, id="gthread-preload"),
    pytest.param((*GTHREAD, *CONFIG), 1, id="gthread-config"),
    pytest.param(GEVENT, 1, id="gevent"),
    pytest.param((*GEVENT, "-w", "2"), 2, id="gevent-2"),
    pytest.param((*GEVENT, "--preload"), 1, id="gevent-preload"),
]
LONG = {"LAMEDUCK_LAME_DUCK": "20s", "LAMEDUCK_GRACE_SECONDS": "50"}
"""Nobody waits for this one."""
LONG_S = 12.0
FILE = Path(__file__).parent.parent / "apps" / "wsgi_app.py"


@contextlib.contextmanager
def gunicorn(tmp_path: Path, options: tuple[str, ...], workers: int = 1, /, **environ: str) -> Iterator[Served]:
    """gunicorn with so many workers, all of which stand ready."""
    command = ("gunicorn", APP, "-b", "127.0.0.1:{port}", "--no-control-socket", *options)
    silent = {"LAMEDUCK_TERMINATION_LOG": "", "LAMEDUCK_LAME_DUCK": "1s", **environ}
    with served(command, tmp_path / "out", environ=silent) as server:
        server.until(lambda: len(standing(server)) >= workers)
        yield server


def standing(server: Served) -> set[str]:
    """The worker processes that accept: each says so in the kernel's list of sockets."""
    with open("/proc/net/unix") as file:
        accepting = set(re.findall(r"@lameduck/serves/\d+/(\d+)", file.read()))
    return accepting & {str(pid) for pid in children(server.process.pid)}


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def until_stop_asked(server: Served, workers: int = 1) -> None:
    server.until(lambda: len(server.steps("stop-asked")) >= workers)


def slow_request(server: Served, path: str = "/slow") -> Waiting:
    """One that is under way in the application."""
    request = Waiting(server.port, path)
    server.until(lambda: f"{path[1:]} begins" in server.text())
    return request


@pytest.mark.parametrize(("options", "workers"), KINDS)
def test_a_lame_duck_serves_on_and_ends_with_its_longest_request(
    options: tuple[str, ...], workers: int, tmp_path: Path
) -> None:
    with gunicorn(tmp_path, options, workers) as server:
        slow = slow_request(server)
        began = time.monotonic()
        server.stop()
        until_stop_asked(server, workers)
        fresh = ask(server.port, "/")
        slow.until_ended()
        code = server.ended()
        took_s = time.monotonic() - began
    assert (fresh.status, fresh.asks_to_close) == (200, True)
    assert (slow.error, slow.status, slow.body) == (None, 200, b"ok")
    assert code == 0, server.text()
    assert took_s < LONG_S, server.text()
    assert "Traceback" not in server.text(), server.text()
    assert server.text().count("flushed") == workers, server.text()
    stopped = server.steps("stopped")
    assert [(step["exit_code"], step["unfinished"]) for step in stopped] == [(0, [])] * workers, server.text()


@pytest.mark.parametrize("options", [GTHREAD, GEVENT], ids=["gthread", "gevent"])
def test_kept_alive_connections_are_asked_to_close_and_idle_ones_hold_nobody_up(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    with gunicorn(tmp_path, (*options, "--keep-alive", "60"), APP_SLOW_S="1") as server:
        used, idle = KeptAlive(server.port), KeptAlive(server.port)
        assert not used.ask("/").asks_to_close
        assert not idle.ask("/").asks_to_close
        in_flight = KeptAlive(server.port)
        in_flight.connection.request("GET", "/slow")
        server.until(lambda: "slow begins" in server.text())
        began = time.monotonic()
        server.stop()
        until_stop_asked(server)
        answers = used.ask("/"), in_flight.answer()
        assert [(answer.status, answer.asks_to_close) for answer in answers] == [(200, True)] * 2
        assert used.is_closed()
        assert in_flight.is_closed()
        assert idle.is_closed()
        assert server.ended() == 0, server.text()
        for connection in (used, in_flight, idle):
            connection.close()
    assert time.monotonic() - began < LONG_S, server.text()


@pytest.mark.parametrize("workers", [1, 2])
def test_who_waits_in_the_accept_queue_of_busy_workers_is_served(workers: int, tmp_path: Path) -> None:
    options = (*SYNC, "-w", str(workers))
    with gunicorn(tmp_path, options, workers, LAMEDUCK_LAME_DUCK="0.3s", APP_SLOW_S="2") as server:
        slow = [Waiting(server.port, "/slow") for _ in range(workers)]
        server.until(lambda: server.text().count("slow begins") == workers)
        server.stop()
        until_stop_asked(server, workers)
        queued = [Waiting(server.port, "/") for _ in range(10)]
        for request in (*slow, *queued):
            request.until_ended()
        assert [(request.error, request.status) for request in (*slow, *queued)] == [(None, 200)] * (10 + workers)
        assert server.ended() == 0, server.text()


@pytest.mark.parametrize(
    "kind",
    [GTHREAD, (*GTHREAD, "--preload"), (*GTHREAD, *CONFIG), GEVENT],
    ids=["gthread", "preload", "config", "gevent"],
)
def test_workers_that_hup_replaces_hold_nobody_back_and_leave_the_pod_ready(
    kind: tuple[str, ...], tmp_path: Path
) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    options = (*kind, "-w", "2")
    with gunicorn(tmp_path, options, 2, LAMEDUCK_TERMINATION_LOG=str(log), LAMEDUCK_LAME_DUCK="20s") as server:
        kept = KeptAlive(server.port)
        before = standing(server)
        assert kept.ask("/").status == 200
        server.stop(signal.SIGHUP)
        until_stop_asked(server, 2)
        assert kept.ask("/readyz").status == 200
        kept.close()
        server.until(lambda: not before & {str(pid) for pid in children(server.process.pid)})
        assert [ask(server.port, path).status for path in ("/", "/readyz") * 10] == [200] * 20
        assert all("alone" in step["why"] for step in server.steps("stop-asked")), server.text()
        assert not log.read_text()
        assert server.text().count("flushed") == 2
        server.until(lambda: len(standing(server)) == 2)
        server.stop()
        server.until(lambda: len(server.steps("stop-asked")) == 4)
        assert [step["why"] for step in server.steps("stop-asked")[2:]] == ["SIGTERM"] * 2
        assert ask(server.port, "/").status == 200


def test_one_worker_that_is_stopped_by_hand_is_replaced_at_once(tmp_path: Path) -> None:
    with gunicorn(tmp_path, SYNC, LAMEDUCK_LAME_DUCK="20s") as server:
        (pid,) = standing(server)
        os.kill(int(pid), signal.SIGTERM)
        server.until(lambda: standing(server) not in (set(), {pid}), within_s=LONG_S)
        assert ask(server.port, "/").status == 200


def test_a_signal_to_the_whole_process_group_is_the_pods_end(tmp_path: Path) -> None:
    with gunicorn(tmp_path, (*SYNC, "-w", "2"), 2) as server:
        os.killpg(server.process.pid, signal.SIGTERM)
        until_stop_asked(server, 2)
        assert not any("alone" in step["why"] for step in server.steps("stop-asked")), server.text()
        assert ask(server.port, "/").status == 200
        assert server.ended() == 0, server.text()


@pytest.mark.parametrize("options", [SYNC, GTHREAD, GEVENT], ids=["sync", "gthread", "gevent"])
def test_restarts_after_max_requests_lose_nothing_and_run_the_hooks(options: tuple[str, ...], tmp_path: Path) -> None:
    with gunicorn(tmp_path, (*options, "--max-requests", "3")) as server:
        assert [ask(server.port, "/").status for _ in range(10)] == [200] * 10
        server.until(lambda: "flushed" in server.text())
        assert not server.steps("stop-asked")
        server.until(lambda: len(standing(server)) == 1)
        server.stop()
        assert server.ended() == 0, server.text()


def test_a_worker_that_is_killed_for_its_timeout_begins_no_lame_duck(tmp_path: Path) -> None:
    with gunicorn(tmp_path, (*SYNC, "--timeout", "1"), APP_SLOW_S="20") as server:
        before = standing(server)
        with contextlib.suppress(OSError):
            ask(server.port, "/slow")
        server.until(lambda: standing(server) not in (set(), before))
        assert ask(server.port, "/").status == 200
        assert not server.steps("stop-asked"), server.text()


@pytest.mark.parametrize("options", [SYNC, GTHREAD, GEVENT], ids=["sync", "gthread", "gevent"])
def test_at_the_deadline_the_work_is_named_and_the_exit_code_says_so(options: tuple[str, ...], tmp_path: Path) -> None:
    with gunicorn(tmp_path, (*options, *CONFIG), LAMEDUCK_GRACE_SECONDS="3", APP_SLOW_S="25") as server:
        request = slow_request(server)
        server.stop()
        assert server.ended(LONG_S) == 75, server.text()
        assert server.steps("stopped")[0]["unfinished"] == ["GET /slow"], server.text()
        request.until_ended()


def test_a_graceful_timeout_below_the_grace_is_the_deadline_and_is_told(tmp_path: Path) -> None:
    with gunicorn(tmp_path, (*SYNC, "--graceful-timeout", "3"), APP_SLOW_S="25") as server:
        request = slow_request(server)
        server.stop()
        server.ended(LONG_S)
        assert "Set graceful_timeout = 30" in server.until_step("note")["text"]
        assert server.steps("stopped")[0]["unfinished"] == ["GET /slow"], server.text()
        request.until_ended()


def test_a_second_signal_hurries_when_the_arbiter_has_the_hooks(tmp_path: Path) -> None:
    with gunicorn(tmp_path, (*SYNC, "-w", "2", *CONFIG), 2, **LONG) as server:
        server.stop()
        until_stop_asked(server, 2)
        time.sleep(PARENT_PASSES_ON_WITHIN_S + 0.1)  # sooner, it would be taken for the first one again
        server.stop()
        assert server.ended(LONG_S) == 0, server.text()
        assert server.text().count("flushed") == 2


@pytest.mark.parametrize("options", [SYNC, GTHREAD, GEVENT], ids=["sync", "gthread", "gevent"])
def test_ctrl_c_makes_nobody_wait(options: tuple[str, ...], tmp_path: Path) -> None:
    with gunicorn(tmp_path, options, **LONG) as server:
        kept = KeptAlive(server.port)
        assert kept.ask("/").status == 200
        os.killpg(server.process.pid, signal.SIGINT)
        assert server.ended(LONG_S) == 0, server.text()
        kept.close()
        assert "flushed" in server.text()
        assert "src/lameduck" not in server.text(), server.text()


@pytest.mark.parametrize("options", [SYNC, GTHREAD, GEVENT], ids=["sync", "gthread", "gevent"])
def test_a_sigint_for_the_arbiter_alone_is_a_stop_with_a_deadline(options: tuple[str, ...], tmp_path: Path) -> None:
    """The arbiter makes it of a SIGINT that nobody but itself has got."""
    with gunicorn(tmp_path, options, **LONG) as server:
        server.stop(signal.SIGINT)
        server.ended(LONG_S)
        assert [step["why"] for step in server.steps("stop-asked")] == ["SIGQUIT"], server.text()
        assert server.text().count("flushed") == 1


def test_gthread_is_not_told_to_quit_while_it_holds_its_pools_lock(tmp_path: Path) -> None:
    """By itself it deadlocks then: its handler wants the lock that the thread holds which it interrupts."""
    config = tmp_path / "config.py"
    config.write_text(
        "import time\n\ndef post_worker_init(worker):\n"
        "    add = worker.tpool._adjust_thread_count\n\n"
        "    def slowly():\n        print('adding', flush=True)\n        time.sleep(0.5)\n        add()\n\n"
        "    worker.tpool._adjust_thread_count = slowly\n"
    )
    with gunicorn(tmp_path, (*GTHREAD, "-c", str(config)), **LONG) as server:
        with socket.create_connection(("127.0.0.1", server.port)):
            server.until(lambda: "adding" in server.text())
            server.stop(signal.SIGINT)
            server.ended(LONG_S)
        assert server.text().count("flushed") == 1


@pytest.mark.parametrize("options", [SYNC, GTHREAD, GEVENT], ids=["sync", "gthread", "gevent"])
def test_a_signal_that_a_worker_has_got_before_it_had_a_handler_is_not_lost(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    """It has the arbiter's, which do nothing in a worker. By itself it serves on until the arbiter kills it."""
    config = tmp_path / "config.py"
    config.write_text(
        "import time\n\ndef post_fork(server, worker):\n    print('forked', flush=True)\n    time.sleep(1)\n"
    )
    command = ("gunicorn", APP, "-b", "127.0.0.1:{port}", "--no-control-socket", *options, "-c", str(config))
    with served(command, tmp_path / "out", environ={"LAMEDUCK_LAME_DUCK": "0.3s"}, listens=False) as server:
        server.until(lambda: "forked" in server.text())
        server.stop()
        assert server.ended(LONG_S) == 0, server.text()
        assert server.text().count("flushed") == 1, server.text()


@pytest.mark.parametrize("options", [SYNC, GTHREAD, GEVENT], ids=["sync", "gthread", "gevent"])
def test_every_kind_of_response_is_as_it_is_without_the_library(options: tuple[str, ...], tmp_path: Path) -> None:
    asked = [("GET", path) for path in ("/", "/file", "/written", "/pieces", "/fails")] + [("HEAD", "/")]
    with gunicorn(tmp_path, options, APP_SLOW_S="0.1") as server:
        drained = [ask(server.port, path, method) for method, path in asked]
        with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), 10)) as broken:
            broken.sendall(b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b"".join(iter(lambda: broken.recv(4096), b""))
        server.until(lambda: server.text().count("pieces closed") == 2)
        server.stop()
        assert server.ended() == 0
        assert server.steps("stopped")[0]["unfinished"] == []
    assert b"0 " in received
    assert not received.endswith(b"0\r\n\r\n")
    assert [answer.status for answer in drained] == [200, 200, 200, 200, 500, 200]
    assert [answer.body for answer in drained[:4]] == [b"ok", FILE.read_bytes(), b"written", b"0 1 2 3 4 "]
    assert drained[5].body == b""


def test_the_signal_does_not_disturb_system_calls_of_requests_under_way(tmp_path: Path) -> None:
    with gunicorn(tmp_path, SYNC) as server:
        request = slow_request(server, "/foreign")
        server.stop()
        request.until_ended()
        assert (request.status, request.body) == (200, b"1")
        assert server.ended() == 0
