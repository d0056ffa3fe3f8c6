"""An init's plain duties: every signal passed on, every orphan reaped, the exit code handed over."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from lameduck.rehearse.engine import ContainerProcess, Isolation
from lameduck.rehearse.processes import ProcessEngine
from tests.rehearse.containers import code_of, eventually, python
from tests.run.inits import BOTH, in_front, play, ready, the_service, told

PASSED_ON = sorted(
    signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}
)


def name(signum: int) -> str:
    return signal.Signals(signum).name if signum <= 31 else str(int(signum))


@pytest.mark.parametrize("isolation", BOTH, ids=lambda one: one.value)
@pytest.mark.parametrize("reach", [(), ("--child",), ("--group",), ("--tree",)], ids=str)
def test_every_signal_that_can_be_caught_reaches_the_service(
    tmp_path: Path, reach: tuple[str, ...], isolation: Isolation
) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(*reach, command=the_service(tmp_path, "app")), "app ready")
        for signum in PASSED_ON:
            os.kill(container.pid, signum)
            await output.until(f"app got {name(signum)}")
        await container.signal(signal.SIGTERM)
        await output.until("app got SIGTERM")
        assert await code_of(container) == 0

    play(story, isolation)


def test_all_exit_codes_are_handed_over() -> None:
    wrapped = [*in_front(command=("sh", "-c"))]
    script = f"""
import os
for code in range(256):
    status = os.spawnv(os.P_WAIT, {sys.executable!r}, {wrapped!r} + [f'exit {{code}}'])
    assert status == code, (code, status)
"""

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, python(script))
        assert await code_of(container) == 0, output.lines

    play(story)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
@pytest.mark.parametrize("isolation", BOTH, ids=lambda one: one.value)
def test_a_command_that_a_signal_ended_gives_128_and_the_number(signum: signal.Signals, isolation: Isolation) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = python(f"import os; os.kill(os.getpid(), {int(signum)})")
        container, _ = await ready(engine, in_front(command=command))
        assert await code_of(container) == 128 + signum

    play(story, isolation)


@pytest.mark.parametrize(
    ("options", "code"), [(("--remap-exit", "143=0"), 0), (("-e", "143"), 0), (("-e", "143=7", "-e", "0=1"), 7)]
)
def test_an_exit_code_can_be_remapped(options: tuple[str, ...], code: int) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, _ = await ready(engine, in_front(*options, command=("sh", "-c", "exit 143")))
        assert await code_of(container) == code

    play(story)


def test_a_program_that_is_missing_gives_127_and_one_that_is_none_126(tmp_path: Path) -> None:
    lost = tmp_path / "lost-interpreter"
    lost.write_text("#!/nonexistent/sh\n")
    lost.chmod(0o755)
    plain = tmp_path / "plain"
    plain.write_text("text")

    async def story(engine: ProcessEngine) -> None:
        for program, code, words in [
            ("no-such-program", 127, "No such file or directory"),
            (str(lost), 127, "its first line or its header names is missing"),
            (str(plain), 126, "Permission denied"),
            (str(tmp_path), 126, "Permission denied"),
        ]:
            container, output = await ready(engine, in_front(command=(program,)))
            assert await code_of(container) == code
            assert words in await output.until(f"lameduck run: {program} cannot be executed")

    play(story)


def test_a_script_without_its_first_line_is_given_to_the_shell(tmp_path: Path) -> None:
    script = tmp_path / "start.sh"
    script.write_text('echo "hello $1"\n')
    script.chmod(0o755)

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=(str(script), "world")), "hello world")
        assert await code_of(container) == 0, output.lines

    play(story)


ORPHANS = """
import os, signal, sys
for _ in range(1000):
    if os.fork() == 0:
        os.fork()
        os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
print("made", flush=True)
signal.pause()
"""


@pytest.mark.parametrize("isolation", BOTH, ids=lambda one: one.value)
def test_a_thousand_orphans_leave_no_zombie(isolation: Isolation) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, _ = await ready(engine, in_front(command=python(ORPHANS)), "made")
        await eventually(lambda: zombies_of(container.pid) == [], lambda: zombies_of(container.pid))
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 143

    play(story, isolation)


def zombies_of(parent: int) -> list[int]:
    """The exited children of a process that it has not reaped."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] == "Z" and int(fields[1]) == parent:
                found.append(int(entry.name))
    return found


COUNTER = """
import os, signal, time
seen = 0
def count(*_):
    global seen
    seen += 1
first = signal.SIGRTMIN + 1
signal.signal(first, count)
signal.signal(signal.SIGUSR1, count)
signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"counted %d\\n" % seen), os._exit(0)))
os.write(1, b"ready\\n")
while True:
    time.sleep(0.05)
"""


@pytest.mark.parametrize("isolation", BOTH, ids=lambda one: one.value)
def test_a_burst_of_ten_thousand_signals_neither_kills_nor_blocks(isolation: Isolation) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=python(COUNTER)), "ready")
        for _ in range(5000):
            os.kill(container.pid, signal.SIGUSR1)
            os.kill(container.pid, signal.SIGRTMIN + 1)
        os.kill(container.pid, signal.SIGTERM)
        counted = await output.until("counted")
        assert int(counted.split()[1]) > 0
        assert await code_of(container) == 0

    play(story, isolation)


@pytest.mark.parametrize(
    ("option", "sent", "got"),
    [
        (("--map", "USR1=USR2"), signal.SIGUSR1, "SIGUSR2"),
        (("-r", "10:12"), signal.SIGUSR1, "SIGUSR2"),
        (("--stop-signal", "QUIT"), signal.SIGTERM, "SIGQUIT"),
        (("--map", "TERM=QUIT", "--stop-signal", "HUP"), signal.SIGTERM, "SIGQUIT"),
        (("--stop-signal", "RTMIN+3"), signal.SIGTERM, "37"),
    ],
)
def test_a_signal_is_passed_on_as_another(
    tmp_path: Path, option: tuple[str, ...], sent: signal.Signals, got: str
) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(*option, command=the_service(tmp_path, "app")), "app ready")
        await container.signal(sent)
        await output.until(f"app got {got}")
        await container.kill()

    play(story)


def test_a_signal_that_is_mapped_to_nothing_is_not_passed_on(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--map", "USR1=0", command=the_service(tmp_path, "app"))
        container, output = await ready(engine, command, "app ready")
        await container.signal(signal.SIGUSR1)
        await container.signal(signal.SIGTERM)
        await output.until("app got SIGTERM")
        assert await code_of(container) == 0
        assert "app got SIGUSR1" not in output.lines

    play(story)


def test_when_run_is_killed_its_child_does_not_live_on(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=the_service(tmp_path, "app", "stays")), "app ready")
        child = int((await output.until("app ready")).split()[2])
        os.kill(container.pid, signal.SIGKILL)
        await eventually(lambda: not Path(f"/proc/{child}").exists())

    play(story, Isolation.EMULATED)


def test_a_parent_that_dies_is_a_stop(tmp_path: Path) -> None:
    service = the_service(tmp_path, "app")
    parent = (
        "import subprocess\n"
        f"run = subprocess.Popen({in_front('-p', 'TERM', command=service)!r}, stdout=subprocess.PIPE)\n"
        "print(run.stdout.readline().decode(), flush=True)\n"
        "import os; os._exit(0)"
    )

    async def story(engine: ProcessEngine) -> None:
        # PID 1 is a shell that outlives the parent.
        command = ("sh", "-c", '"$@"; sleep 30', "sh", *python(parent))
        container, output = await ready(engine, command, "app ready")
        await output.until(told("stop-asked"))
        await container.kill()

    play(story)


def test_its_own_start_leaves_nothing_in_the_environment_of_the_command() -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=("env",)))
        assert await code_of(container) == 0
        # The one thing that is meant for it: the library in a service looks for run there (docs/protocol.md).
        assert [line.partition("=")[0] for line in output.lines] == ["PATH", "LAMEDUCK_RUN"]

    play(story)


def test_the_command_finds_the_signals_as_they_were() -> None:
    async def story(engine: ProcessEngine) -> None:
        bare, plainly = await ready(engine, ("sh", "-c", "grep ^Sig[BI] /proc/self/status"))
        wrapped, through = await ready(engine, in_front(command=("sh", "-c", "grep ^Sig[BI] /proc/self/status")))
        assert await code_of(bare) == await code_of(wrapped) == 0
        assert through.lines == plainly.lines != []

    play(story)


def test_a_stop_signal_before_the_command_has_started_means_it_never_does(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    code = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"  # pending while run starts, because the mask outlives exec
        f"os.execv(sys.executable, {list(in_front(command=('touch', str(mark))))!r})"
    )

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, python(code))
        assert await code_of(container) == 143
        await output.until(lambda line: '"stopped-before-start"' in line)
        assert not mark.exists()

    play(story)


def test_a_stop_signal_at_any_moment_of_the_start_ends_it(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        for delay_ms in range(0, 60, 6):
            container, output = await ready(engine, in_front(command=("sleep", "30")))
            await asyncio.sleep(delay_ms / 1000)  # the moment is what is tried
            # Before run's first line Python is PID 1 without a handler, and the kernel discards the signal (T54).
            await past_its_first_line(container)
            await container.signal(signal.SIGTERM)
            assert await code_of(container) == 143, output.lines

    play(story)


async def past_its_first_line(container: ContainerProcess) -> None:
    """Wait until signals are blocked."""
    await eventually(lambda: container.handling(signal.SIGTERM) == "blocked")
