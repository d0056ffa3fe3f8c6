"""Through shells: who hears the stop signal behind a script, and who does not."""

import signal
from pathlib import Path

import pytest

from lameduck.rehearse.engine import Isolation
from lameduck.rehearse.processes import ProcessEngine
from lameduck.run import tree
from tests.rehearse.containers import Output, code_of, eventually, python
from tests.run.inits import BOTH, SHELLS, in_front, play, quoted, ready, shell, steps, the_service, told

every_shell = pytest.mark.parametrize("words", SHELLS, ids=" ".join)
both = pytest.mark.parametrize("isolation", BOTH, ids=lambda one: one.value)


def passed_to(output: Output) -> list[str]:
    """The programs that run has passed a signal on to, in order."""
    return [name.partition(" (")[0] for step in steps(output) for name in step.get("to", [])]


@every_shell
@both
def test_a_script_without_exec_or_trap_lets_the_service_hear_it(
    tmp_path: Path, words: tuple[str, ...], isolation: Isolation
) -> None:
    script = f"{quoted(the_service(tmp_path, 'app', 'drains'))}; echo cleaned up"

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=shell(words, script)), "app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        assert [line for line in output.lines if line[0] != "{"][1:] == ["app got SIGTERM", "app drained", "cleaned up"]

    play(story, isolation)


@every_shell
def test_a_script_with_a_trap_keeps_its_own_plan(tmp_path: Path, words: tuple[str, ...]) -> None:
    service = quoted(the_service(tmp_path, "app"))
    script = f"trap 'echo planned; kill -USR1 $app; sleep 0.2; kill $app' TERM; {service} & app=$!; wait; wait; wait"

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=shell(words, script)), "app ready")
        await container.signal(signal.SIGTERM)
        await code_of(container)
        said = [line for line in output.lines if line[0] != "{"][1:]
        assert said == ["planned", "app got SIGUSR1", "app got SIGTERM"]

    play(story)


@every_shell
def test_every_branch_below_a_script_hears_it_once(tmp_path: Path, words: tuple[str, ...]) -> None:
    one, two, three = (quoted(the_service(tmp_path, name)) for name in ("one", "two", "three"))
    script = f"{one} & ( {two}; true ) & {three}; wait"

    async def story(engine: ProcessEngine) -> None:
        command = in_front(command=shell(words, script))
        container, output = await ready(engine, command, "one ready", "two ready", "three ready")
        await container.signal(signal.SIGTERM)
        await code_of(container)
        heard = sorted(line for line in output.lines if " got " in line)
        assert heard == ["one got SIGTERM", "three got SIGTERM", "two got SIGTERM"]

    play(story)


@every_shell
def test_what_reads_the_services_pipe_lives_until_the_service_has_drained(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    script = f"{quoted(the_service(tmp_path, 'app', 'drains'))} | cat; true"

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=shell(words, script)), "app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        assert "app drained" in output.lines
        assert len(passed_to(output)) == 1

    play(story)


@every_shell
def test_a_loop_of_the_script_does_not_outlive_its_logging(tmp_path: Path, words: tuple[str, ...]) -> None:
    script = f'{quoted(the_service(tmp_path, "app", "drains"))} | while read line; do echo "log: $line"; done'

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=shell(words, script)), "log: app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        assert "log: app drained" in output.lines

    play(story)


@every_shell
def test_a_loop_that_starts_the_service_anew_ends(tmp_path: Path, words: tuple[str, ...]) -> None:
    script = f"while true; do {quoted(the_service(tmp_path, 'app'))}; done"

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=shell(words, script)), "app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 143, output.lines

    play(story)


def test_a_shell_that_runs_nothing_hears_it_itself() -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front(command=("dash", "-c", "echo waiting; while :; do :; done"))
        container, _ = await ready(engine, command, "waiting")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 143

    play(story)


MASTER = """
import os, signal, sys, time
def worker(number):
    def told(*_):
        os.write(1, b"worker got TERM\\n")
        os._exit(9)
    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGUSR1, lambda *_: (os.write(1, b"worker drained\\n"), os._exit(0)))
    os.write(1, b"worker ready\\n")
    while True:
        time.sleep(0.05)
workers = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        worker(number)
    workers.append(pid)
def drain(*_):
    for pid in workers:
        os.kill(pid, signal.SIGUSR1)
signal.signal(signal.SIGTERM, drain)
os.write(1, b"master ready\\n")
codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in workers]
sys.exit(max(codes))
"""


@both
def test_a_master_that_drains_its_own_workers_keeps_them(tmp_path: Path, isolation: Isolation) -> None:
    script = f"{quoted(python(MASTER))}; exit $?"

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=("sh", "-c", script)), "master ready")
        await eventually(lambda: output.lines.count("worker ready") == 3)
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        assert output.lines.count("worker drained") == 3
        assert "worker got TERM" not in output.lines

    play(story, isolation)


def test_with_tree_every_descendant_hears_it(tmp_path: Path) -> None:
    worker, master = (quoted(the_service(tmp_path, name)) for name in ("worker", "master"))
    code = f"import os, sys; os.spawnl(os.P_NOWAIT, '/bin/sh', 'sh', '-c', {f'exec {worker}'!r}); "
    code += f"os.execl('/bin/sh', 'sh', '-c', {f'exec {master}'!r})"

    async def story(engine: ProcessEngine) -> None:
        command = in_front("--tree", command=python(code))
        container, output = await ready(engine, command, "master ready", "worker ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        assert "worker got SIGTERM" in output.lines
        assert "master got SIGTERM" in output.lines

    play(story)


@pytest.mark.parametrize("reach", ["--child", "-c"])
def test_with_child_the_shell_alone_hears_it(tmp_path: Path, reach: str) -> None:
    script = f"{quoted(the_service(tmp_path, 'app'))}; true"

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(reach, command=("dash", "-c", script)), "app ready")
        await container.signal(signal.SIGTERM)
        await output.until(told("container-exited"))
        assert passed_to(output)[0] == "dash"
        # The service is an orphan now: it is told too, and waited for.
        assert await code_of(container) == 143
        assert "app got SIGTERM" in output.lines

    play(story)


def test_with_group_the_shell_and_the_service_hear_it(tmp_path: Path) -> None:
    script = f"{quoted(the_service(tmp_path, 'app'))}; true"

    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front("-g", command=("dash", "-c", script)), "app ready")
        await container.signal(signal.SIGTERM)
        await code_of(container)
        assert sorted(passed_to(output))[0] == "dash"
        assert len(passed_to(output)) == 2

    play(story)


DAEMON = """
import os, signal, sys, time
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
def told(*_):
    os.write(1, b"daemon got TERM\\n")
    time.sleep(0.3)
    os.write(1, b"daemon drained\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, told)
os.write(1, b"daemon ready\\n")
while True:
    time.sleep(0.05)
"""


@both
def test_a_daemon_that_forked_twice_is_told_when_the_command_is_gone_and_waited_for(
    tmp_path: Path, isolation: Isolation
) -> None:
    script = f"{quoted(python(DAEMON))}; exec {quoted(the_service(tmp_path, 'app', 'drains'))}"

    async def story(engine: ProcessEngine) -> None:
        command = in_front(command=("sh", "-c", script))
        container, output = await ready(engine, command, "daemon ready", "app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        said = [line for line in output.lines if line.startswith(("app drained", "daemon got", "daemon drained"))]
        assert said == ["app drained", "daemon got TERM", "daemon drained"]

    play(story, isolation)


def test_what_a_command_leaves_behind_at_an_end_of_its_own_is_told_and_killed_in_time(tmp_path: Path) -> None:
    script = f"{quoted(the_service(tmp_path, 'app', 'stays'))} & sleep 0.5; exit 3"

    async def story(engine: ProcessEngine) -> None:
        command = in_front("--left-within", "500ms", command=("sh", "-c", script))
        container, output = await ready(engine, command, "app ready")
        assert await code_of(container) == 3
        assert "app got SIGTERM" in output.lines
        assert [step["what"] for step in steps(output)][-1] == "kill-sent"

    play(story)


def test_with_wait_all_the_end_of_the_command_is_no_stop(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--wait-all", command=("sh", "-c", f"{quoted(python(DAEMON))}; exit 4"))
        container, output = await ready(engine, command, "daemon ready")
        await eventually(lambda: programs_below(container.pid) == ["python"])
        await container.signal(signal.SIGHUP)  # the daemon handles none, and ends
        assert await code_of(container) == 4
        assert "daemon got TERM" not in output.lines

    play(story)


def programs_below(pid: int) -> list[str]:
    """What the living children of a process run, without version numbers."""
    return [tree.program(child).rstrip("0123456789.") for child in tree.children().get(pid, [])]
