"""A loop that is run a second time: who is heard in its first round there."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("uvloop", reason="only uvloop takes the signals back when it is run again")

TWICE = """
import asyncio, os, signal, uvloop
from lameduck.drain.process import Process
from lameduck.drain.servers.running_again import stay_in_front

process, loop = Process(), uvloop.new_event_loop()
loop.add_signal_handler(signal.SIGTERM, lambda: print("the loop has heard it", flush=True))
process.begin = lambda *args, **options: print("held", flush=True)

async def first():
    process.stand()
    stay_in_front(process, loop)

async def second():
    os.kill(os.getpid(), signal.SIGTERM)

    await asyncio.sleep(0.1)

loop.run_until_complete(first())
loop.run_until_complete(second())
os._exit(0)
"""


def test_a_signal_in_the_first_moment_of_the_second_run_is_held() -> None:
    ended = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, timeout=30, check=False)
    assert ended.stdout.split("\n")[0] == "held", ended
    assert "the loop has heard it" not in ended.stdout
