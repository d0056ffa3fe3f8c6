"""What /proc, or ps and lsof in its place, tell about processes."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from lameduck.rehearse import proc, without_proc
from tests.rehearse.containers import eventually, need, python

TREE = """
import os, time
if os.fork() == 0:
    os.fork()
print("ready", flush=True)
time.sleep(600)
"""

WAITING = """
import os, signal, threading
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
def wait():
    os.write(1, b"ready\\n")
    signal.sigwait({signal.SIGTERM})
threading.Thread(target=wait).start()
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
"""
"""The usual way to take signals in a thread: all threads block it, one waits for it."""

OFTEN_WAITING = """
import signal
mine = {signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, mine)
print("waiting", flush=True)
while True:
    signal.sigtimedwait(mine, 0.0002)
"""
"""As an init does that takes every signal by sigwait: it wakes for many other things."""


def test_the_tree_is_found_by_children_lists_by_a_scan_and_by_ps() -> None:
    with subprocess.Popen(python(TREE), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            for _ in range(3):
                process.stdout.readline()
            found = proc.descendants(process.pid)
            assert len(found) == 2
            assert proc.parent(found[0]) == process.pid
            assert proc.parent(found[1]) == found[0]
            assert proc._descendants_by_scan(process.pid) == found
            listing = subprocess.run(
                ["ps", "-A", "-o", "pid=", "-o", "ppid="], capture_output=True, text=True, check=True
            ).stdout
            assert without_proc.parse_ps(listing, process.pid) == found
        finally:
            for pid in (process.pid, *proc.descendants(process.pid)):
                os.kill(pid, signal.SIGKILL)


def test_a_signal_that_a_thread_waits_for_counts_as_blocked() -> None:
    with subprocess.Popen(python(WAITING), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()

            def handling(signum: int) -> str:
                masks = proc.signal_masks(process.pid)
                assert masks is not None
                return masks.handling(signum)

            asyncio.run(eventually(lambda: handling(signal.SIGTERM) == "blocked"))
            asyncio.run(eventually(lambda: handling(signal.SIGHUP) == "default"))
            assert handling(signal.SIGINT) == "caught"
            assert handling(signal.SIGPIPE) == "ignored"
            assert handling(signal.SIGKILL) == "default"
        finally:
            process.kill()


def test_one_on_its_way_out_of_sigwait_is_not_at_rest() -> None:
    """It blocks what it waited for until the kernel has put its mask back, and /proc shows that at no single moment."""
    with subprocess.Popen(python(OFTEN_WAITING), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            moved = 0
            for _ in range(5000):
                masks = proc.signal_masks(process.pid)
                assert masks is not None
                moved += not masks.at_rest
                assert not masks.at_rest or masks.handling(signal.SIGTERM) == "blocked"
            assert moved
        finally:
            process.kill()


def test_what_is_gone_is_left_out() -> None:
    process = subprocess.Popen(["true"])
    asyncio.run(eventually(lambda: proc.signal_masks(process.pid) is None))  # a zombie
    assert proc.command_line(process.pid) == "[true]"
    process.wait()
    assert proc.signal_masks(process.pid) is None
    assert proc.command_line(process.pid) is None
    assert proc.parent(process.pid) is None
    assert proc.descendants(process.pid) == ()
    assert proc.listening_sockets((process.pid,)) == frozenset()


def test_a_command_line_is_its_words() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)", "ä b"]) as process:
        try:
            expected = f"{sys.executable} -S -c import time; time.sleep(600) ä b"
            asyncio.run(eventually(lambda: proc.command_line(process.pid) == expected))
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("column", "address"),
    [
        ("0100007F:1F90", ("127.0.0.1", 8080)),
        ("00000000:0050", ("0.0.0.0", 80)),
        ("00000000000000000000000001000000:01BB", ("::1", 443)),
        ("00000000000000000000000000000000:0001", ("::", 1)),
    ],
)
@pytest.mark.skipif(sys.byteorder != "little", reason="the columns are written as a little-endian machine has them")
def test_addresses_are_read_in_the_machine_s_byte_order(column: str, address: tuple[str, int]) -> None:
    assert proc._address(column) == address


def test_lsof_s_fields_are_understood() -> None:
    fields = "p77\nf5\ntIPv4\nn127.0.0.1:8080\nf6\ntIPv6\nn[::1]:8081\nf7\ntIPv6\nn*:8082\nf8\ntIPv4\nn*:8083\n"
    assert without_proc.parse_lsof(fields) == {
        ("127.0.0.1", 8080),
        ("::1", 8081),
        ("::", 8082),
        ("0.0.0.0", 8083),
    }
    assert without_proc.parse_lsof("") == frozenset()


def test_lsof_finds_what_proc_finds() -> None:
    need("lsof", "lsof")
    server = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print('x', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", server], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            found = asyncio.run(without_proc.listening_sockets(process.pid))
            assert len(found) == 1
            assert found == proc.listening_sockets((process.pid,))
        finally:
            process.kill()
