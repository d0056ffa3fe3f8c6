"""granian (read: 2.8): the moment in which its workers would not hear SIGTERM.

A worker is forked with its parent's handler, and has it until its own loop is there, which is after the application has
been imported. A signal that comes meanwhile only sets a flag on the worker's copy of the parent's server; the worker
then serves on, and its parent waits for it without an end. So we stand in front as soon as the application is made, and
look at that flag when the worker has its loop.

All else is as with any loop that handles the signal (running_again.py), under the parent that passes it on once.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lameduck.drain.process import Process

__all__ = ["heed_early_signal", "prepare"]

parents: list[Any] = []


def prepare(process: Process) -> None:
    """When the application is made, in a worker that has no handler of its own yet."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if hasattr(server, "interrupt_signal") and not parents:
        parents.append(server)
        process.starting = True
        process.stand()


def heed_early_signal(process: Process) -> None:
    """In the loop, once we stand in front of its handlers: what came too early comes now."""
    if parents and parents.pop().interrupt_signal and process.interposed is not None:
        process.interposed.pretend(signal.SIGTERM)
