"""The answer to a readiness probe, in each state, on a port of its own."""

from __future__ import annotations

import contextlib
import http.client
import socket
from typing import TYPE_CHECKING

import pytest

from lameduck.drain.process import Process
from lameduck.drain.readiness import answer, serve
from lameduck.drain.settings import Settings
from tests.drain.child import child
from tests.drain.served import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The steps between the states are made one by one: each of them is asked for from outside, by its line.
PROGRAM = """
import os, signal, socket, sys, threading, time
from lameduck import drain
from lameduck.drain.readiness import serve

@drain.on_stop
def hook():
    print("cleaning up")
    go_on["hook"].wait()

def listen():
    for line in sys.stdin:
        go_on[line.strip()].set()

go_on = {name: threading.Event() for name in ("work", "hook", "leave")}
threading.Thread(target=listen, daemon=True).start()
service = socket.create_server(("127.0.0.1", 0))
port = serve(drain.here(), 0, "127.0.0.1")
drain.here().on_state.append(lambda state: print(state.value))
drain.stand()
print("port", port)
drain.stopping.wait()
with drain.work("job"):
    go_on["work"].wait()
drain.finish()
go_on["leave"].wait()
"""


def ask(port: int, path: str = "/") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.getheader("Content-Type") == "text/plain"
        return response.status, response.read().decode()


def test_the_answer_is_honest_in_every_state(tmp_path: Path) -> None:
    with child(PROGRAM, tmp_path, LAMEDUCK_LAME_DUCK="1s") as its:
        port = int(its.until("port").split()[1])
        assert ask(port) == (200, "serving\n")
        its.signal()
        its.until("lame duck")
        assert ask(port) == (503, "lame duck\n")
        its.until("draining")
        assert ask(port) == (503, "draining\n")
        its.say("work")
        its.until("cleaning up")
        assert ask(port) == (503, "cleaning up\n")
        its.say("hook")
        its.until("stopped")
        assert ask(port) == (503, "stopped\n")
        its.say("leave")
        assert its.ended() == 0, its.text()


SERVING = """
import sys
from lameduck import drain
from lameduck.drain.readiness import serve
print("port", serve(drain.here(), 0, "127.0.0.1"), drain.here().own_ports)
sys.stdin.read()
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a process that serves. In one of its own, because it listens until its end."""
    with child(SERVING, tmp_path) as its:
        _, port, own_ports = its.until("port").split()
        assert own_ports == f"{{{port}}}"
        yield int(port)


def test_clients_that_say_nothing_or_leave_do_not_keep_the_probe_from_being_answered(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as silent:
        for _ in range(20):
            socket.create_connection(("127.0.0.1", port)).close()
        assert ask(port) == (200, "serving\n")
        # The probe was answered first: the silent one has still got nothing, not even its connection's end.
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.recv(1)


def test_whatever_is_asked_is_answered(port: int) -> None:
    for asked in (b"HEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x00", b"GET " + b"x" * 100_000):
        with socket.create_connection(("127.0.0.1", port), 10) as client, contextlib.suppress(ConnectionError):
            client.sendall(asked)
            assert client.recv(100).startswith(b"HTTP/1.0 200 OK\r\n")
    assert ask(port, "/anything")[0] == 200


def test_a_port_that_is_taken_is_said() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match="Address already in use"):
        serve(Process(Settings(tell=False, termination_log="")), port, "127.0.0.1")


def test_a_pod_stays_ready_when_only_one_of_its_processes_is_replaced() -> None:
    process = Process(Settings(tell=False, termination_log=""))
    process.leaving = process.alone = True

    assert answer(process) == (200, b"serving\n")
