"""Workers and a gRPC server without a line of the library in their code: `python -m lameduck.drain -- COMMAND`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.drain.served import BIN, served
from tests.drain.workers.brokers import redis_server
from tests.drain.workers.queued import worker
from tests.drain.workers.test_arq_rq_dramatiq import SEND
from tests.drain.workers.test_celery import send as send_to_celery

COMMANDS = {
    "arq": ["arq", "tests.drain.apps.arq_app.Settings"],
    "rq": ["rq", "worker", "--url", "{url}"],
    "dramatiq": ["dramatiq", "tests.drain.apps.dramatiq_app", "--processes", "1", "--threads", "2"],
    "celery": ["celery", "-A", "tests.drain.apps.celery_app", "worker", "--concurrency", "1"],
}
SITE = ["python", "-m", "lameduck.drain", "--"]


@pytest.mark.parametrize("queue", COMMANDS)
def test_a_worker_gives_back_what_it_cannot_finish(queue: str, tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        words = [word.replace("{url}", url) for word in COMMANDS[queue]]
        command = [*SITE, str(BIN / words[0]), *words[1:]]
        with worker(command, tmp_path, url, BARE="1", LAMEDUCK_GRACE_SECONDS="6") as (program, journal):
            if queue == "celery":
                send_to_celery(url, "nap", 1, 60)
            else:
                SEND[queue](url, [(1, 60.0)])
            program.until(lambda: journal.numbers("begin"))
            program.stop()
            assert program.ended(20) == 0, program.text()
            assert program.steps("stop-asked")
            assert program.steps("work-given-back"), program.text()


def catches(pid: int, signum: int) -> bool:
    """Whether the process has a handler for the signal (SigCgt of proc(5)): it listens some moments earlier."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1]
    return bool(int(mask, 16) >> (signum - 1) & 1)


def test_a_grpc_server_has_a_lame_duck(tmp_path: Path) -> None:
    command = [*SITE, sys.executable, "-m", "tests.drain.apps.grpc_app", "threads", "{port}"]
    with served(command, tmp_path / "out", environ={"BARE": "1", "LAMEDUCK_LAME_DUCK": "1s"}) as server:
        server.until(lambda: catches(server.process.pid, signal.SIGTERM))
        server.stop()
        assert server.ended(20) == 0, server.text()
        assert server.steps("lame-duck-ended")[0]["t_s"] >= 1
