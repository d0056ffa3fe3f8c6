"""The PID 1 that passes signals on, drains, escalates and tells what happened. Standard library only.

`main` is the command `lameduck run`; `init.py` is the story, and can be read aloud. Every import here is paid for by
every container's start and stays in its memory for as long as it lives: no dataclasses, typing, argparse, json, socket
or re, and ctypes only where the process is not PID 1.
"""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["main", "prestop"]

EVERY_SIGNAL = frozenset(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}


def main(words: list[str]) -> int:
    """Run a command as a container's init, and answer the exit code to leave with.

    Every signal is blocked first of all: as PID 1, one that came before would be discarded (T54), and a blocked one
    waits for the loop.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, EVERY_SIGNAL)
    from lameduck.run import options

    try:
        plan = options.read(words, os.environ)
    except options.UsageError as error:
        sys.stderr.write(f"lameduck run: {error}\n")
        return 2
    if isinstance(plan, str):  # help
        sys.stdout.write(plan)
        return 0
    from lameduck.run.init import Init

    return Init(plan, EVERY_SIGNAL, mask).run()


def prestop(words: list[str]) -> int:
    """The exec hook's command: ask the container's `run` for its lame duck, and return when that is over."""
    from lameduck.run.asking import ask

    return ask(words)
