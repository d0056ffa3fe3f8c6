"""A program of a few lines in a process of its own: it says what it does, and does what it is told."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEEN_WITHIN_S = 30.0


class Child:
    """One Python process, the leader of its own group."""

    def __init__(self, code: str, output: Path, environ: dict[str, str]) -> None:
        self.output = output
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LAMEDUCK_")}
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-X", "faulthandler", "-c", code],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                env={**clean, "LAMEDUCK_TERMINATION_LOG": "", **environ},
                start_new_session=True,
            )

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def lines(self, beginning: str = "") -> list[str]:
        return [line for line in self.text().splitlines() if line.startswith(beginning)]

    def until(self, line: str, count: int = 1) -> str:
        """Wait for a line that begins so, and answer it; for several of them, and answer the last."""
        ends = time.monotonic() + SEEN_WITHIN_S
        while len(found := self.lines(line)) < count:
            if time.monotonic() > ends or (self.process.poll() is not None and len(self.lines(line)) < count):
                raise AssertionError(f"no {count} x {line!r} ({self.process.returncode=}) in:\n{self.text()}")
            time.sleep(0.005)
        return found[count - 1]

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def signal(self, signum: int = signal.SIGTERM) -> None:
        self.process.send_signal(signum)

    def ended(self) -> int:
        try:
            return self.process.wait(SEEN_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended; it wrote:\n{self.text()}") from None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()


@contextlib.contextmanager
def child(code: str, tmp_path: Path, **environ: str) -> Iterator[Child]:
    """Started; killed at the end, with its whole group, if it is still there."""
    its = Child(code, tmp_path / "out", environ)
    try:
        yield its
    finally:
        its.kill()
