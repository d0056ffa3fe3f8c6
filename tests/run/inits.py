"""Real containers whose PID 1 is `lameduck run`, in front of services that report what they get."""

import asyncio
import json
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lameduck.rehearse.engine import ContainerProcess, Isolation
from lameduck.rehearse.processes import ProcessEngine
from tests.rehearse.containers import DEADLINE_S, Output, need, need_isolation, start

__all__ = [
    "BOTH",
    "SHELLS",
    "Story",
    "in_front",
    "play",
    "quoted",
    "ready",
    "shell",
    "steps",
    "the_service",
    "told",
]

Story = Callable[[ProcessEngine], Awaitable[None]]
BOTH = (Isolation.PID_NAMESPACE, Isolation.EMULATED)
"""As PID 1, and as the plain process that it is under shareProcessNamespace or on a desk."""

SHELLS = (("dash",), ("bash",), ("busybox", "sh"))

SERVICE = """
import os, signal, sys, time
name, *manners = sys.argv[1:]
def told(signum, frame):
    word = signal.Signals(signum).name if signum <= 31 else str(signum)
    os.write(1, f"{name} got {word}\\n".encode())
    if signum == signal.SIGTERM and "stays" not in manners:
        if "drains" in manners:
            time.sleep(0.5)
            os.write(1, f"{name} drained\\n".encode())
        os._exit(0)
for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(signum, told)
os.write(1, f"{name} ready {os.getpid()}\\n".encode())
while True:  # a signal just before a sleep begins is handled only when it ends: so it is short
    time.sleep(0.05)
"""


def the_service(folder: Path, name: str, *manners: str) -> tuple[str, ...]:
    """The command of a service that says `NAME ready PID`, then each signal it gets; TERM ends it.

    Manners: stays (TERM does not end it), drains (it takes half a second, and says when it has).
    """
    file = folder / "service.py"
    file.write_text(SERVICE)
    return (sys.executable, "-I", "-S", str(file), name, *manners)


def shell(words: tuple[str, ...], script: str) -> tuple[str, ...]:
    """The command that runs a script in this shell, or a skip."""
    need(words[0], words[0])
    return (*words, "-c", script)


def quoted(command: tuple[str, ...]) -> str:
    """The command as a script says it."""
    return shlex.join(command)


def in_front(*options: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """`lameduck run OPTIONS -- COMMAND`, without the start of a script."""
    return (sys.executable, "-m", "lameduck.run", *options, "--", *command)


def play(story: Story, isolation: Isolation = Isolation.PID_NAMESPACE) -> None:
    """Run a story with an engine, bounded in time."""
    need_isolation(isolation)

    async def bounded() -> None:
        async with asyncio.timeout(3 * DEADLINE_S), ProcessEngine(isolation) as engine:
            await story(engine)

    asyncio.run(bounded())


def steps(output: Output) -> list[dict[str, Any]]:
    """What run has told on stderr so far."""
    found = []
    for stream, line in output.by_stream:
        if stream == "stderr" and line.startswith('{"witness": "run"'):
            found.append(json.loads(line))
    return found


def told(what: str) -> Callable[[str], bool]:
    """A line of run's that tells this step."""
    return lambda line: line.startswith('{"witness": "run"') and json.loads(line)["what"] == what


async def ready(
    engine: ProcessEngine, argv: tuple[str, ...], *lines: str, **env: str
) -> tuple[ContainerProcess, Output]:
    """Start a container and wait for these lines."""
    container, output = await start(engine, argv, env=env)
    for line in lines:
        await output.until(line)
    return container, output
