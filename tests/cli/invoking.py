"""Running `lameduck` as a user does: a process of its own, its words, what it prints, and what it leaves running."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rehearse.containers import DEADLINE_S, alive

__all__ = ["BROKEN", "LAMEDUCK", "Outcome", "Running", "lameduck", "manifest", "running"]

LAMEDUCK = (sys.executable, "-m", "lameduck")
ENDS_WITHIN_S = 100
"""For a command that takes some seconds, on a machine that has much else to do."""
_MARKER = "LAMEDUCK_TEST_MARKER"

BROKEN = Path(__file__).parents[2] / "examples" / "broken-forms"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A command that has ended. Nothing that it started is alive: that is asserted before there is an Outcome."""

    code: int
    stdout: str
    stderr: str

    @property
    def complaint(self) -> str:
        """The one line on stderr that is not progress."""
        lines = self.stderr.splitlines()
        assert all(line.startswith("lameduck: ") for line in lines), self.stderr
        return lines[-1].removeprefix("lameduck: ")


class Running:
    """A `lameduck` that runs. `stderr` is read by the test itself, line by line, or by `wait`."""

    def __init__(self, process: subprocess.Popen[str], marker: str) -> None:
        self.process = process
        self.marker = marker

    def until(self, step: str) -> None:
        """Wait until its progress speaks of that step."""
        assert self.process.stderr is not None
        seen: list[str] = []
        for line in self.process.stderr:
            seen.append(line)
            if step in line:
                return
        raise AssertionError(f"it never came to {step!r}: {seen}")

    def until_it_runs(self, word: str) -> None:
        """Wait until one of the processes that it started has that word in its command line."""
        deadline = time.monotonic() + DEADLINE_S
        while not any(word in command for command in _commands(set(alive(self.marker)) - {self.process.pid})):
            assert self.process.poll() is None, f"it ended before it ran {word}"
            assert time.monotonic() < deadline, _commands(alive(self.marker))
            time.sleep(0.01)

    def wait(self) -> Outcome:
        """Its end, and that of everything it started."""
        try:
            stdout, stderr = self.process.communicate(timeout=ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, stderr = self.process.communicate()
            raise AssertionError(f"it does not end; it says: {stderr}") from None
        _nothing_is_left(self.marker)
        return Outcome(self.process.returncode, stdout, stderr)


@contextmanager
def running(
    *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, program: Sequence[str] = LAMEDUCK
) -> Iterator[Running]:
    """`lameduck` with these words, killed in the end if it still runs."""
    marker = uuid.uuid4().hex
    process = subprocess.Popen(
        [*program, *words],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **(env or {}), _MARKER: marker},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield Running(process, marker)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def lameduck(*words: str, stdin: str = "", cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Outcome:
    """Run it to its end. Fails if a process that it started is still there afterwards."""
    marker = uuid.uuid4().hex
    ended = subprocess.run(
        [*LAMEDUCK, *words],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **(env or {}), _MARKER: marker},
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=ENDS_WITHIN_S,
        check=False,
    )
    _nothing_is_left(marker)
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


def manifest(
    folder: Path, *, kind: str = "Deployment", spec: Mapping[str, Any] | None = None, **container: Any
) -> Path:
    """A file with one workload: the bundled server, unless `container` says otherwise. JSON is YAML, too."""
    played = {
        "name": "app",
        "image": "python:3.11",
        "command": [sys.executable, "-m", "lameduck.rehearse.bundled_server"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        **container,
    }
    labels = {"app": "web"}
    pod = {"terminationGracePeriodSeconds": 5, "containers": [played]}
    document: dict[str, Any] = {"kind": kind, "metadata": {"name": "web", "labels": labels}}
    if kind == "Pod":
        document |= {"apiVersion": "v1", "spec": pod}
    else:
        template = {"metadata": {"labels": labels}, "spec": pod}
        document |= {
            "apiVersion": "apps/v1",
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, **(spec or {})},
        }
    path = folder / "web.yaml"
    path.write_text(json.dumps(document, indent=1))
    return path


def _nothing_is_left(marker: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while left := alive(marker):
        assert time.monotonic() < deadline, f"still there: {_commands(left)}"
        time.sleep(0.01)


def _commands(pids: Iterable[int]) -> list[str]:
    commands = []
    for pid in pids:
        with suppress(OSError):
            commands.append(Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " "))
    return commands
