"""What every engine owes its containers: PID 1's signals, exec beside it, output, exit codes. With real programs."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lameduck.ending.happenings import HookFailure
from lameduck.pod.place import InputError
from lameduck.rehearse.engine import Exit, Isolation, ProcessSpec
from lameduck.rehearse.proc import signal_masks
from lameduck.rehearse.processes import ProcessEngine
from tests.rehearse.containers import (
    DEADLINE_S,
    DEAF,
    REPORTER,
    Output,
    alive,
    code_of,
    eventually,
    gone,
    need,
    need_isolation,
    python,
    start,
)

Play = Callable[[Callable[[ProcessEngine], Awaitable[None]]], None]


@pytest.fixture(params=list(Isolation), ids=lambda isolation: isolation.value)
def isolation(request: pytest.FixtureRequest) -> Isolation:
    chosen: Isolation = request.param
    need_isolation(chosen)
    return chosen


@pytest.fixture
def play(isolation: Isolation) -> Play:
    """Run a story with an engine, bounded in time."""

    def run(story: Callable[[ProcessEngine], Awaitable[None]]) -> None:
        async def told() -> None:
            async with asyncio.timeout(3 * DEADLINE_S), ProcessEngine(isolation) as engine:
                await story(engine)

        asyncio.run(told())

    return run


# Signals.


def test_a_main_process_without_a_handler_survives_the_stop_signal(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF))
        await output.until("ready")
        assert (await container.signal(signal.SIGTERM)).handling == "discarded"  # T54
        assert (await container.exec(("true",))).status == 0  # it lives: only then can a command run beside it
        assert (await container.signal(signal.SIGINT)).handling == "caught"  # Python's own: KeyboardInterrupt
        assert await code_of(container) in (1, 130)

    play(story)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_every_shell_without_a_trap_survives_the_stop_signal(play: Play, shell: str) -> None:
    argv = (need(shell, shell), *(("sh",) if shell == "busybox" else ()), "-c", "echo ready; sleep 600; true")

    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, argv)
        await output.until("ready")
        assert (await container.signal(signal.SIGTERM)).handling == "discarded"  # T55
        assert (await container.exec(("true",))).status == 0
        await container.kill()
        assert await code_of(container) == 137

    play(story)


def test_a_signal_with_a_handler_reaches_the_main_process(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(REPORTER), env={"EXIT": "7"})
        await output.until("ready")
        assert (await container.signal(signal.SIGUSR1)).handling == "caught"
        await output.until("got SIGUSR1")
        reception = await container.signal(signal.SIGTERM)
        assert reception.handling == "caught"
        assert reception.main.startswith(sys.executable)
        assert reception.below == ()
        assert await code_of(container) == 7

    play(story)


def test_ignored_and_blocked_signals_are_told_apart(play: Play) -> None:
    code = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGRTMIN + 3})
print("ready", flush=True)
print("took", signal.sigwait({signal.SIGRTMIN + 3}) - signal.SIGRTMIN, flush=True)
print("took", signal.sigwait({signal.SIGRTMIN + 3}) - signal.SIGRTMIN, flush=True)
signal.pause()
"""

    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(code))
        await output.until("ready")
        assert (await container.signal(signal.SIGTERM)).handling == "ignored"
        assert (await container.signal(signal.SIGUSR2)).handling == "blocked"
        assert (await container.signal(signal.SIGRTMIN + 3)).handling == "blocked"
        await output.until("took 3")
        assert (await container.signal(signal.SIGHUP)).handling == "discarded"  # not what sigwait waits for

    play(story)


def test_a_shell_with_a_second_command_keeps_the_signal_from_the_app(play: Play) -> None:
    dash = need("dash", "dash")

    async def story(engine: ProcessEngine) -> None:
        app = " ".join(f"'{word}'" for word in python(REPORTER.replace("'", '"')))
        container, output = await start(engine, (dash, "-c", f"{app}; true"))
        await output.until("ready")
        reception = await container.signal(signal.SIGTERM)
        assert reception.handling == "discarded"  # T52, T56
        assert reception.main.startswith(dash)
        assert [command.split()[0] for command in reception.below] == [sys.executable]
        assert (await container.exec(("true",))).status == 0
        assert "got SIGTERM" not in output.lines

    play(story)


def test_an_app_that_the_shell_has_execd_gets_the_signal(play: Play) -> None:
    dash = need("dash", "dash")

    async def story(engine: ProcessEngine) -> None:
        app = " ".join(f"'{word}'" for word in python(REPORTER.replace("'", '"')))
        container, output = await start(engine, (dash, "-c", f"exec {app}"))
        await output.until("ready")
        assert (await container.signal(signal.SIGTERM)).handling == "caught"
        await output.until("got SIGTERM")
        assert await code_of(container) == 0

    play(story)


def test_node_without_a_handler_survives_the_stop_signal_as_pid_1(play: Play, isolation: Isolation) -> None:
    node = need("node", "nodejs")

    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, (node, "-e", "console.log('ready'); setInterval(() => {}, 1e6)"))
        await output.until("ready")
        # Node has a handler of its own, that puts the default back and raises the signal again.
        assert (await container.signal(signal.SIGTERM)).handling == "caught"
        if isolation is Isolation.EMULATED:
            assert await code_of(container) == 143  # not so in a pod: emulation.py says it
        else:

            def has_put_the_default_back() -> bool:
                masks = signal_masks(container.pid)
                return masks is not None and masks.handling(signal.SIGTERM) == "default"

            await eventually(has_put_the_default_back)
            assert (await container.exec(("true",))).status == 0

    play(story)


def test_a_signal_to_a_container_that_has_ended_is_gone(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, _ = await start(engine, ("true",))
        assert await code_of(container) == 0
        assert (await container.signal(signal.SIGTERM)).handling == "gone"
        await container.kill()
        assert (await container.exec(("true",))).failure is HookFailure.KILLED

    play(story)


def test_a_container_starts_with_default_dispositions_and_an_empty_mask(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        _, output = await start(engine, ("sh", "-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status; echo end"))
        await output.until("end")
        # The C library keeps signals 32 and 33 for its threads and lets nobody set them (nptl(7)); what a caller of the
        # tests has left in them stays.
        masks = [int(line.split()[1], 16) & ~(0b11 << 31) for line in output.lines[:2]]
        assert masks == [0, 0]

    play(story)


# The container's world.


def test_the_main_process_is_pid_1_and_sees_only_its_own_container(play: Play, isolation: Isolation) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, ("sh", "-c", "echo ready $$; ls /proc; sleep 600; true"))
        line = await output.until("ready")
        await output.until("version")
        if isolation is Isolation.EMULATED:
            assert int(line.split()[1]) == container.pid
        else:
            assert line == "ready 1"
            assert "1" in output.lines
            assert str(os.getpid()) not in output.lines

    play(story)


def test_the_pid_is_the_one_that_this_machine_knows(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF), env={"MARK": f"this machine {os.getpid()}"})
        await output.until("ready")
        assert alive(f"MARK=this machine {os.getpid()}") == [container.pid]

    play(story)


def test_it_has_its_environment_its_directory_and_no_other_descriptors(play: Play, tmp_path: Path) -> None:
    inherited = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    code = """
import os
print("env", sorted(k for k in os.environ if k not in ("LC_CTYPE",)))
print("cwd", os.getcwd())
print("fds", sorted(int(f) for f in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{f}")))
print("stdin", os.readlink("/proc/self/fd/0"), os.getsid(0) == os.getpid(), flush=True)
"""

    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(code), env={"GREETING": "hällo \udce9"}, cwd=tmp_path)
        assert await code_of(container) == 0
        assert output.lines == [
            "env ['GREETING', 'PATH']",
            f"cwd {tmp_path}",
            "fds [0, 1, 2]",
            "stdin /dev/null True",
        ]

    try:
        play(story)
    finally:
        os.close(inherited)


def test_listening_ports_are_found_also_those_of_children(play: Play) -> None:
    code = """
import os, socket, time
a = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    b = socket.create_server(("::1", 0), family=socket.AF_INET6)
    print("ports", a.getsockname()[1], b.getsockname()[1], flush=True)
time.sleep(600)
"""
    with socket.create_server(("127.0.0.1", 0)) as not_its_own:

        async def story(engine: ProcessEngine) -> None:
            container, output = await start(engine, python(code.replace("import os", "import os, _socket")))
            _, first, second = (await output.until("ports")).split()
            found = await container.listening_ports()
            assert found == {("127.0.0.1", int(first)), ("::1", int(second))}
            assert not_its_own.getsockname()[1] not in {port for _, port in found}

        play(story)


# Its end.


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 0", 0), ("exit 42", 42), ("kill -KILL $$; sleep 0.1; exit 9", None), ("exec sleep 600", 137)],
)
def test_the_exit_code_is_as_the_kernel_gave_it(
    play: Play, isolation: Isolation, command: str, code: int | None
) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, _ = await start(engine, ("sh", "-c", command))
        if code == 137:
            await container.kill()
        # PID 1 cannot kill itself: a SIGKILL from inside its namespace is discarded, too.
        wanted = code if code is not None else (137 if isolation is Isolation.EMULATED else 9)
        assert await code_of(container) == wanted

    play(story)


def test_a_handler_that_raises_the_signal_again_shows_143(play: Play, isolation: Isolation) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(REPORTER), env={"EXIT": "143"})
        await output.until("ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 143  # T59

    play(story)


def test_the_end_can_be_awaited_by_many_and_one_that_gives_up_disturbs_nobody(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF))
        await output.until("ready")
        waiters = [asyncio.create_task(container.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        waiters[0].cancel()
        await container.kill()
        assert await asyncio.gather(*waiters[1:]) == [Exit(137), Exit(137)]
        assert await container.wait() == Exit(137)

    play(story)


LEFTOVERS = {
    "a child": "sleep 600 & echo ready; read line < {fifo}",
    "a child in a session of its own": "setsid sleep 600 & echo ready; read line < {fifo}",
    "a daemon that has forked twice": "(setsid sh -c 'sleep 600 & exit' &) ; sleep 0.2; echo ready; read line < {fifo}",
    "a child that ignores signals": "(trap '' TERM HUP INT; sleep 600) & echo ready; read line < {fifo}",
}


@pytest.mark.parametrize("leftover", LEFTOVERS)
def test_whatever_is_left_dies_with_the_main_process(play: Play, tmp_path: Path, leftover: str) -> None:
    marker = f"MARK={tmp_path}"
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def story(engine: ProcessEngine) -> None:
        argv = ("sh", "-c", LEFTOVERS[leftover].format(fifo=fifo))
        container, output = await start(engine, argv, env={"MARK": str(tmp_path)})
        await output.until("ready")
        await eventually(lambda: len(alive(marker)) >= 2)
        fifo.write_text("go\n")
        assert await code_of(container) == 0
        assert alive(marker) == []  # T57: gone already when the end is told

    play(story)


def test_a_storm_of_forks_ends_with_the_main_process(play: Play, tmp_path: Path) -> None:
    code = """
import os, time
for _ in range(4):
    os.fork()
print("ready", flush=True)
until = time.monotonic() + 60
while time.monotonic() < until:  # each of the 16 goes on replacing itself
    if os.fork():
        if os.getpid() == main:
            os.wait()
            continue
        os._exit(0)
""".replace("import os, time", "import os, time\nmain = os.getpid()")

    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(code), env={"MARK": str(tmp_path)})
        await output.until("ready")
        await container.kill()
        assert await code_of(container) == 137
        await gone(f"MARK={tmp_path}")

    play(story)


# Exec: hooks and probes.


def test_a_command_runs_beside_the_main_process_in_its_world(play: Play, isolation: Isolation, tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF), env={"GREETING": "hi"}, cwd=tmp_path)
        await output.until("ready")
        result = await container.exec(
            ("sh", "-c", 'echo "$GREETING $PWD"; echo oops >&2; readlink /proc/self/ns/pid; exit 3')
        )
        assert result.status == 3
        assert result.failure is HookFailure.EXIT_STATUS
        greeting, oops, namespace = result.output.splitlines()
        assert greeting == f"hi {tmp_path}"
        assert oops == "oops"
        assert namespace == os.readlink(f"/proc/{container.pid}/ns/pid")
        assert (namespace == os.readlink("/proc/self/ns/pid")) is (isolation is Isolation.EMULATED)
        assert output.lines[1:] == []  # a hook's output is not the container's (T29)

    play(story)


def test_a_hook_that_says_kill_1_reaches_the_app_or_is_refused(play: Play, isolation: Isolation) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(REPORTER))
        await output.until("ready")
        hook = container.exec(("sh", "-c", "kill -TERM 1; sleep 600"))
        if isolation is Isolation.EMULATED:
            with pytest.raises(InputError, match="which here is not the container's process"):
                await hook
            return
        result = await hook
        await output.until("got SIGTERM")
        assert await code_of(container) == 0
        assert result.failure is HookFailure.KILLED  # T20, T31: it died with its container

    play(story)


def test_a_command_lasts_until_its_background_child_lets_go_of_the_output(play: Play, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF))
        await output.until("ready")
        hook = asyncio.create_task(container.exec(("sh", "-c", f"(read line < {fifo}; echo $line) & echo at once")))
        assert (await container.exec(("sh", "-c", "exit 0"))).status == 0
        assert not hook.done()  # T30: the shell itself is long gone
        await asyncio.to_thread(fifo.write_text, "later\n")
        assert (await hook).output == "at once\nlater\n"
        redirected = await container.exec(("sh", "-c", "sleep 600 > /dev/null 2>&1 & echo at once"))
        assert redirected.output == "at once\n"

    play(story)


def test_a_command_fails_as_killed_when_its_container_ends(play: Play, tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF), env={"MARK": str(tmp_path)})
        await output.until("ready")
        hook = asyncio.create_task(container.exec(("sh", "-c", f"echo begun; touch {tmp_path}/begun; sleep 600")))
        await eventually((tmp_path / "begun").exists)
        await container.kill()
        result = await hook
        assert (result.status, result.failure, result.output) == (None, HookFailure.KILLED, "begun\n")  # T31
        assert alive(f"MARK={tmp_path}") == []

    play(story)


def test_giving_up_on_a_command_does_not_stop_it(play: Play, tmp_path: Path) -> None:
    fifo, done = tmp_path / "fifo", tmp_path / "done"
    os.mkfifo(fifo)

    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF))
        await output.until("ready")
        hook = asyncio.create_task(container.exec(("sh", "-c", f"read line < {fifo}; echo $line > {done}")))
        await asyncio.sleep(0)
        hook.cancel()
        await asyncio.gather(hook, return_exceptions=True)
        await asyncio.to_thread(fifo.write_text, "ran on\n")  # T19
        await eventually(lambda: done.exists() and done.read_text() != "")
        assert done.read_text() == "ran on\n"

    play(story)


def test_a_command_with_a_limit_is_killed_at_the_limit(play: Play, tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF), env={"MARK": str(tmp_path)})
        await output.until("ready")
        result = await container.exec(("sh", "-c", "echo begun; exec sleep 600"), within_s=0.3)
        assert (result.status, result.failure) == (None, HookFailure.KILLED)
        await eventually(lambda: len(alive(f"MARK={tmp_path}")) == 1)  # the main process
        assert (await container.exec(("true",), within_s=10)).status == 0

    play(story)


@pytest.mark.parametrize(
    ("name", "text", "mode", "failure"),
    [
        ("missing", None, 0, HookFailure.NO_SUCH_PROGRAM),
        ("not-executable", "#!/bin/sh\n", 0o644, HookFailure.NOT_EXECUTABLE),
        ("no-interpreter-line", "exit 0\n", 0o755, HookFailure.NOT_EXECUTABLE),
        ("interpreter-missing", "#!/no/such/shell\n", 0o755, HookFailure.NO_SUCH_PROGRAM),
    ],
)
def test_a_command_that_cannot_be_started_says_why(
    play: Play, tmp_path: Path, name: str, text: str | None, mode: int, failure: HookFailure
) -> None:
    program = tmp_path / name
    if text is not None:
        program.write_text(text)
        program.chmod(mode)

    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF))
        await output.until("ready")
        result = await container.exec((str(program),))
        assert (result.status, result.failure) == (None, failure)

    play(story)


def test_a_command_that_writes_without_end_is_neither_blocked_nor_kept(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF))
        await output.until("ready")
        result = await container.exec(("sh", "-c", "head -c 30000000 /dev/zero | tr '\\0' x"))
        assert result.status == 0
        assert result.output == "x" * 4096

    play(story)


def test_many_commands_run_at_the_same_time(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(engine, python(DEAF))
        await output.until("ready")
        results = await asyncio.gather(*(container.exec(("sh", "-c", f"echo {n}; exit {n}")) for n in range(30)))
        assert [(result.status, result.output) for result in results] == [(n, f"{n}\n") for n in range(30)]

    play(story)


# Output.


def test_all_that_was_written_arrives_before_the_end_is_told(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await start(
            engine, ("sh", "-c", r"echo one; echo two >&2; printf 'b\303\244d \377\r\n'; printf 'no newline'")
        )
        assert await code_of(container) == 0
        assert [line for stream, line in output.by_stream if stream == "stdout"] == ["one", "bäd \ufffd", "no newline"]
        assert [line for stream, line in output.by_stream if stream == "stderr"] == ["two"]

    play(story)


def test_a_long_farewell_arrives_before_the_end_is_told(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        code = """
import fcntl, os
fcntl.fcntl(1, 1031, 1 << 20)  # F_SETPIPE_SZ: all of it fits, and is there to be read after the end
for n in range(1500):
    os.write(1, b"%0600d\\n" % n)
"""
        container, output = await start(engine, python(code))
        assert await code_of(container) == 0
        assert [int(line) for line in output.lines] == list(range(1500))

    play(story)


def test_a_container_that_writes_without_end_neither_blocks_nor_fills_the_memory(play: Play) -> None:
    async def story(engine: ProcessEngine) -> None:
        argv = ("sh", "-c", "yes | head -c 30000000; echo; echo last >&2; sleep 600")
        container, output = await start(engine, argv)
        await output.until("last")
        assert len(output.lines) < 40_000  # of 15 million
        assert any("lines left out" in line for line in output.lines)
        await container.kill()
        assert await code_of(container) == 137

    play(story)


# Bad input.


@pytest.mark.parametrize(
    ("name", "text", "mode", "words"),
    [
        ("missing", None, 0, "There is no program"),
        ("not-executable", "#!/bin/sh\n", 0o644, "is not executable for this user. Run: chmod"),
        ("no-interpreter-line", "exit 0\n", 0o755, "nor a script with a #! line. Write #!/bin/sh"),
        ("interpreter-missing", "#!/no/such/shell -e\n", 0o755, "needs the interpreter /no/such/shell, which does not"),
    ],
)
@pytest.mark.parametrize("searched", [True, False], ids=["by PATH", "by path"])
def test_a_main_process_that_cannot_be_started_is_explained(
    play: Play, tmp_path: Path, searched: bool, name: str, text: str | None, mode: int, words: str
) -> None:
    program = tmp_path / name
    if text is not None:
        program.write_text(text)
        program.chmod(mode)
    argv = (name,) if searched else (str(program),)

    async def story(engine: ProcessEngine) -> None:
        with pytest.raises(InputError, match=words) as raised:
            await start(engine, argv, env={"PATH": str(tmp_path)})
        assert str(raised.value).startswith("web-0/app: ")
        assert name in str(raised.value)
        assert (await start(engine, ("/bin/true",)))[0].pid > 0  # the engine is none the worse

    play(story)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            ProcessSpec("web-0", "app", ("true",), {"PATH": "/bin"}, "/no/such/place"),
            "working directory /no/such/place",
        ),
        (ProcessSpec("web-0", "app", (), {}), "has no command"),
        (ProcessSpec("web-0", "app", ("",), {}), "has no command"),
        (ProcessSpec("web-0", "app", ("a\0b",), {}), "NUL"),
        (ProcessSpec("web-0", "app", ("/tmp",), {}), "is a directory"),
    ],
)
def test_other_bad_commands_are_explained(play: Play, spec: ProcessSpec, words: str) -> None:
    async def story(engine: ProcessEngine) -> None:
        with pytest.raises(InputError, match=words):
            await engine.start(spec, Output())

    play(story)
