"""Being interrupted: Ctrl-C, SIGTERM and SIGHUP end the work in an orderly way, with the exit codes of a shell."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

from lameduck.cli.interruption import Interrupted

__all__ = ["run_until_interrupted"]

_Result = TypeVar("_Result")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_interrupted(work: Coroutine[None, None, _Result]) -> _Result:
    """Run the coroutine in an event loop of its own; a signal cancels it, a second one whatever it still waits for.

    Raises Interrupted once it has ended because of a signal.
    """
    return asyncio.run(_interruptible(work))


async def _interruptible(work: Coroutine[None, None, _Result]) -> _Result:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    first: list[signal.Signals] = []

    def told(signum: signal.Signals) -> None:
        first.append(signum)
        task.cancel()

    for signum in _SIGNALS:
        # nohup and a shell's `&` have us ignore signals that are not meant for us.
        if signal.getsignal(signum) is not signal.SIG_IGN:
            loop.add_signal_handler(signum, told, signum)
    try:
        return await task
    except asyncio.CancelledError:
        if not first:
            raise
        raise Interrupted(first[0]) from None
