"""What must not harm the child: no stderr, a stuck one, a full disk, another user's child, faults of run itself."""

import asyncio
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lameduck.rehearse.processes import ProcessEngine
from tests.rehearse.containers import DEADLINE_S, code_of, eventually
from tests.run.inits import in_front, play, ready, the_service, told


def line(file: "subprocess.Popen[str]") -> str:
    assert file.stdout is not None
    return file.stdout.readline().rstrip("\n")


@pytest.mark.parametrize("closed", ["2>&-", "0<&- 1>&- 2>&-", "2>/dev/full"])
def test_a_stderr_that_takes_nothing_does_not_harm_the_child(tmp_path: Path, closed: str) -> None:
    mark = tmp_path / "mark"
    script = f"trap 'echo drained > {mark}; exit 7' TERM; echo $$ > {mark}.ready; while :; do sleep 0.1; done"
    command = in_front("--lame-duck", "100ms", command=("sh", "-c", script))
    run = subprocess.Popen(["sh", "-c", f'exec "$@" {closed}', "sh", *command])
    try:
        wait_for(Path(f"{mark}.ready"))
        run.send_signal(signal.SIGTERM)
        assert run.wait(DEADLINE_S) == 7
    finally:
        run.kill()
    assert mark.read_text() == "drained\n"


def wait_for(file: Path) -> None:
    asyncio.run(eventually(lambda: file.exists() and file.read_text() != ""))


def test_closed_descriptors_are_closed_for_the_child_too() -> None:
    command = in_front(command=("sh", "-c", "ls -l /proc/self/fd/"))
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&- 0<&-', "sh", *command], capture_output=True, text=True, check=True
    )
    # ls opens one for the folder itself: the lowest that is free.
    assert len([row for row in done.stdout.splitlines() if "->" in row]) == 2, done.stdout


def test_a_reader_of_stderr_that_has_stopped_reading_does_not_block_the_signals(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    run = subprocess.Popen(
        in_front("-v", command=the_service(tmp_path, "app")), stderr=writing, stdout=subprocess.PIPE, text=True
    )
    try:
        assert line(run).startswith("app ready")
        run.send_signal(signal.SIGUSR1)
        assert line(run) == "app got SIGUSR1"
        run.send_signal(signal.SIGTERM)
        assert line(run) == "app got SIGTERM"
        assert run.wait(DEADLINE_S) == 0
    finally:
        run.kill()
        run.communicate()
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("log", ["/dev/full", "/nonexistent/folder/log", "/proc/version", "/dev"])
def test_a_termination_log_that_cannot_be_written_does_not_harm_the_child(tmp_path: Path, log: str) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--termination-log", log, command=the_service(tmp_path, "app"))
        container, _ = await ready(engine, command, "app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0

    play(story)


def test_stdin_is_the_childs() -> None:
    done = subprocess.run(in_front(command=("tac",)), input="1\n2\n3\n", capture_output=True, text=True, check=True)
    assert done.stdout == "3\n2\n1\n"


def test_a_fault_of_run_itself_leaves_the_child_with_a_smaller_loop(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom lameduck.run.init import Init\nfrom lameduck.run import main\n"
        "def broken(*_):\n    raise RuntimeError('broken')\n"
        "Init.begin = broken\nsys.exit(main(sys.argv[1:]))"
    )

    async def story(engine: ProcessEngine) -> None:
        command = (sys.executable, "-c", code, "--", *the_service(tmp_path, "app"))
        container, output = await ready(engine, command, "app ready")
        await container.signal(signal.SIGTERM)
        await output.until(told("fault"))
        await container.signal(signal.SIGUSR1)
        await output.until("app got SIGUSR1")
        await container.signal(signal.SIGTERM)
        await output.until("app got SIGTERM")
        assert await code_of(container) == 0

    play(story)


def test_exit_codes_are_known_although_the_parent_ignored_its_children() -> None:
    code = f"import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv({sys.executable!r}, "
    code += f"{list(in_front(command=('sh', '-c', 'exit 42')))!r})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 42


def test_another_users_child_is_told_as_well(tmp_path: Path) -> None:
    service = the_service(tmp_path, "app")
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.owner() == "root" and folder.is_relative_to("/tmp/pytest-of-root"):
            folder.chmod(0o755)

    async def story(engine: ProcessEngine) -> None:
        command = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", *service[1:])
        container, output = await ready(
            engine, in_front(command=("sh", "-c", '"$@"; true', "sh", *command)), "app ready"
        )
        await container.signal(signal.SIGTERM)
        await output.until("app got SIGTERM")
        assert await code_of(container) == 0

    play(story)


# A terminal, as `kubectl run -it` gives.


def read_until(terminal: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        readable, _, _ = select.select([terminal], [], [], DEADLINE_S)
        assert readable, f"no {wanted!r}, but {seen!r}"
        try:
            seen += os.read(terminal, 1024)
        except OSError:
            raise AssertionError(f"the terminal was closed before {wanted!r}: {seen!r}") from None
    return seen


def test_a_shell_on_a_terminal_has_job_control() -> None:
    command = in_front(command=("bash", "--norc", "-i"))
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    try:
        os.write(terminal, b"echo flags: [$-]\n")
        seen = read_until(terminal, b"flags: [h")
        assert b"no job control" not in seen
        os.write(terminal, b"(printf '<%s>' on; exec sleep 60)\n")
        read_until(terminal, b"<on>")
        os.write(terminal, b"\x1a")  # ^Z
        read_until(terminal, b"Stopped")
        os.write(terminal, b"exit\n")
        read_until(terminal, b"There are stopped jobs")
        os.write(terminal, b"exit 3\n")
        read_until(terminal, b"exit 3\r\n")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    finally:
        os.close(terminal)


def test_run_and_its_command_are_one_job_of_the_shell_that_started_them() -> None:
    command = in_front(command=("sh", "-c", "\"printf '<%s>' on; exec cat\""))
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("bash", ["bash", "--norc", "-i"])
    try:
        os.write(terminal, (" ".join(command) + "\n").encode())
        read_until(terminal, b"<on>")
        os.write(terminal, b"one\n")
        read_until(terminal, b"one\r\none\r\n")
        os.write(terminal, b"\x1a")
        read_until(terminal, b"Stopped")
        os.write(terminal, b"fg\n")
        read_until(terminal, b'cat"\r\n')
        os.write(terminal, b"two\n")
        read_until(terminal, b"two\r\ntwo\r\n")
        os.write(terminal, b"\x04")
        os.write(terminal, b"exit 0\n")
        read_until(terminal, b"exit")
        os.waitpid(pid, 0)
    finally:
        os.close(terminal)
