"""How late the process engine acts: `python benchmarks/engine_latency.py`.

Prints median and largest of starts, signals (asked until the program's handler has run), execs, kills (asked until the
end is known) and timers of the event loop itself, for each isolation that this machine allows. The promise is 50 ms.
"""

import asyncio
import os
import signal
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from lameduck.rehearse.engine import ContainerProcess, Isolation, ProcessSpec
from lameduck.rehearse.isolation import why_impossible
from lameduck.rehearse.processes import ProcessEngine

STARTS, SIGNALS, EXECS = 50, 200, 100

PROGRAM = """
import os, signal
def told(*_):
    os.write(1, b"got\\n")
signal.signal(signal.SIGUSR1, told)
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""


class Lines:
    """Wakes whoever waits for the next line."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, _stream: str, line: str) -> None:
        self.queue.put_nowait(line)


async def timed(times: int, act: Callable[[], Awaitable[object]]) -> list[float]:
    """Milliseconds of each."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        await act()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def tell(what: str, taken: list[float]) -> None:
    """One line of the table."""
    print(f"  {what:<34} {len(taken):>4}  median {statistics.median(taken):6.2f} ms  max {max(taken):6.2f} ms")


async def measure(isolation: Isolation) -> None:
    """All of it in one isolation."""
    print(f"{isolation.value}:")
    environment = {"PATH": os.environ["PATH"]}
    async with ProcessEngine(isolation) as engine:
        started: list[ContainerProcess] = []

        async def start_sleep() -> None:
            started.append(await engine.start(ProcessSpec("pod", "app", ("sleep", "600"), environment), Lines()))

        tell("start, until the program is there", await timed(STARTS, start_sleep))

        async def kill() -> None:
            container = started.pop()
            await container.kill()
            await container.wait()

        tell("kill, until the end is known", await timed(STARTS, kill))

        lines = Lines()
        spec = ProcessSpec("pod", "app", (sys.executable, "-S", "-c", PROGRAM), environment)
        container = await engine.start(spec, lines)
        assert await lines.queue.get() == "ready"

        async def send() -> None:
            await container.signal(signal.SIGUSR1)
            await lines.queue.get()

        tell("signal, until the handler has run", await timed(SIGNALS, send))

        async def execute() -> None:
            assert (await container.exec(("true",))).status == 0

        tell("exec of `true`, until it has ended", await timed(EXECS, execute))
    overslept = await timed(SIGNALS, lambda: asyncio.sleep(0.005))
    tell("a timer of 5 ms is late by", [taken - 5 for taken in overslept])


def main() -> None:
    """Measure what can be had here."""
    for isolation in Isolation:
        reason = why_impossible(isolation)
        if reason is None:
            asyncio.run(measure(isolation))
        else:
            print(f"{isolation.value}: not possible here: {reason}")


if __name__ == "__main__":
    main()
