"""Real Celery workers on a real Redis: nothing is lost, and nothing is done twice without need."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.drain.workers.brokers import redis_server
from tests.drain.workers.queued import worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POOLS = ["prefork", "threads", "solo"]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path) as address:
        yield address


def celery(pool: str) -> list[str]:
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return ["celery", "-A", "tests.drain.apps.celery_app", "worker", "-P", pool, "-c", "2", "-l", "info", *quiet]


def send(url: str, name: str, *arguments: object) -> None:
    from celery import Celery

    with Celery(broker=url) as app:
        app.send_task(name, arguments)


def left(url: str) -> tuple[int, int]:
    """Messages that wait in the queue, and those that a worker has and has not acknowledged."""
    with redis.Redis.from_url(url) as client:
        asked: Any = client
        return asked.llen("celery"), asked.hlen("unacked")


@pytest.mark.parametrize("pool", POOLS)
def test_what_is_under_way_is_finished_and_the_rest_is_the_next_workers(pool: str, tmp_path: Path, url: str) -> None:
    for number in range(12):
        send(url, "nap", number, 0.6)
    with worker(celery(pool), tmp_path, url) as (first, journal):
        first.until(lambda: len(journal.numbers("begin")) >= 3)
        first.stop()
        assert first.ended(20) == 0, first.text()
        assert sorted(journal.numbers("begin")) == sorted(journal.numbers("end"))
        done = len(journal.numbers("end"))
        assert done < 12
        assert left(url) == (12 - done, 0)
        assert "flushed" in first.text()
        assert first.steps("lame-duck-ended")[0]["why"] == "nobody has to be waited for"
        assert "Traceback" not in first.text()
    with worker(celery(pool), tmp_path, url, "second") as (second, _):
        second.until(lambda: len(journal.numbers("end")) >= 12)
        second.stop()
        assert second.ended(20) == 0, second.text()
    assert sorted(journal.numbers("begin")) == list(range(12))


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_that_outlasts_the_grace_is_done_by_another_worker(pool: str, tmp_path: Path, url: str) -> None:
    send(url, "nap", 0, 60)
    with worker(celery(pool), tmp_path, url, LAMEDUCK_GRACE_SECONDS="6") as (first, journal):
        first.until(lambda: journal.numbers("begin"))
        first.stop()
        assert first.ended(6) == 0, first.text()
        (given,) = first.steps("work-given-back")
        assert given["name"].startswith("nap ")
        assert first.steps("stopped")[0]["unfinished"] == []
        assert left(url) == (1, 0)
        assert "flushed" in first.text()
    with worker(celery(pool), tmp_path, url, "second") as (second, _):
        second.until(lambda: journal.numbers("end"))
        second.stop()
        assert second.ended(20) == 0, second.text()
    assert journal.numbers("end", "second") == [0]
    assert journal.numbers("begin") == [0, 0]


@pytest.mark.parametrize("pool", POOLS)
def test_a_second_signal_gives_back_at_once(pool: str, tmp_path: Path, url: str) -> None:
    send(url, "nap", 0, 60)
    with worker(celery(pool), tmp_path, url) as (first, journal):
        first.until(lambda: journal.numbers("begin"))
        first.stop()
        # Two signals that come together are one (signal(7)).
        first.until(lambda: "Warm shutdown" in first.text())
        first.stop()
        assert first.ended(10) == 0, first.text()
        assert len(first.steps("work-given-back")) == 1
        assert left(url) == (1, 0)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_task_that_must_not_begin_twice_is_named_when_it_is_cut(pool: str, tmp_path: Path, url: str) -> None:
    send(url, "once", 0, 60)
    with worker(celery(pool), tmp_path, url, LAMEDUCK_GRACE_SECONDS="6") as (first, journal):
        first.until(lambda: journal.numbers("begin"))
        first.stop()
        assert first.ended(6) == 75, first.text()
        (unfinished,) = first.steps("stopped")[0]["unfinished"]
        assert unfinished.startswith("once ")
        assert left(url) == (0, 0)


def test_ctrl_c_reaches_the_whole_group_and_breaks_no_task(tmp_path: Path, url: str) -> None:
    send(url, "nap", 0, 2)
    with worker(celery("prefork"), tmp_path, url) as (first, journal):
        first.until(lambda: journal.numbers("begin"))
        os.killpg(first.process.pid, signal.SIGINT)
        assert first.ended(20) == 0, first.text()
        assert journal.numbers("end") == [0]


def test_bare_celery_loses_a_task_that_outlasts_the_grace(tmp_path: Path, url: str) -> None:
    send(url, "nap", 0, 60)
    with worker(celery("prefork"), tmp_path, url, BARE="1") as (first, journal):
        first.until(lambda: journal.numbers("begin") and left(url) == (0, 0))
        first.stop()
        first.until(lambda: "Warm shutdown" in first.text())
        first.kill()  # as the kubelet does when the grace is over
        assert left(url) == (0, 0)
        assert journal.numbers("end") == []


def test_the_example_runs_as_it_is_written(tmp_path: Path, url: str) -> None:
    send(url, "celery_app.resize", "a.jpg")
    command = ["celery", "-A", "celery_app", "worker", "-c", "1"]
    with worker(command, tmp_path, url, PYTHONPATH=f"{os.getcwd()}/examples/drain") as (first, _):
        first.until(lambda: "resized a.jpg" in first.text())
        first.stop()
        assert first.ended(20) == 0, first.text()
        assert len(first.steps("stopped")) == 1
