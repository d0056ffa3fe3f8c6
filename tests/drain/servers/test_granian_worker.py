"""A granian worker hears one signal: a second one, just when it acts on the first, would have it wait for ever."""

from __future__ import annotations

import signal

from lameduck.drain.interposing import Interposed
from lameduck.drain.process import Process
from lameduck.drain.servers.granian import Granian


class Recorded(Interposed):
    """What would be let through."""

    def __init__(self) -> None:
        self.let: list[int] = []

    def let_through(self, signum: int) -> None:
        self.let.append(signum)


def test_a_worker_that_is_hurried_has_heard_already() -> None:
    process, recorded = Process(), Recorded()
    process.interposed = recorded
    worker = Granian(process)
    worker.stop()
    worker.hurry()
    assert recorded.let == [signal.SIGTERM]
    worker.stood()
    worker.hurry()
    assert recorded.let == [signal.SIGTERM] * 2
