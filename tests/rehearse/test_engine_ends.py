"""Nothing stays behind: not at Ctrl-C, not when we are cancelled, not when lameduck or a launcher dies by SIGKILL."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lameduck.rehearse import proc
from lameduck.rehearse.engine import Isolation
from lameduck.rehearse.processes import ProcessEngine
from tests.rehearse.containers import DEADLINE_S, DEAF, alive, code_of, eventually, gone, need_isolation, python, start

ROOT = Path(__file__).parents[2]

DRIVER = """
import asyncio, os, sys
from lameduck.rehearse.engine import Isolation, ProcessSpec
from lameduck.rehearse.processes import ProcessEngine

async def main():
    isolation = Isolation(sys.argv[1])
    async with ProcessEngine(isolation) as engine:
        for number in range(2):
            await engine.start(ProcessSpec(f"web-{number}", "app", tuple(sys.argv[2:]), dict(os.environ)), print_line)
        await asyncio.Event().wait()

def print_line(stream, line):
    print(line, flush=True)

asyncio.run(main())
"""
"""lameduck in small: two containers with the command of its arguments, until somebody ends it."""

HARD_TO_KILL = """
import ctypes, os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
ctypes.CDLL(None).prctl(1, 0)  # PR_SET_PDEATHSIG: no, thanks
if os.getuid() == 0 and CHANGE_USER:
    os.setgid(65534); os.setuid(65534)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("ready", flush=True)
    time.sleep(600)
time.sleep(600)
"""
"""Ignores signals, forgets its parent, changes its user, and leaves a daemon in a session of its own."""


@pytest.fixture(params=list(Isolation), ids=lambda isolation: isolation.value)
def isolation(request: pytest.FixtureRequest) -> Isolation:
    chosen: Isolation = request.param
    need_isolation(chosen)
    return chosen


def driver(
    isolation: Isolation, marker: str, *argv: str, python: str = sys.executable, user: int | None = None
) -> subprocess.Popen[str]:
    """Start a lameduck that holds two containers of this command, and wait until both have said `ready`."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "MARK": marker}
    process = subprocess.Popen(
        [python, "-c", DRIVER, isolation.value, *argv],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        user=user,
        extra_groups=None if user is None else [],
    )
    assert process.stdout is not None
    heard: list[str] = []
    while len([line for line in heard if line == "ready\n"]) < 2:
        line = process.stdout.readline()
        heard.append(line)
        assert line, f"the driver ended early: {heard}"
    return process


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[str]:
    """A word in the environment of all that a test starts; what is left of it at the end is killed."""
    yield str(tmp_path)
    for pid in alive(f"MARK={tmp_path}"):
        os.kill(pid, signal.SIGKILL)


def hard_to_kill(*, change_user: bool) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", f"CHANGE_USER = {change_user}\n{HARD_TO_KILL}")


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_death_of_lameduck_leaves_nothing(isolation: Isolation, marker: str, signum: signal.Signals) -> None:
    change_user = isolation is Isolation.PID_NAMESPACE
    with driver(isolation, marker, *hard_to_kill(change_user=change_user)) as process:
        assert len(alive(f"MARK={marker}")) >= 7  # the driver, and twice: main, session leader, daemon
        process.send_signal(signum)
        asyncio.run(gone(f"MARK={marker}"))
        process.communicate(timeout=DEADLINE_S)


def test_an_unprivileged_user_s_containers_leave_nothing_either(marker: str) -> None:
    """User namespaces as they are meant: made by somebody who is not root, on an interpreter that they can read."""
    need_isolation(Isolation.USER_NAMESPACE)
    if os.getuid() != 0:
        pytest.skip("already unprivileged: the other tests cover it")
    nobody = pwd.getpwnam("nobody").pw_uid
    interpreter = interpreter_for(nobody)
    with driver(
        Isolation.USER_NAMESPACE,
        marker,
        interpreter,
        "-S",
        "-c",
        f"CHANGE_USER = False\n{HARD_TO_KILL}",
        python=interpreter,
        user=nobody,
    ) as process:
        mains = [pid for pid in alive(f"MARK={marker}") if Path(f"/proc/{pid}/status").stat().st_uid == nobody]
        assert len(mains) >= 7
        process.kill()
        asyncio.run(gone(f"MARK={marker}"))
        process.communicate(timeout=DEADLINE_S)


def interpreter_for(user: int) -> str:
    """A Python, 3.11 or later, that this user may run and that finds nothing missing."""
    check = "import sys; sys.path.insert(0, sys.argv[1]); import lameduck.rehearse.processes"
    for candidate in (sys.executable, *map(shutil.which, ("python3.13", "python3.12", "python3.11", "python3"))):
        for path in (candidate, "/usr/bin/python3"):
            if path is None:
                continue
            try:
                checked = subprocess.run([path, "-c", check, ROOT / "src"], user=user, capture_output=True, check=False)
            except OSError:
                continue
            if checked.returncode == 0:
                return path
    pytest.skip("no Python >= 3.11 that user nobody can run: apt-get install python3, and let others read the sources")


CHAIN = [
    *(
        (isolation, who)
        for isolation in (Isolation.PID_NAMESPACE, Isolation.USER_NAMESPACE)
        for who in ("launcher", "guard")
    ),
    *((isolation, "main") for isolation in Isolation),
]
"""Emulated, the death of the guard by SIGKILL takes only the main process along (launcher.py); it has its own test."""


@pytest.mark.parametrize(("isolation", "who"), CHAIN, ids=lambda part: getattr(part, "value", part))
def test_a_part_of_the_chain_that_is_killed_takes_all_below_along(isolation: Isolation, marker: str, who: str) -> None:
    change_user = isolation is Isolation.PID_NAMESPACE
    if isolation is Isolation.EMULATED and who != "main":
        pytest.skip(
            "emulated: the death of the guard itself by SIGKILL takes only the main process along (launcher.py)"
        )

    async def story() -> None:
        async with ProcessEngine(isolation) as engine:
            container, output = await start(engine, hard_to_kill(change_user=change_user), env={"MARK": marker})
            await output.until("ready")
            guard = proc.parent(container.pid)
            assert guard is not None
            launcher = proc.parent(guard)
            assert launcher is not None
            hook = asyncio.create_task(container.exec(("sleep", "600")))
            await eventually(lambda: len(proc.descendants(guard)) >= 4)
            os.kill({"launcher": launcher, "guard": guard, "main": container.pid}[who], signal.SIGKILL)
            assert await code_of(container) == 137
            assert (await hook).status is None
            await gone(f"MARK={marker}")

    asyncio.run(story())


def test_the_main_process_dies_with_an_emulated_guard(marker: str) -> None:
    async def story() -> None:
        async with ProcessEngine(Isolation.EMULATED) as engine:
            container, output = await start(engine, python(DEAF), env={"MARK": marker})
            await output.until("ready")
            guard = proc.parent(container.pid)
            assert guard is not None
            os.kill(guard, signal.SIGKILL)
            assert await code_of(container) == 137
            await gone(f"MARK={marker}")

    asyncio.run(story())


def test_leaving_the_engine_ends_all_hooks_included(isolation: Isolation, marker: str) -> None:
    async def story() -> None:
        async with ProcessEngine(isolation) as engine:
            for _ in range(3):
                container, output = await start(engine, python(DEAF), env={"MARK": marker})
                await output.until("ready")
            hook = asyncio.create_task(container.exec(("sleep", "600")))
            await eventually(lambda: len(alive(f"MARK={marker}")) == 4)
        assert alive(f"MARK={marker}") == []
        assert (await hook).status is None
        assert (await container.wait()).code == 137
        await engine.close()  # twice is fine

    asyncio.run(story())


def test_cancelling_ends_all_also_in_the_middle_of_a_start(isolation: Isolation, marker: str) -> None:
    async def many_starts(begun: asyncio.Event) -> None:
        async with ProcessEngine(isolation) as engine:
            while True:
                await start(engine, python(DEAF), env={"MARK": marker})
                begun.set()

    async def story() -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(many_starts(begun))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert alive(f"MARK={marker}") == []

    asyncio.run(story())


def test_a_close_that_is_cancelled_itself_still_ends_all(isolation: Isolation, marker: str) -> None:
    async def story() -> None:
        engine = ProcessEngine(isolation)
        for _ in range(3):
            _, output = await start(engine, python(DEAF), env={"MARK": marker})
            await output.until("ready")
        closing = asyncio.create_task(engine.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        await gone(f"MARK={marker}")

    asyncio.run(story())


def test_no_descriptor_and_no_zombie_is_left_after_many_containers(isolation: Isolation) -> None:
    async def story() -> None:
        async with ProcessEngine(isolation) as engine:
            for _ in range(10):
                container, _ = await start(engine, ("true",))
                await code_of(container)

    asyncio.run(story())
    before = set(os.listdir("/proc/self/fd"))
    asyncio.run(story())
    assert set(os.listdir("/proc/self/fd")) == before
    assert proc.descendants(os.getpid()) == ()
