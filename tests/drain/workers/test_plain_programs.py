"""Programs without any framework: asyncio, threads, and pools of processes; the examples of examples/drain."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.drain.workers.started import lines, started

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = ["plain_asyncio", "plain_threads", "process_pool", "multiprocessing_pool"]
JOB = {"JOBS": "40", "JOB_S": "0.7"}


def example(name: str) -> list[str]:
    return ["python", f"examples/drain/{name}.py"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_under_way_is_finished_and_what_waits_is_left(name: str, tmp_path: Path) -> None:
    with started(example(name), tmp_path / "out", JOB) as program:
        program.until(lambda: len(lines(program, "begin")) >= 3)
        program.stop()
        code = program.ended(10)
        assert code == 0, program.text()
        begun, ended = lines(program, "begin"), lines(program, "end")
        assert sorted(begun) == sorted(ended)
        assert len(begun) <= 8, "it went on to take jobs"
        waiting = [line.split()[0] for line in [*lines(program, "flushed"), *lines(program, "given back")]]
        assert waiting == [str(40 - len(ended))], program.text()
        assert "Traceback" not in program.text()
        # Nobody connects with it, so nobody is waited for.
        (duck,) = program.steps("lame-duck-ended")
        assert duck["why"] == "nobody has to be waited for"


@pytest.mark.parametrize("name", EXAMPLES)
def test_ctrl_c_reaches_the_whole_group_and_breaks_no_job(name: str, tmp_path: Path) -> None:
    with started(example(name), tmp_path / "out", JOB) as program:
        program.until(lambda: len(lines(program, "begin")) >= 3)
        os.killpg(program.process.pid, signal.SIGINT)
        assert program.ended(10) == 0, program.text()
        assert sorted(lines(program, "begin")) == sorted(lines(program, "end"))
        assert "KeyboardInterrupt" not in program.text()
        assert "Traceback" not in program.text()


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_takes_longer_than_the_grace_is_named(name: str, tmp_path: Path) -> None:
    environ = {"JOBS": "4", "JOB_S": "60", "LAMEDUCK_GRACE_SECONDS": "3"}
    with started(example(name), tmp_path / "out", environ) as program:
        program.until(lambda: len(lines(program, "begin")) >= 2)
        program.stop()
        assert program.ended(10) == 75, program.text()
        (cut,) = program.steps("work-cancelled")
        assert {"job 0", "job 1"} <= set(cut["names"])
        (stopped,) = program.steps("stopped")
        assert {"job 0", "job 1"} <= set(stopped["unfinished"])
        assert lines(program, "end") == []
        program.until(lambda: not alive_in_group(program.process.pid), 5)


def alive_in_group(group: int) -> list[str]:
    """Processes that are left of a group (proc(5)); those that have ended and wait for their parent are not."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
            state, _parent, its = file.read().rpartition(") ")[2].split()[:3]
            if int(its) == group and state != "Z":
                found.append(pid)
    return found


def test_the_hooks_of_an_asyncio_program_run_in_its_own_loop(tmp_path: Path) -> None:
    with started(example("plain_asyncio"), tmp_path / "out", JOB) as program:
        program.until(lambda: lines(program, "begin"))
        program.stop()
        program.ended(10)
        (flushed,) = lines(program, "flushed")
        assert flushed.split()[1] == "True"


def run(program: str, tmp_path: Path) -> list[str]:
    script = tmp_path / "program.py"
    script.write_text(program)
    return ["python", str(script)]


DEAF = """
import asyncio
from lameduck import drain

async def main():
    async def job():
        async with drain.work("the job"):
            await asyncio.sleep(1)
            print("job done", flush=True)
    job = asyncio.create_task(job())
    print("ready", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("main left", flush=True)

print("returned", asyncio.run(drain.program(main())), flush=True)
"""


def test_a_main_coroutine_that_does_not_look_is_cancelled_when_no_work_is_in_flight(tmp_path: Path) -> None:
    with started(run(DEAF, tmp_path), tmp_path / "out") as program:
        program.until(lambda: "ready" in program.text())
        program.stop()
        assert program.ended(10) == 0, program.text()
        said = [line for line in program.text().splitlines() if not line.startswith("{")]
        assert said == ["ready", "job done", "main left", "returned None"]


HANDLED = """
import asyncio, signal
from lameduck import drain

async def main():
    gone = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, gone.set)
    drain.stand()
    print("ready", flush=True)
    await gone.wait()
    print("handled", bool(drain.stopping), flush=True)

asyncio.run(drain.program(main()))
"""


def test_a_program_with_a_handler_of_its_own_gets_the_signal(tmp_path: Path) -> None:
    with started(run(HANDLED, tmp_path), tmp_path / "out") as program:
        program.until(lambda: "ready" in program.text())
        program.stop()
        assert program.ended(10) == 0, program.text()
        assert "handled True" in program.text()


BUSY_MAIN = """
import time
from lameduck import drain

drain.stand()
print("ready", flush=True)
with drain.work("the job"):
    time.sleep(1)
    print("job done", flush=True)
try:
    time.sleep(60)
finally:
    print("main left", flush=True)
"""


def test_the_main_thread_is_not_interrupted_in_the_middle_of_work(tmp_path: Path) -> None:
    with started(run(BUSY_MAIN, tmp_path), tmp_path / "out") as program:
        program.until(lambda: "ready" in program.text())
        program.stop()
        assert program.ended(10) == 0, program.text()
        said = [line for line in program.text().splitlines() if not line.startswith("{")]
        assert said == ["ready", "job done", "main left"]


LISTENING = """
import socket, time
from lameduck import drain

listening = socket.create_server(("127.0.0.1", 0))
drain.stand()
print("ready", flush=True)
time.sleep(60)
"""


def test_a_program_that_listens_has_a_lame_duck(tmp_path: Path) -> None:
    with started(run(LISTENING, tmp_path), tmp_path / "out", {"LAMEDUCK_LAME_DUCK": "0.7s"}) as program:
        program.until(lambda: "ready" in program.text())
        began = time.monotonic()
        program.stop()
        assert program.ended(10) == 0, program.text()
        assert time.monotonic() - began >= 0.7
        assert program.steps("lame-duck-ended")[0]["why"] == "0.7 s are over"


FAILING = """
import asyncio
from lameduck import drain

@drain.on_stop
async def flush():
    print("flushed", flush=True)

async def main():
    raise LookupError("of the program")

asyncio.run(drain.program(main()))
"""


def test_the_error_of_a_main_coroutine_comes_out_after_the_hooks(tmp_path: Path) -> None:
    with started(run(FAILING, tmp_path), tmp_path / "out") as program:
        assert program.ended(10) == 1
        assert program.text().startswith("flushed")
        assert program.text().rstrip().endswith("LookupError: of the program")
