"""In front of signal handlers: real signals, in processes of their own."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.drain.child import Child, child

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

# `watching` says which signals are held back, and lets one through when it is told so.
BASE = """
import asyncio, os, select, signal, sys, threading, time
from lameduck.drain.interposing import Interposed

its = Interposed()

def print(*words):  # threads may not cut each other's lines
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def watching():
    poll = select.poll()
    poll.register(its.read_end, select.POLLIN)
    poll.register(0, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == 0:
                word = os.read(0, 100).decode().strip()
                if word:
                    its.let_through(signal.Signals[word])
                else:
                    poll.unregister(0)
        for signum in its.read():
            print("held", signal.Signals(signum).name)

def stand():
    assert its.stand_before((signal.SIGTERM, signal.SIGINT))
    if "watching" not in {one.name for one in threading.enumerate()}:
        threading.Thread(target=watching, name="watching", daemon=True).start()

def handler(name):
    return lambda signum, frame: print(name, signal.Signals(signum).name)

def wait():
    print("ready")
    while True:
        time.sleep(60)
"""


Run: TypeAlias = "Callable[[str], AbstractContextManager[Child]]"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda code: child(BASE + code, tmp_path)


def is_held_and_let_through(its: Child, theirs: str, signum: signal.Signals = signal.SIGTERM) -> None:
    before, held = len(its.lines(theirs)), len(its.lines("held"))
    its.signal(signum)
    assert its.until("held", held + 1) == f"held {signum.name}"
    assert len(its.lines(theirs)) == before
    its.say(signum.name)
    its.until(theirs, before + 1)
    assert len(its.lines("held")) == held + 1


def test_a_handler_of_the_interpreter_is_called_when_the_signal_is_let_through(run: Run) -> None:
    with run("signal.signal(signal.SIGTERM, handler('theirs')); stand(); wait()") as its:
        its.until("ready")
        is_held_and_let_through(its, "theirs SIGTERM")
        is_held_and_let_through(its, "theirs SIGTERM")


@pytest.mark.parametrize("loop", ["asyncio.new_event_loop", "uvloop.new_event_loop"])
def test_a_handler_of_a_loop_is_called_when_the_signal_is_let_through(run: Run, loop: str) -> None:
    module = loop.partition(".")[0]
    pytest.importorskip(module, reason="uvloop is not installed: pip install uvloop")
    with run(f"""
import {module}
async def main():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, print, "theirs SIGTERM")
    loop.add_signal_handler(signal.SIGUSR1, print, "other SIGUSR1")
    stand()
    print("ready")
    await asyncio.sleep(60)
with asyncio.Runner(loop_factory={loop}) as runner:
    runner.run(main())
""") as its:
        its.until("ready")
        is_held_and_let_through(its, "theirs SIGTERM")
        for count in (1, 2):
            its.signal(signal.SIGUSR1)
            its.until("other SIGUSR1", count)
        is_held_and_let_through(its, "theirs SIGTERM")
        assert len(its.lines("other")) == 2


def test_ctrl_c_under_asyncio_run_cancels_the_main_task_when_it_is_let_through(run: Run) -> None:
    with run("""
async def main():
    stand()
    print("ready")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("cancelled")
        raise
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
wait()
""") as its:
        its.until("ready")
        its.signal(signal.SIGINT)
        its.until("held SIGINT")
        assert its.lines("cancelled") == []
        its.say("SIGINT")
        its.until("interrupted")
        assert its.lines("cancelled") == ["cancelled"]
        # The loop is closed, and its handler does what the interpreter's own would do.
        its.until("ready", 2)
        its.signal(signal.SIGINT)
        its.until("held SIGINT", 2)
        its.say("SIGINT")
        assert its.ended() != 0
        assert its.lines("KeyboardInterrupt") == ["KeyboardInterrupt"]


def test_a_handler_that_the_server_installs_again_is_stood_before_again(run: Run) -> None:
    with run("""
async def main():
    loop = asyncio.get_running_loop()
    for name in ("first", "second"):
        loop.add_signal_handler(signal.SIGTERM, print, name + " SIGTERM")
        stand()
        print("ready")
        await asyncio.sleep(0)
        while not go_on:
            await asyncio.sleep(0.01)
    signal.signal(signal.SIGTERM, handler("third"))
    stand()
    print("ready")
    await asyncio.sleep(60)
go_on = []
signal.signal(signal.SIGUSR1, lambda *_: go_on.append(1))
asyncio.run(main())
""") as its:
        its.until("ready")
        is_held_and_let_through(its, "first SIGTERM")
        its.signal(signal.SIGUSR1)
        its.until("ready", 3)
        is_held_and_let_through(its, "third SIGTERM")
        its.until("second SIGTERM")  # the loop sees it as well, as it would have without us


def test_an_ignored_signal_stays_ignored(run: Run) -> None:
    with run("""
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, handler("theirs"))
stand()
wait()
""") as its:
        its.until("ready")
        its.signal(signal.SIGINT)
        is_held_and_let_through(its, "theirs SIGTERM")
        assert "SIGINT" not in its.text()


def test_a_burst_of_signals_is_heard_and_harms_nobody(run: Run) -> None:
    with run("""
async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print, "theirs SIGTERM")
    stand()
    print("ready")
    await asyncio.sleep(60)
asyncio.run(main())
""") as its:
        its.until("ready")
        for _ in range(1000):
            its.signal()
        its.until("held SIGTERM")
        # What comes afterwards is heard as ever.
        its.signal(signal.SIGINT)
        its.until("held SIGINT")
        assert its.lines("theirs") == []
        its.say("SIGTERM")
        its.until("theirs SIGTERM")
        assert "Error" not in its.text()


def test_a_signal_is_heard_while_the_main_thread_is_deep_in_foreign_code(run: Run) -> None:
    with run("""
import hashlib
signal.signal(signal.SIGTERM, handler("theirs"))
stand()
print("ready")
hashlib.pbkdf2_hmac("sha256", b"", b"", 30_000_000)
""") as its:
        its.until("ready")
        its.signal()
        its.until("held SIGTERM")
        assert its.process.poll() is None
        assert its.lines("theirs") == []


def test_a_signal_that_comes_while_nothing_else_can_run_is_heard_afterwards(run: Run) -> None:
    with run("""
import random
numbers = [random.random() for _ in range(2_000_000)]
stand()
print("ready")
sorted(numbers)
wait()
""") as its:
        its.until("ready")
        its.signal()
        its.until("held SIGTERM")
        assert its.lines("held") == ["held SIGTERM"]


def test_a_loop_that_is_closed_gets_no_byte_though_its_descriptor_has_another_owner(run: Run) -> None:
    with run("""
import socket
loop = asyncio.new_event_loop()
loop.add_signal_handler(signal.SIGUSR1, print, "loop")
signal.signal(signal.SIGUSR1, handler("theirs"))
stand()
beyond = its.beyond
loop._csock.close()
ours, peer = socket.socketpair()
if ours.fileno() != beyond:
    os.dup2(ours.fileno(), beyond)
wakeup = signal.set_wakeup_fd(its.write_end)
print("ready")
signal.pause()
signal.raise_signal(signal.SIGTERM)
while "held" not in open("/proc/self/fd/1").read():
    time.sleep(0.01)
peer.setblocking(False)
try:
    print("got", peer.recv(10))
except BlockingIOError:
    print("nothing")
os._exit(0)
""") as its:
        its.until("ready")
        its.signal(signal.SIGUSR1)
        its.until("theirs SIGUSR1")
        its.ended()
        assert its.lines("nothing") == ["nothing"]
        assert its.lines("got") == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_signal_to_a_forked_child_is_the_childs_from_its_first_moment_on(tmp_path: Path) -> None:
    with child(
        """
import os, signal, sys, time
from lameduck import drain
drain.stand()
codes = set()
for _ in range(300):
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(3)
    os.kill(pid, signal.SIGTERM)
    codes.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(codes, drain.state().value, signal.pthread_sigmask(signal.SIG_BLOCK, ()))
""",
        tmp_path,
    ) as its:
        assert its.ended() == 0
        assert its.lines("{") == ["{-15} serving set()"], its.text()


FORKS = {
    "os.fork": """
pid = os.fork()
if pid == 0:
    work()
    os._exit(0)
print("child", pid)
""",
    "os.fork in a thread": """
def fork():
    if os.fork() == 0:
        work()
        os._exit(0)
thread = threading.Thread(target=fork)
thread.start()
thread.join()
""",
    "multiprocessing fork": """
import multiprocessing
process = multiprocessing.get_context("fork").Process(target=work)
process.start()
""",
}


@pytest.mark.parametrize("fork", FORKS)
def test_a_forked_child_has_its_own_end_and_runs_none_of_its_parents_hooks(tmp_path: Path, fork: str) -> None:
    code = f"""
import asyncio, os, signal, sys, threading, time, warnings
from lameduck import drain

def print(*words):  # threads and processes may not cut each other's lines
    os.write(1, (" ".join(map(str, words)) + NEWLINE).encode())

NEWLINE = chr(10)
warnings.simplefilter("ignore", DeprecationWarning)

@drain.on_stop
def hook():
    print("hook", os.getpid() == parent)

def work():
    print("stopping", bool(drain.stopping), len(drain.here().works), drain.here().interposed)
    print("pid", os.getpid())
    signal.pause()

parent = os.getpid()
drain.stand()
with drain.work("parent's"):
    {FORKS[fork].strip().replace(chr(10), chr(10) + "    ")}
    print("ready")
drain.stopping.wait()
"""
    with child(code, tmp_path) as its:
        its.until("ready")
        assert its.until("stopping") == "stopping False 0 None"
        os.kill(int(its.until("pid").split()[1]), signal.SIGTERM)
        its.say("")
        its.signal()
        assert its.ended() == 0
        assert its.lines("hook") == ["hook True"], its.text()


def test_a_child_that_is_forked_during_a_stop_serves(tmp_path: Path) -> None:
    with child(
        """
import os, signal, sys
from lameduck import drain

def print(*words):  # threads and processes may not cut each other's lines
    os.write(1, (" ".join(map(str, words)) + NEWLINE).encode())

NEWLINE = chr(10)

@drain.on_stop
def hook():
    print("hook", "parent" if pid else "child")

drain.stand()
pid = -1
print("ready")
drain.stopping.wait()
pid = os.fork()
if pid == 0:
    print("child", bool(drain.stopping), drain.state().value, drain.here().leaving)
    drain.stand()
    print("up")
    drain.stopping.wait()
    print("told")
else:
    os.waitpid(pid, 0)
""",
        tmp_path,
        LAMEDUCK_GRACE_SECONDS="3600",
    ) as its:
        its.until("ready")
        its.signal()
        assert its.until("child") == "child False serving False"
        its.until("up")
        children = [
            int(pid) for pid in Path(f"/proc/{its.process.pid}/task/{its.process.pid}/children").read_text().split()
        ]
        assert its.lines("told") == []
        os.kill(children[0], signal.SIGTERM)
        its.until("told")
        assert its.ended() == 0
        assert sorted(its.lines("hook")) == ["hook child", "hook parent"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_process_that_multiprocessing_starts_afresh_has_the_default_handlers(tmp_path: Path, method: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"""
import multiprocessing, signal, sys
from lameduck import drain

def work():
    print("pid", multiprocessing.current_process().pid, signal.getsignal(signal.SIGTERM).name, flush=True)
    signal.pause()

if __name__ == "__main__":
    drain.stand()
    process = multiprocessing.get_context("{method}").Process(target=work)
    process.start()
    process.join()
    print("exit code", process.exitcode, drain.state().value)
""")
    with child(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", tmp_path) as its:
        _, pid, handler = its.until("pid").split()
        assert handler == "SIG_DFL"
        os.kill(int(pid), signal.SIGTERM)
        assert its.ended() == 0
        assert its.lines("exit code") == ["exit code -15 serving"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("options", ["", "preexec_fn=lambda: None", "start_new_session=True"])
def test_programs_that_are_started_get_default_handlers_and_no_blocked_signals(tmp_path: Path, options: str) -> None:
    with child(
        f"""
import subprocess
from lameduck import drain
drain.stand()
print(subprocess.run(["cat", "/proc/self/status"], stdout=subprocess.PIPE, text=True, {options}).stdout)
print(subprocess.run(["ls", "-l", "/proc/self/fd"], stdout=subprocess.PIPE, text=True, {options}).stdout)
""",
        tmp_path,
    ) as its:
        assert its.ended() == 0
        masks = {line.split()[0]: int(line.split()[1], 16) for line in its.lines("Sig") if "/" not in line}
        stops = 1 << (signal.SIGTERM - 1) | 1 << (signal.SIGINT - 1)
        assert masks["SigBlk:"] & stops == masks["SigIgn:"] & stops == masks["SigCgt:"] & stops == 0
        assert "pipe" not in "".join(line for line in its.lines("l") if " 1 -> " not in line and " 0 -> " not in line)
