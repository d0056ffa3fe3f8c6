"""Real containers for the tests of the engines: programs that report what happens to them, and a way to wait for it."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lameduck.rehearse import proc
from lameduck.rehearse.engine import ContainerProcess, Isolation, ProcessSpec
from lameduck.rehearse.isolation import why_impossible
from lameduck.rehearse.processes import ProcessEngine

DEADLINE_S = 20.0
"""For waits that end in milliseconds; generous, because only a broken engine meets it."""

REPORTER = """
import os, signal, sys, time
def told(signum, frame):
    os.write(1, b"got %s\\n" % signal.Signals(signum).name.encode())
    if signum == signal.SIGTERM:
        sys.exit(int(os.environ.get("EXIT", "0")))
for name in ("SIGTERM", "SIGUSR1", "SIGHUP"):
    signal.signal(getattr(signal, name), told)
os.write(1, b"ready %d\\n" % os.getpid())
while True:
    time.sleep(60)
"""
"""Says `ready PID`, then each signal it gets; leaves on SIGTERM."""

DEAF = "import os, time; print('ready', os.getpid(), flush=True); time.sleep(600)"
"""Says `ready PID` and handles nothing."""


def python(code: str) -> tuple[str, ...]:
    """The command that runs this code; without site, so that it is there soon."""
    return (sys.executable, "-I", "-S", "-c", code)


def need(program: str, package: str, *, path: str | None = None) -> str:
    """Where a program is, or a skip that says how to get it; in CI, where all of them are installed, a failure."""
    found = shutil.which(program, path=path)
    if found is None:
        words = f"{program} is missing; to run this test: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return found


def need_isolation(isolation: Isolation) -> None:
    """Skip loudly where it cannot be had; in CI only user namespaces may be missing."""
    reason = why_impossible(isolation)
    if reason is None:
        return
    words = f"{isolation.value} cannot be tested here: {reason}"
    if os.environ.get("CI") == "true" and isolation is not Isolation.USER_NAMESPACE:
        pytest.fail(words + ". Run the tests as root in a privileged container.")
    pytest.skip(words)


class Output:
    """The lines a container has written so far, and a way to wait for more."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.by_stream: list[tuple[str, str]] = []
        self._news = asyncio.Event()

    def __call__(self, stream: str, line: str) -> None:
        self.lines.append(line)
        self.by_stream.append((stream, line))
        self._news.set()

    async def until(self, wanted: str | Callable[[str], bool]) -> str:
        """The first line that starts with these words, or is as wanted."""
        meets = (lambda line: line.startswith(wanted)) if isinstance(wanted, str) else wanted
        try:
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    for line in self.lines:
                        if meets(line):
                            return line
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no line {wanted!r} within {DEADLINE_S} s, but {self.lines}") from None


async def start(
    engine: ProcessEngine, argv: tuple[str, ...], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[ContainerProcess, Output]:
    """Start a container with this command and this machine's PATH."""
    output = Output()
    spec = ProcessSpec(
        "web-0", "app", argv, {"PATH": os.environ["PATH"], **(env or {})}, None if cwd is None else str(cwd)
    )
    return await engine.start(spec, output), output


async def code_of(container: ContainerProcess) -> int:
    """The exit code, waited for."""
    async with asyncio.timeout(DEADLINE_S):
        return (await container.wait()).code


def alive(marker: str) -> list[int]:
    """The processes of this machine, zombies apart, that have this word in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if marker.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


async def eventually(condition: Callable[[], bool], what: Callable[[], object] = lambda: "") -> None:
    """Wait for something that other processes do and nobody tells; `what` is shown if it does not come."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110  # no event: it happens in another process
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not so within {DEADLINE_S} s: {what()}") from None


async def gone(marker: str) -> None:
    """Wait until no process of this machine has that word in its environment any more."""
    await eventually(lambda: not alive(marker), lambda: [proc.command_line(pid) for pid in alive(marker)])
