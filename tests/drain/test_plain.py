"""Programs without a server: what ends them, with which exit code, and what runs before."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from lameduck.drain.process import Process
from lameduck.drain.settings import Settings
from lameduck.drain.states import State
from tests.drain.child import Child, child

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
import asyncio, atexit, os, queue, signal, sys, threading, time
from lameduck import drain

def say(*words):  # threads may not cut each other's lines
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

@drain.on_stop
def hook():
    say("hook")
"""
SHORT = {"LAMEDUCK_GRACE_SECONDS": "3"}
UNFINISHED = 75


def steps(its: Child, what: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in its.lines('{"witness": "drain"')]
    return [step for step in found if step["what"] == what]


def stops(its: Child, *, code: int = 0, signum: int = signal.SIGTERM) -> dict[str, Any]:
    """Signal it when it is ready; its last step."""
    its.until("ready")
    its.signal(signum)
    assert its.ended() == code, its.text()
    assert "Traceback" not in its.text(), its.text()
    assert steps(its, "fault") == []
    (last,) = steps(its, "stopped")
    assert last["exit_code"] == code
    return last


ENDS = {
    "threads that look at the flag": """
def work():
    while not drain.stopping:
        with drain.work("job"):
            time.sleep(0.01)
    say("thread ends")
drain.stand()
thread = threading.Thread(target=work)
thread.start()
say("ready")
try:
    thread.join()
finally:
    say("finally")
""",
    "threads that the main thread has left to themselves": """
def work():
    for job in drain.until_stopping(jobs):
        with drain.work("job"):
            time.sleep(0.3)
    say("thread ends")
    say("finally")
jobs = queue.Queue()
for job in range(1000):
    jobs.put(job)
drain.stand()
for _ in range(3):
    threading.Thread(target=work).start()
say("ready")
""",
    "a main thread that sleeps": """
drain.stand()
try:
    say("ready")
    time.sleep(600)
finally:
    say("finally")
""",
    "a main thread that loops over a queue": """
drain.stand()
jobs = queue.Queue()
say("ready")
for job in drain.until_stopping(jobs):
    pass
say("finally")
""",
    "asyncio without a handler": """
async def main():
    drain.stand()
    say("ready")
    try:
        await asyncio.sleep(600)
    finally:
        say("finally")
asyncio.run(main())
""",
    "asyncio that awaits the stop": """
async def main():
    drain.stand()
    say("ready")
    await drain.stopping
    say("finally")
asyncio.run(main())
""",
    "asyncio with a handler of its own": """
async def main():
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    drain.stand()
    say("ready")
    await stopped.wait()
    say("finally")
asyncio.run(main())
""",
    "a handler of its own that raises": """
def handler(signum, frame):
    raise SystemExit
signal.signal(signal.SIGTERM, handler)
drain.stand()
try:
    say("ready")
    time.sleep(600)
finally:
    say("finally")
""",
    "a handler of its own that sets a flag": """
flag = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: flag.set())
drain.stand()
say("ready")
flag.wait()
say("finally")
""",
    "a pool of threads": """
from concurrent.futures import ThreadPoolExecutor
def work():
    while not drain.stopping:
        time.sleep(0.01)
drain.stand()
with ThreadPoolExecutor(2) as pool:
    for _ in range(2):
        pool.submit(work)
    say("ready")
say("finally")
""",
}


@pytest.mark.parametrize("name", ENDS)
def test_a_program_ends_with_0_after_its_finally_blocks_and_the_hooks(name: str, tmp_path: Path) -> None:
    with child(BASE + ENDS[name], tmp_path) as its:
        last = stops(its)

        assert last["unfinished"] == []
        assert set(its.lines("finally") + its.lines("hook")) == {"finally", "hook"}
        assert its.lines("hook") == ["hook"]
        order = [line for line in its.text().splitlines() if line in ("finally", "hook")]
        assert order[-1] == "hook"


def test_work_of_daemon_threads_is_finished_although_the_main_thread_leaves(tmp_path: Path) -> None:
    with child(
        BASE
        + """
def work():
    with drain.work("job"):
        say("ready")
        time.sleep(1)
        say("done")
drain.stand()
threading.Thread(target=work, daemon=True).start()
drain.stopping.wait()
""",
        tmp_path,
    ) as its:
        stops(its)
        assert [line for line in its.text().splitlines() if line in ("done", "hook")] == ["done", "hook"]


def test_work_of_tasks_is_finished_before_the_loop_is_left(tmp_path: Path) -> None:
    with child(
        BASE
        + """
async def work():
    async with drain.work("job"):
        say("ready")
        await asyncio.sleep(1)
        say("done")
async def main():
    drain.stand()
    task = asyncio.ensure_future(work())
    await asyncio.sleep(600)
asyncio.run(main())
""",
        tmp_path,
    ) as its:
        stops(its)
        assert its.lines("done") == ["done"]


STUCK = {
    "work in the main thread": (
        """
drain.stand()
say("ready")
with drain.work("job 17"):
    while True:
        try:
            time.sleep(600)
        except SystemExit:
            continue
""",
        "job 17",
    ),
    "work in a daemon thread": (
        """
def work():
    with drain.work("job 17"):
        say("ready")
        time.sleep(600)
drain.stand()
threading.Thread(target=work, daemon=True).start()
drain.stopping.wait()
""",
        "job 17",
    ),
    "work in a task that takes no notice": (
        """
async def work():
    async with drain.work("job 17"):
        say("ready")
        while True:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                continue
async def main():
    drain.stand()
    task = asyncio.ensure_future(work())
    await asyncio.sleep(600)
asyncio.run(main())
""",
        "job 17",
    ),
    "a thread that is no daemon": (
        """
drain.stand()
threading.Thread(target=time.sleep, args=(600,), name="stuck").start()
say("ready")
""",
        "thread stuck",
    ),
    "a thread of a pool": (
        """
from concurrent.futures import ThreadPoolExecutor
drain.stand()
pool = ThreadPoolExecutor(1, "stuck")
pool.submit(time.sleep, 600)
say("ready")
""",
        "thread stuck_0",
    ),
    "a hook": (
        """
@drain.on_stop
def stuck():
    time.sleep(600)
drain.stand()
say("ready")
drain.stopping.wait()
""",
        "on_stop stuck",
    ),
    "a hook of the beginning": (
        """
@drain.on_stop(at_once=True)
def stuck():
    time.sleep(600)
drain.stand()
say("ready")
drain.stopping.wait()
""",
        "on_stop stuck",
    ),
    "an atexit callback": (
        """
drain.stand()
atexit.register(time.sleep, 600)
say("ready")
drain.stopping.wait()
""",
        "the main thread",
    ),
    "a main thread that catches everything": (
        """
drain.stand()
say("ready")
while True:
    try:
        time.sleep(600)
    except BaseException:
        continue
""",
        "the main thread",
    ),
}


@pytest.mark.parametrize("name", STUCK)
def test_nothing_outlives_the_deadline_and_what_was_not_finished_is_named_last(name: str, tmp_path: Path) -> None:
    code, named = STUCK[name]
    with child(BASE + code, tmp_path, **SHORT) as its:
        its.until("ready")
        its.signal()
        began = time.monotonic()
        assert its.ended() == UNFINISHED, its.text()
        assert time.monotonic() - began < 20  # without a deadline it would be ten minutes
        last = steps(its, "stopped")[-1]
        assert last["exit_code"] == UNFINISHED
        assert last["unfinished"] == [named]
        assert "Traceback" not in its.text(), its.text()
        assert its.lines("hook") == ["hook"]


def test_an_output_that_nobody_reads_does_not_outlive_the_deadline(tmp_path: Path) -> None:
    with child(
        BASE
        + """
drain.stand()
read, write = os.pipe()
say("ready")
os.dup2(write, 1)
os.dup2(write, 2)
sys.stdout = open(1, "w")
while True:
    sys.stdout.write("x" * 10000)
""",
        tmp_path,
        **SHORT,
    ) as its:
        its.until("ready")
        its.signal()
        assert its.ended() == UNFINISHED


def test_a_hook_that_fails_neither_stops_the_next_nor_changes_the_exit_code(tmp_path: Path) -> None:
    with child(
        BASE
        + """
@drain.on_stop
async def fails():
    raise ValueError("no")
drain.stand()
say("ready")
drain.stopping.wait()
""",
        tmp_path,
    ) as its:
        stops(its)
        assert [(step["hook"], step["outcome"]) for step in steps(its, "hook-ended")] == [
            ("fails", "failed"),
            ("hook", "done"),
        ]
        assert steps(its, "hook-ended")[0]["error"] == "ValueError: no"


def test_others_at_exit_are_called_although_something_was_not_finished(tmp_path: Path) -> None:
    with child(
        BASE
        + """
atexit.register(say, "early")
@drain.on_stop(within=0.1)
def slow():
    time.sleep(600)
atexit.register(say, "before")
drain.stand()
atexit.register(say, "after")
say("ready")
drain.stopping.wait()
""",
        tmp_path,
    ) as its:
        its.until("ready")
        its.signal()
        assert its.ended() == UNFINISHED
        assert its.lines("before") == ["before"]
        assert its.lines("after") == ["after"]


def test_a_program_that_leaves_by_itself_runs_its_hooks_and_tells_nothing(tmp_path: Path) -> None:
    with child(BASE + "drain.stand()", tmp_path) as its:
        assert its.ended() == 0
        assert its.text() == "hook\n"


def test_a_program_that_fails_keeps_its_exit_code(tmp_path: Path) -> None:
    with child(BASE + "drain.stand()\nsys.exit(3)", tmp_path) as its:
        assert its.ended() == 3
        assert its.lines("hook") == ["hook"]


def test_a_signal_after_the_hooks_have_run_is_the_programs_own(tmp_path: Path) -> None:
    with child(
        BASE
        + """
signal.signal(signal.SIGTERM, lambda *_: say("theirs"))
drain.stand()
drain.finish()
say("ready")
for _ in range(2):
    signal.pause()
time.sleep(600)
""",
        tmp_path,
        **SHORT,
    ) as its:
        its.until("hook")
        its.until("ready")
        its.signal()
        its.until("theirs")
        its.until('{"witness": "drain"')
        assert its.ended() == UNFINISHED
        assert its.lines("hook") == ["hook"]


def test_a_process_whose_server_has_left_by_itself_has_no_deadline(tmp_path: Path) -> None:
    with child(
        BASE
        + """
drain.stand()
drain.finish()
assert drain.state().value == "stopped"
time.sleep(1)  # five times its grace
drain.stand()
say(drain.state().value, bool(drain.stopping))
""",
        tmp_path,
        LAMEDUCK_GRACE_SECONDS="0.2",
    ) as its:
        assert its.ended() == 0, its.text()
        assert its.lines("serving") == ["serving False"]


def test_many_threads_that_finish_at_once_run_each_hook_once_and_wait_for_it(tmp_path: Path) -> None:
    with child(
        BASE
        + """
sys.setswitchinterval(1e-6)
done = []
@drain.on_stop
def slow():
    time.sleep(0.1)
    done.append(1)
def finish():
    barrier.wait()
    drain.finish()
    assert done == [1]
drain.stand()
barrier = threading.Barrier(9)
threads = [threading.Thread(target=finish) for _ in range(8)]
for thread in threads:
    thread.start()
barrier.wait()
os.kill(os.getpid(), signal.SIGTERM)
for thread in threads:
    thread.join()
say("done", done)
""",
        tmp_path,
    ) as its:
        assert its.ended() == 0, its.text()
        assert its.lines("hook") == ["hook"]
        assert its.lines("done") == ["done [1]"]
        assert "Traceback" not in its.text()


def test_hooks_that_are_registered_while_a_stop_goes_on_are_run_too(tmp_path: Path) -> None:
    with child(
        BASE
        + """
drain.stand()
say("ready")
drain.stopping.wait()
@drain.on_stop(at_once=True)
def late():
    say("late")
@drain.on_stop
def another():
    say("another")
""",
        tmp_path,
    ) as its:
        stops(its)
        assert its.lines("late") == ["late"]
        assert its.lines("another") == ["another"]


def test_a_stop_while_hooks_are_registered_and_work_begins_everywhere_loses_nothing(tmp_path: Path) -> None:
    with child(
        BASE
        + """
sys.setswitchinterval(1e-6)
registered, ran = [], []
def register(seed):
    at = 0
    while not drain.stopping:
        name = f"{seed}/{at}"
        drain.on_stop(lambda name=name: ran.append(name), name=name, within=0.01)
        registered.append(name)
        with drain.work(name):
            pass
        at += 1
        time.sleep(0.001)
drain.stand()
threads = [threading.Thread(target=register, args=(seed,)) for seed in range(4)]
for thread in threads:
    thread.start()
say("ready")
for thread in threads:
    thread.join()
drain.finish()
say("same", sorted(registered) == sorted(ran), len(ran) > 0)
""",
        tmp_path,
    ) as its:
        its.until("ready")
        its.signal()
        assert its.ended() == 0, its.text()
        assert its.lines("same") == ["same True True"], its.text()[-2000:]


@pytest.mark.parametrize("after_ms", range(0, 120, 5))
def test_a_signal_at_any_moment_of_the_start_and_the_end_leaves_no_traceback_of_ours(
    after_ms: int, tmp_path: Path
) -> None:
    with child(
        BASE
        + """
print("started", flush=True)
for _ in range(3):
    drain.stand()
time.sleep(0.03)
""",
        tmp_path,
        **SHORT,
    ) as its:
        its.until("started") if after_ms % 2 else None
        time.sleep(after_ms / 1000)  # the moment of the signal is what is tested
        its.signal()
        code = its.ended()
        assert code in (0, -signal.SIGTERM), its.text()
        if code == 0:
            assert its.lines("hook") == ["hook"]
        assert "Exception ignored" not in its.text(), its.text()
        assert "lameduck/drain" not in its.text().replace("import lameduck", ""), its.text()


def test_a_signal_after_all_is_done_in_the_interpreters_exit_begins_no_other_stop() -> None:
    """at_exit would find that one unfinished, and leave with 75."""
    process = Process(Settings(tell=False, termination_log=""))
    process.exiting = True
    process.finish()
    process.signalled(signal.SIGTERM)
    assert process.state is State.STOPPED


@pytest.mark.parametrize("signals", [1, 3])
def test_a_signal_during_the_interpreters_exit_does_not_stop_the_hooks(signals: int, tmp_path: Path) -> None:
    with child(
        BASE
        + """
@drain.on_stop
def slow():
    say("ready")
    time.sleep(0.5)
    say("slow ends")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
drain.stand()
""",
        tmp_path,
    ) as its:
        its.until("ready")
        for _ in range(signals):
            its.signal()
            time.sleep(0.05)  # signals that come together are one
        assert its.ended() == 0, its.text()
        assert its.lines("slow ends") == ["slow ends"]
        assert its.lines("hook") == ["hook"]
        assert "Traceback" not in its.text(), its.text()


def test_a_handler_is_not_called_any_more_when_its_program_has_left(tmp_path: Path) -> None:
    with child(
        BASE
        + """
import socket
listening = socket.create_server(("127.0.0.1", 0))
def work():
    with drain.work("job"):
        say("ready")
        time.sleep(1)
        say("done")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
drain.stand()
threading.Thread(target=work, daemon=True).start()
drain.stopping.wait()
""",
        tmp_path,
        LAMEDUCK_LAME_DUCK="300ms",
    ) as its:
        stops(its)
        assert its.lines("done") == ["done"]


def test_where_no_thread_can_be_started_the_signals_are_left_to_the_program(tmp_path: Path) -> None:
    with child(
        BASE
        + """
def no_more(thread):
    raise RuntimeError("can't start new thread")
threading.Thread.start = no_more
say("stands", drain.stand())
say("ready")
time.sleep(600)
""",
        tmp_path,
    ) as its:
        its.until("ready")
        assert its.lines("stands") == ["stands False"]
        assert "nobody watches over the stop of this process: can't start new thread" in its.text()
        its.signal()
        assert its.ended() == -signal.SIGTERM


def test_a_server_that_begins_to_listen_after_the_signal_lets_nobody_new_in(tmp_path: Path) -> None:
    """Whoever comes one after the other would else hold it up until its deadline."""
    code = (
        BASE
        + """
import http.server, socket, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with drain.work("request"):
            time.sleep(0.3)
            self.send_response(200)
            self.end_headers()
    def log_message(self, *args):
        pass
def ask(port):
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
        except OSError:
            pass
drain.stand()
job = drain.work("start")
with job:
    os.kill(os.getpid(), signal.SIGTERM)
    while not drain.stopping:
        time.sleep(0.01)
    time.sleep(0.5)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    for _ in range(8):
        threading.Thread(target=ask, args=server.server_address[1:], daemon=True).start()
say("ready")
server.serve_forever()
"""
    )
    with child(code, tmp_path, LAMEDUCK_GRACE_SECONDS="20") as its:
        its.until("ready")
        assert its.ended() == 0, its.text()
        assert its.lines("hook") == ["hook"]
        assert steps(its, "work-cancelled") == []
