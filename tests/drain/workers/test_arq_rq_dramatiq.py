"""arq, RQ and Dramatiq on a real Redis: nothing is lost, and nothing is done twice without need."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
import redis

from tests.drain.workers.brokers import redis_server
from tests.drain.workers.queued import worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Send = Callable[[str, list[tuple[int, float]]], None]

COMMANDS = {
    "arq": ["arq", "tests.drain.apps.arq_app.Settings"],
    "rq": ["rq", "worker", "--worker-class", "lameduck.drain.workers.rq.Worker", "--url", "{url}"],
    "dramatiq": ["dramatiq", "tests.drain.apps.dramatiq_app", "--processes", "1", "--threads", "2"],
}
QUEUES = list(COMMANDS)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path) as address:
        yield address


def command(queue: str, url: str) -> list[str]:
    return [word.replace("{url}", url) for word in COMMANDS[queue]]


def send_to_arq(url: str, naps: list[tuple[int, float]]) -> None:
    from arq.connections import RedisSettings, create_pool

    async def main() -> None:
        pool = await create_pool(RedisSettings.from_dsn(url))
        for number, seconds in naps:
            await pool.enqueue_job("nap", number, seconds)
        await pool.aclose()

    asyncio.run(main())


def send_to_rq(url: str, naps: list[tuple[int, float]]) -> None:
    from rq import Queue

    with redis.Redis.from_url(url) as client:
        for number, seconds in naps:
            Queue(connection=client).enqueue("tests.drain.apps.jobs.nap", number, seconds)


def send_to_dramatiq(url: str, naps: list[tuple[int, float]]) -> None:
    from dramatiq.brokers.redis import RedisBroker
    from dramatiq.message import Message

    broker = RedisBroker(url=url)  # type: ignore[no-untyped-call]
    broker.declare_queue("default")
    for number, seconds in naps:
        message: Message[None] = Message("default", "nap", (number, seconds), {}, {})
        broker.enqueue(message)
    broker.close()


SEND: dict[str, Send] = {"arq": send_to_arq, "rq": send_to_rq, "dramatiq": send_to_dramatiq}


@pytest.mark.parametrize("queue", QUEUES)
def test_what_is_under_way_is_finished_and_the_rest_is_the_next_workers(queue: str, tmp_path: Path, url: str) -> None:
    SEND[queue](url, [(number, 0.7) for number in range(8)])
    with worker(command(queue, url), tmp_path, url) as (first, journal):
        first.until(lambda: len(journal.numbers("begin")) >= 2)
        first.stop()
        assert first.ended(20) == 0, first.text()
        assert sorted(journal.numbers("begin")) == sorted(journal.numbers("end"))
        assert len(journal.numbers("end")) < 8
        assert first.steps("lame-duck-ended")[0]["why"] == "nobody has to be waited for"
        assert first.steps("stopped")[0]["exit_code"] == 0
        assert "Traceback" not in first.text()
        if queue != "rq":  # which has no file of the application's own
            assert "flushed" in first.text()
    with worker(command(queue, url), tmp_path, url, "second") as (second, _):
        second.until(lambda: len(journal.numbers("end")) >= 8)
        second.stop()
        assert second.ended(20) == 0, second.text()
    assert sorted(journal.numbers("begin")) == list(range(8))


@pytest.mark.parametrize("queue", QUEUES)
def test_a_job_that_outlasts_the_grace_is_done_by_another_worker(queue: str, tmp_path: Path, url: str) -> None:
    SEND[queue](url, [(0, 60)])
    with worker(command(queue, url), tmp_path, url, LAMEDUCK_GRACE_SECONDS="6") as (first, journal):
        first.until(lambda: journal.numbers("begin"))
        first.stop()
        assert first.ended(6) == 0, first.text()
        assert len(first.steps("work-given-back")) == 1, first.text()
        assert first.steps("stopped")[0]["unfinished"] == []
    with worker(command(queue, url), tmp_path, url, "second") as (second, _):
        second.until(lambda: journal.numbers("end"))
        second.stop()
        assert second.ended(20) == 0, second.text()
    assert journal.numbers("end", "second") == [0]
    assert journal.numbers("begin") == [0, 0]


@pytest.mark.parametrize("queue", QUEUES)
def test_a_second_signal_gives_back_at_once(queue: str, tmp_path: Path, url: str) -> None:
    SEND[queue](url, [(0, 60)])
    stopped = {"arq": "shutdown on SIGTERM", "rq": "warm shut down requested", "dramatiq": "Stopping worker process"}
    with worker(command(queue, url), tmp_path, url) as (first, journal):
        first.until(lambda: journal.numbers("begin"))
        first.stop()
        first.until(lambda: stopped[queue] in first.text())
        first.stop()
        assert first.ended(15) == 0, first.text()
        assert len(first.steps("work-given-back")) == 1, first.text()


def test_the_notices_of_arqs_settings_are_called_as_well(tmp_path: Path, url: str) -> None:
    send_to_arq(url, [(0, 0.1)])
    with worker(command("arq", url), tmp_path, url) as (first, journal):
        first.until(lambda: journal.numbers("end"))
        first.stop()
        assert first.ended(20) == 0, first.text()
        said = [line for line in first.text().splitlines() if line in ("flushed", "closed")]
        assert said == ["flushed", "closed"]


def test_bare_arq_begins_even_a_short_job_anew(tmp_path: Path, url: str) -> None:
    send_to_arq(url, [(0, 2)])
    with worker(command("arq", url), tmp_path, url, BARE="1") as (first, journal):
        first.until(lambda: journal.numbers("begin"))
        first.stop()
        assert first.ended(20) == 0, first.text()
        assert journal.numbers("end") == []


def test_bare_rq_leaves_a_job_that_outlasts_the_grace_in_its_registry(tmp_path: Path, url: str) -> None:
    send_to_rq(url, [(0, 60)])
    with worker(["rq", "worker", "--url", url], tmp_path, url) as (first, journal):
        first.until(lambda: journal.numbers("begin"))
        first.stop()
        first.until(lambda: "warm shut down requested" in first.text())
        first.kill()  # as the kubelet does when the grace is over
        with redis.Redis.from_url(url) as client:
            assert client.llen("rq:queue:default") == 0
        os.kill(journal_writer(journal.file), 9)  # its process is in a group of its own


def journal_writer(journal: Path) -> int:
    """The process that runs the job, which the worker has left behind."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if f"JOURNAL={journal}".encode() in file.read():
                    found.append(int(pid))
        except OSError:
            continue
    (pid_of_it,) = found
    return pid_of_it
