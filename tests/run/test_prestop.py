"""`lameduck prestop`: the exec hook's command, and the run of its own container that it finds."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from lameduck.rehearse.engine import ContainerProcess, ExecResult
from lameduck.rehearse.processes import ProcessEngine
from tests.rehearse.containers import DEADLINE_S, code_of
from tests.run.inits import in_front, play, ready, steps, the_service, told

PRESTOP = (sys.executable, "-m", "lameduck.run", "prestop")


def hook(container: ContainerProcess) -> asyncio.Task[ExecResult]:
    return asyncio.create_task(container.exec(PRESTOP))


def test_prestop_returns_when_the_lame_duck_is_over_and_the_signal_is_passed_on_at_once(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--lame-duck", "700ms", command=the_service(tmp_path, "app"))
        container, output = await ready(engine, command, "app ready")
        result = await hook(container)
        assert result.status == 0, result
        assert "app got SIGTERM" not in output.lines
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        told_steps = [(step["what"], step.get("by")) for step in steps(output)]
        assert told_steps == [
            ("stop-asked", "prestop"),
            ("lame-duck-ended", None),
            ("stop-asked", "SIGTERM"),
            ("signal-forwarded", None),
            ("container-exited", None),
        ]
        assert next(step["t_s"] for step in steps(output) if step["what"] == "lame-duck-ended") >= 0.7

    play(story)


def test_without_a_lame_duck_prestop_returns_at_once(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=the_service(tmp_path, "app")), "app ready")
        assert (await hook(container)).status == 0
        assert "app got SIGTERM" not in output.lines
        await container.kill()

    play(story)


def test_a_signal_that_comes_while_prestop_waits_lets_the_lame_duck_last(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--lame-duck", "1500ms", command=the_service(tmp_path, "app"))
        container, output = await ready(engine, command, "app ready")
        asking = hook(container)
        await output.until(told("stop-asked"))
        await container.signal(signal.SIGTERM)
        await asking
        assert await code_of(container) == 0
        ended = next(step for step in steps(output) if step["what"] == "lame-duck-ended")
        assert ended["why"] == "1.5 s are over"

    play(story)


def test_two_containers_of_a_pod_are_asked_each_by_its_own_hook(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        one, said_by_one = await ready(engine, in_front(command=the_service(tmp_path, "one")), "one ready")
        two, said_by_two = await ready(engine, in_front(command=the_service(tmp_path, "two")), "two ready")
        assert (await hook(two)).status == 0
        await said_by_two.until(told("stop-asked"))
        assert steps(said_by_one) == []
        await one.kill()
        await two.kill()

    play(story)


def test_where_no_run_answers_prestop_fails_and_says_what_to_do(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, _ = await ready(engine, the_service(tmp_path, "app"), "app ready")
        result = await container.exec(PRESTOP)
        assert result.status == 1
        assert "Start the container through it: lameduck run" in result.output
        await container.kill()

    play(story)


def test_a_process_of_another_pid_namespace_is_not_heard(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front(command=the_service(tmp_path, "app")), "app ready")
        # The name is right, and seen in the whole network namespace; who calls it is not.
        name = "\0lameduck-run-" + os.readlink(f"/proc/{container.pid}/ns/mnt")
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(DEADLINE_S)
            asking.connect(name)
            assert await asyncio.to_thread(asking.recv, 10) == b""
        assert steps(output) == []
        await container.kill()

    play(story)
