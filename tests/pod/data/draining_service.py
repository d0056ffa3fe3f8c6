"""A service with a handler: says when it serves, hears the stop signal, and drains for 0.3 s. Argument: its log."""

import signal
import sys
import time
from types import FrameType


def say(line: str) -> None:
    with open(sys.argv[1], "a", encoding="utf-8") as log:
        log.write(line + "\n")


def stop(number: int, frame: FrameType | None) -> None:
    say("heard")
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        time.sleep(0.01)
    say("drained")
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
say("serving")
while True:
    time.sleep(60)
