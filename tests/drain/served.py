"""A real server with a real application, in a process of its own, and what it tells while it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN_S = 30.0
ENDS_WITHIN_S = 60.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """One server process, the leader of its own process group."""

    def __init__(self, command: Sequence[str], port: int, output: Path, environ: Mapping[str, str]) -> None:
        self.port = port
        self.output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=dict(environ), stdout=file, stderr=file, start_new_session=True
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def steps(self, what: str | None = None) -> list[dict[str, Any]]:
        """What the library has told so far, all processes together; only the steps of one kind if it is named."""
        found = []
        for line in self.text().splitlines():
            at = line.find('{"witness": "drain"')
            if at >= 0:
                with contextlib.suppress(ValueError):
                    found.append(json.loads(line[at:]))
        return [step for step in found if what is None or step["what"] == what]

    def until(self, seen: Callable[[], object], within_s: float = STARTS_WITHIN_S) -> None:
        """Wait until something is seen. Fails with the server's output if it is not."""
        ends = time.monotonic() + within_s
        while not seen():
            if time.monotonic() > ends:
                raise AssertionError(f"not seen within {within_s:g} s; the server wrote:\n{self.text()}")
            time.sleep(0.01)

    def until_step(self, what: str, within_s: float = STARTS_WITHIN_S) -> dict[str, Any]:
        """Wait for a step, and answer the first of its kind."""
        self.until(lambda: self.steps(what), within_s)
        return self.steps(what)[0]

    def until_listening(self) -> None:
        def listening() -> bool:
            assert self.process.poll() is None, f"the server has ended; it wrote:\n{self.text()}"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            return False

        self.until(listening)

    def stop(self, signum: int = signal.SIGTERM) -> None:
        """Signal the first process only, as the kubelet does."""
        self.process.send_signal(signum)

    def ended(self, within_s: float = ENDS_WITHIN_S) -> int:
        """Wait for the end; the exit code."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended within {within_s:g} s; it wrote:\n{self.text()}") from None

    def kill(self) -> None:
        """All of the group that is left: ours, since the process was started as its leader."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def served(
    command: Sequence[str],
    output: Path,
    *,
    port: int | None = None,
    environ: Mapping[str, str] | None = None,
    listens: bool = True,
) -> Iterator[Served]:
    """A server that listens; `{port}` in its command is replaced. Killed at the end, if it is still there.

    `environ` is added to the environment. Programs are looked for beside the tests' Python first. `listens=False` does
    not wait until it does.
    """
    port = port or free_port()
    words = [word.replace("{port}", str(port)) for word in command]
    if (BIN / words[0]).exists():
        words[0] = str(BIN / words[0])
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LAMEDUCK_")}
    server = Served(words, port, output, {**clean, "PYTHONUNBUFFERED": "1", **(environ or {})})
    try:
        if listens:
            server.until_listening()
        yield server
    finally:
        server.kill()
