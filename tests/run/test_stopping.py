"""The stop as a drain: lame duck, busy connections, escalation, the kill before the grace ends, and the hooks."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from lameduck.rehearse.engine import Isolation
from lameduck.rehearse.processes import ProcessEngine
from tests.rehearse.containers import Output, code_of, eventually, gone, python
from tests.run.inits import BOTH, in_front, play, ready, steps, the_service, told

both = pytest.mark.parametrize("isolation", BOTH, ids=lambda one: one.value)


def order(output: Output) -> list[str]:
    return [step["what"] for step in steps(output)]


def why(output: Output, what: str) -> str:
    return str(next(step for step in steps(output) if step["what"] == what)["why"])


@both
def test_the_service_hears_nothing_while_the_lame_duck_lasts(tmp_path: Path, isolation: Isolation) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--lame-duck", "700ms", command=the_service(tmp_path, "app"))
        container, output = await ready(engine, command, "app ready")
        await container.signal(signal.SIGTERM)
        os.kill(container.pid, signal.SIGUSR1)  # what is no stop is passed on meanwhile
        assert await code_of(container) == 0
        assert [line for line in output.lines if " got " in line] == ["app got SIGUSR1", "app got SIGTERM"]
        assert order(output) == ["stop-asked", "lame-duck-ended", "signal-forwarded", "container-exited"]
        passed_on = next(step for step in steps(output) if step["what"] == "signal-forwarded")
        assert passed_on["t_s"] >= 0.7

    play(story, isolation)


def test_a_second_signal_ends_the_lame_duck(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--lame-duck", "1h", command=the_service(tmp_path, "app"))
        container, output = await ready(engine, command, "app ready")
        await container.signal(signal.SIGTERM)
        await output.until(told("stop-asked"))
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        assert why(output, "lame-duck-ended") == "a second signal"

    play(story)


@both
def test_a_child_that_ends_while_the_lame_duck_lasts_ends_all(tmp_path: Path, isolation: Isolation) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def story(engine: ProcessEngine) -> None:
        command = in_front("--lame-duck", "1h", command=("sh", "-c", "echo ready; read line < $0; exit 5", str(fifo)))
        container, output = await ready(engine, command, "ready")
        await container.signal(signal.SIGTERM)
        await output.until(told("stop-asked"))
        await asyncio.to_thread(fifo.write_text, "end\n")
        assert await code_of(container) == 5
        assert order(output) == ["stop-asked", "container-exited"]

    play(story, isolation)


SERVER = """
import os, signal, socket, sys, threading, time
listening = socket.create_server(("127.0.0.1", 0), backlog=64)
signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"app got SIGTERM\\n"), os._exit(0)))
print("port", listening.getsockname()[1], flush=True)
def serve(connection):
    with connection:
        while data := connection.recv(4096):
            if data != b"quick":
                time.sleep(float(data))
            connection.sendall(b"done")
while True:
    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
"""


async def port_of(output: Output) -> int:
    return int((await output.until("port")).split()[1])


CLIENT = """
import fcntl, struct
lo = struct.pack("16sh14x", b"lo", 1)
fcntl.ioctl(socket.socket(), 0x8914, lo)  # SIOCSIFFLAGS: up
def knock(*_):
    def knocks():
        for _ in range(15):
            socket.create_connection(listening.getsockname()).close()  # gone before anybody looks
            time.sleep(0.2)
        os.write(1, b"last\\n")
    threading.Thread(target=knocks, daemon=True).start()
signal.signal(signal.SIGUSR1, knock)
"""


def test_an_adaptive_lame_duck_lasts_as_long_as_new_connections_come() -> None:
    # In a network of its own, as a pod's: the other connections of this machine would be new ones too.
    server = python(SERVER.replace("signal.signal", CLIENT + "signal.signal", 1))
    options = ("--lame-duck", "100ms..1h", "--quiet-time", "1500ms")

    async def story(engine: ProcessEngine) -> None:
        command = ("unshare", "--net", *in_front(*options, command=server))
        container, output = await ready(engine, command, "port")
        await container.signal(signal.SIGTERM)
        os.kill(container.pid, signal.SIGUSR1)
        assert await code_of(container) == 0
        said = [line if line[0] != "{" else json.loads(line)["what"] for line in output.lines]
        assert said.index("last") < said.index("lame-duck-ended")
        assert why(output, "lame-duck-ended") == "no new connection for 1.5 s"

    play(story)


@both
def test_a_busy_connection_holds_the_signal_back_and_an_idle_one_does_not(tmp_path: Path, isolation: Isolation) -> None:
    async def story(engine: ProcessEngine) -> None:
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = python(SERVER.replace('("127.0.0.1", 0)', f'("127.0.0.1", {port})'))
        container, output = await ready(engine, in_front("--drain-ports", str(port), command=server), "port")
        with (
            contextlib.closing(socket.create_connection(("127.0.0.1", port))) as idle,
            contextlib.closing(socket.create_connection(("127.0.0.1", port))) as busy,
        ):
            idle.sendall(b"quick")
            assert idle.recv(10) == b"done"
            busy.sendall(b"2")
            await container.signal(signal.SIGTERM)
            await output.until(told("drain-started"))
            assert await asyncio.to_thread(busy.recv, 10) == b"done"
            assert "app got SIGTERM" not in output.lines
            assert await code_of(container) == 0
        assert why(output, "signal-forwarded") == "no connection is busy"

    play(story, isolation)


def test_draining_ends_in_time_although_a_connection_stays_busy() -> None:
    async def story(engine: ProcessEngine) -> None:
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = python(SERVER.replace('("127.0.0.1", 0)', f'("127.0.0.1", {port})'))
        command = in_front("--drain-ports", str(port), "--drain-within", "1s", command=server)
        container, output = await ready(engine, command, "port")
        with contextlib.closing(socket.create_connection(("127.0.0.1", port))) as busy:
            busy.sendall(b"30")
            await container.signal(signal.SIGTERM)
            assert await code_of(container) == 0
        assert why(output, "signal-forwarded") == "1 connections are still busy"

    play(story)


@both
def test_a_child_that_ignores_the_signal_is_killed_before_the_grace_ends(tmp_path: Path, isolation: Isolation) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--grace", "1500ms", command=the_service(tmp_path, "app", "stays"))
        container, output = await ready(engine, command, "app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 137
        assert order(output) == ["stop-asked", "signal-forwarded", "kill-sent", "container-exited"]

    play(story, isolation)


def test_the_whole_tree_is_killed_with_it(tmp_path: Path) -> None:
    marker = f"TREE_{os.getpid()}"
    fork = "import os, signal, time\nfor s in (1, 15): signal.signal(s, signal.SIG_IGN)\n"
    fork += "for _ in range(5): os.fork()\nos.write(1, b'ready\\n')\nwhile True: time.sleep(0.05)"

    async def story(engine: ProcessEngine) -> None:
        command = in_front(command=python(fork))
        container, output = await ready(engine, command, LAMEDUCK_GRACE_SECONDS="2", MARKER=marker)
        await eventually(lambda: output.lines.count("ready") == 32)
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 137
        await gone(marker)

    play(story, Isolation.EMULATED)


def test_a_second_stop_signal_follows_where_it_is_asked_for(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front(
            *("--second-after", "300ms", "--second-signal", "QUIT"), command=the_service(tmp_path, "app", "stays")
        )
        container, output = await ready(engine, command, "app ready")
        await container.signal(signal.SIGTERM)
        await output.until("app got SIGQUIT")
        await container.kill()

    play(story)


def test_it_leaves_at_once_when_all_are_gone_however_long_the_grace(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--grace", "1h", "--second-after", "30m", command=the_service(tmp_path, "app"))
        container, _ = await ready(engine, command, "app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0

    play(story)


@both
def test_the_hooks_run_when_the_stop_begins_and_when_all_is_gone(tmp_path: Path, isolation: Isolation) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front(
            *("--on-stop", "sh -c 'sleep 0.3; echo deregistered'", "--on-exit", "echo 'all tidy'"),
            command=the_service(tmp_path, "app"),
        )
        container, output = await ready(engine, command, "app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        said = [line for line in output.lines if line[0] != "{"][1:]
        assert said == ["deregistered", "app got SIGTERM", "all tidy"]
        outcomes = [step["outcome"] for step in steps(output) if step["what"] == "hook-finished"]
        assert outcomes == ["ok", "ok"]

    play(story, isolation)


@pytest.mark.parametrize(
    ("hook", "outcome"),
    [("sleep 60", "outlasted"), ("false", "failed"), ("no-such-program", "failed"), ("'", "failed")],
)
def test_a_hook_that_fails_or_hangs_does_not_hold_the_stop(tmp_path: Path, hook: str, outcome: str) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--on-stop", hook, "--hook-within", "500ms", command=the_service(tmp_path, "app"))
        container, output = await ready(engine, command, "app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        assert [step["outcome"] for step in steps(output) if step["what"] == "hook-finished"] == [outcome]

    play(story)


def test_the_signals_that_ask_for_the_stop_are_chosen(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        command = in_front("--stop-on", "QUIT", "--lame-duck", "1h", command=the_service(tmp_path, "app", "stays"))
        container, output = await ready(engine, command, "app ready")
        await container.signal(signal.SIGTERM)
        await output.until("app got SIGTERM")  # just a signal here
        await container.signal(signal.SIGQUIT)
        await output.until(told("stop-asked"))
        assert "app got SIGQUIT" not in output.lines
        await container.kill()

    play(story)
