"""Programs are waited for until they have come to rest."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from lameduck.pod.durations import Seconds
from lameduck.rehearse.settling import at_rest
from tests.rehearse.containers import python

STARTS_FOR_A_SECOND = """
import time
end = time.monotonic() + 1
while time.monotonic() < end: pass
print("started", flush=True)
time.sleep(600)
"""
IN_A_CHILD = f"""
import subprocess, sys, time
subprocess.Popen((sys.executable, "-ISc", {STARTS_FOR_A_SECOND!r}))
time.sleep(600)
"""
IN_A_THREAD = f"""
import threading
threading.Thread(target=exec, args=({STARTS_FOR_A_SECOND!r},)).start()
"""
NEVER_RESTS = "while True: pass"
TICKS = """
import time
print("started", flush=True)
while True: time.sleep(0.01)
"""


@contextmanager
def running(code: str) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(python(code), stdout=subprocess.PIPE, process_group=0) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def has_started(process: "subprocess.Popen[bytes]") -> bool:
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return process.stdout.read() == b"started\n"


def test_a_program_that_starts_is_waited_for_also_in_its_children_and_threads() -> None:
    for code in (STARTS_FOR_A_SECOND, IN_A_CHILD, IN_A_THREAD):
        with running(code) as process:
            assert asyncio.run(at_rest([process.pid], most_s=Seconds(20)))
            assert has_started(process), code


def test_one_that_ticks_along_has_started() -> None:
    with running(TICKS) as process:
        assert asyncio.run(at_rest([process.pid], most_s=Seconds(20)))
        assert has_started(process)


def test_one_that_never_rests_is_waited_for_in_vain() -> None:
    with running(NEVER_RESTS) as process:
        assert not asyncio.run(at_rest([process.pid], most_s=Seconds(1)))


def test_one_that_is_gone_is_at_rest() -> None:
    with subprocess.Popen(python("")) as process:
        process.wait()
        assert asyncio.run(at_rest([process.pid], most_s=Seconds(20)))
