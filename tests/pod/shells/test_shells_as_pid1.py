"""Starts real shells as PID 1 and compares what the signal does with what the files said it would do."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lameduck.pod.containers import Container
from lameduck.pod.entry import Shell
from lameduck.pod.images.builds import ImageBuild
from lameduck.pod.programs.entering import entry_of

SHELLS = {"dash": ("dash",), "bash": ("bash",), "busybox": ("busybox", "sh")}
SERVICE = Path(__file__).parents[1] / "data" / "draining_service.py"
SCRIPTS = [
    "service",
    "true; service",
    "service; true",
    "service >/dev/null",
    "if true; then service; fi",
    "exec service",
    "service | cat",
    "while true; do service; done",
    "service & wait",
    "trap 'exit 0' TERM; service & wait",
    "trap true EXIT; service",
    "trap 'kill $p; wait $p' TERM; service & p=$!; wait $p",
    "trap 'kill $p; wait $p' SIGTERM; service & p=$!; wait $p",
    "set -e; trap 'kill $p' TERM; service & p=$!; wait $p; wait $p",
]
DEADLINE_S = 20.0


def can_be_pid_1() -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    tried = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, check=False)
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(
    not can_be_pid_1(),
    reason="needs Linux, unshare from util-linux, and the right to make a PID namespace: run as root",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder on PATH with the program `service`."""
    program = tmp_path / "service"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -S -E {SERVICE} {tmp_path}/log\n", encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait(timeout=DEADLINE_S)


def wait_for(log: Path, line: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + DEADLINE_S
    seen = ""
    while time.monotonic() < end:
        seen = log.read_text(encoding="utf-8") if log.exists() else ""
        if line in seen:
            return
        if process.poll() is not None:
            break
        time.sleep(0.01)
    pytest.fail(f"the service did not say {line!r}; it said {seen!r}, and the shell ended with {process.poll()}")


def first_child(process: subprocess.Popen[bytes]) -> int:
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()[0])


def outcome(command: tuple[str, ...], folder: Path, started: list[subprocess.Popen[bytes]]) -> str:
    """What the stop signal did: the service drained, heard nothing, or was cut."""
    log = folder / "log"
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    # setsid: a container's first process leads its session, so that `kill 0` stays inside
    process = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "setsid", *command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    started.append(process)
    wait_for(log, "serving", process)
    os.kill(first_child(process), signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1.5)
    seen = log.read_text(encoding="utf-8")
    if "drained" in seen:
        return "arrives"
    if process.poll() is not None:
        return "cuts"
    if "heard" in seen:  # a busy machine: it drains still
        process.wait(timeout=DEADLINE_S)
        return "arrives" if "drained" in log.read_text(encoding="utf-8") else "cuts"
    return "keeps"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_what_the_files_say_is_what_the_signal_does(
    shell: str, script: str, folder: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    if shutil.which(SHELLS[shell][0]) is None:
        pytest.skip(f"needs {shell}: apt install {shell}")
    command = (*SHELLS[shell], "-c", script)
    entry = entry_of(Container("app", (), command=command), ImageBuild("here", sh=Shell.DASH))
    assert entry.certain
    said = entry.obstacle.passes.value if entry.obstacle is not None else "arrives"
    assert outcome(command, folder, started) == said


@pytest.mark.parametrize("shell", SHELLS)
def test_no_shell_execs_the_last_command_of_a_script_file(
    shell: str, folder: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    if shutil.which(SHELLS[shell][0]) is None:
        pytest.skip(f"needs {shell}: apt install {shell}")
    script = folder / "run.sh"
    script.write_text("set -e\ntrue\nservice\n", encoding="utf-8")
    assert outcome((*SHELLS[shell], str(script)), folder, started) == "keeps"
