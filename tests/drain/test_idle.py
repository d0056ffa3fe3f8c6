"""Which connections are idle, busy, or only waited for; with real sockets, since the kernel's figures decide."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from lameduck.drain import idle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's figures of connections are Linux' own")

WITHIN_S = 10.0
A_TICK_S = 0.02
"""The kernel's clock of these figures does not tell times apart that are closer."""


class Pair:
    """A client's end and a server's end of one connection."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.client = socket.create_connection(self.listener.getsockname(), WITHIN_S)
        self.server, _ = self.listener.accept()
        self.server.setblocking(False)
        self.ports: frozenset[int] = frozenset({self.listener.getsockname()[1]})

    def asks(self) -> None:
        self.client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        until(lambda: self.reads() is not None)

    def answers(self) -> None:
        self.server.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        self.client.recv(4096)

    def reads(self) -> bytes | None:
        with contextlib.suppress(BlockingIOError):
            return self.server.recv(4096)
        return None


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    for end in (pair.client, pair.server, pair.listener):
        end.close()


def until(seen: Callable[[], object]) -> None:
    ends = time.monotonic() + WITHIN_S
    while not seen():
        assert time.monotonic() < ends, "not seen in time"
        time.sleep(0.005)


def until_old(pair: Pair) -> None:
    """As old as a connection has to be before it is called idle."""
    began = time.monotonic()
    until(lambda: time.monotonic() > began + idle.IDLE_AFTER_S * 1.5)
    assert idle.end_idle(pair.ports) == 1


def test_a_connection_whose_last_request_is_answered_is_ended(pair: Pair) -> None:
    pair.asks()
    pair.answers()
    until_old(pair)
    assert pair.reads() == b""


def test_a_connection_on_which_nothing_was_ever_asked_is_ended(pair: Pair) -> None:
    until_old(pair)
    assert pair.reads() == b""


def test_a_connection_whose_request_waits_for_its_answer_is_left_alone(pair: Pair) -> None:
    pair.asks()
    until_old(pair)
    assert pair.reads() is None


def test_a_connection_that_was_asked_again_is_left_alone(pair: Pair) -> None:
    pair.asks()
    pair.answers()
    began = time.monotonic()
    until(lambda: time.monotonic() > began + A_TICK_S)
    pair.asks()
    until_old(pair)
    assert pair.reads() is None


def test_a_connection_that_was_just_used_is_left_alone(pair: Pair) -> None:
    pair.asks()
    pair.answers()
    assert idle.end_idle(pair.ports) == 1
    assert pair.reads() is None


def test_a_client_that_has_just_connected_is_expected_to_ask(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "REQUESTS_FOLLOW_WITHIN_S", WITHIN_S)
    assert idle.is_expecting(pair.ports)
    assert not idle.is_expecting(frozenset())
    pair.asks()
    assert not idle.is_expecting(pair.ports)


def test_one_that_has_said_nothing_for_long_is_not(pair: Pair) -> None:
    until(lambda: not idle.is_expecting(pair.ports))


def test_other_connections_of_the_process_are_none_of_ours(pair: Pair) -> None:
    assert list(idle.connections(pair.ports)) == [pair.server.fileno()]
    assert list(idle.connections(frozenset({pair.client.getsockname()[1]}))) == [pair.client.fileno()]


def test_a_client_that_does_not_close_what_the_server_has_closed_is_not_waited_for(pair: Pair) -> None:
    pair.asks()
    pair.server.shutdown(socket.SHUT_WR)
    assert pair.client.recv(1) == b""

    def ended() -> bool:
        idle.end_said(pair.ports)
        return pair.reads() == b""

    until(ended)


def test_what_a_client_has_not_taken_yet_is_still_being_sent(pair: Pair) -> None:
    assert not idle.is_sending(pair.ports)
    with contextlib.suppress(BlockingIOError):
        while True:
            pair.server.send(b"x" * 65536)
    assert idle.is_sending(pair.ports)
    pair.client.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        while pair.client.recv(1 << 20):
            pass
    until(lambda: not idle.is_sending(pair.ports))


def test_a_process_holds_the_sockets_that_it_has_open(pair: Pair) -> None:
    inode = os.fstat(pair.listener.fileno()).st_ino
    assert idle.pid_holds(os.getpid(), inode) is True
    pair.listener.close()
    assert idle.pid_holds(os.getpid(), inode) is False


def test_a_process_that_is_gone_holds_nothing() -> None:
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    assert idle.pid_holds(child, 1) is False
