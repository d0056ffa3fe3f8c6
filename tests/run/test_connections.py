"""What the kernel tells of connections: the same through sock_diag and through /proc, and what is busy in it."""

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from lameduck.run import connections
from lameduck.run.connections import ESTABLISHED, LISTEN, Connection, busy, is_busy, listened_on_by, rows_of


@contextlib.contextmanager
def pair(family: socket.AddressFamily) -> Iterator[tuple[int, socket.socket, socket.socket]]:
    """A port, and both ends of a connection to it."""
    address = "127.0.0.1" if family is socket.AF_INET else "::1"
    with socket.create_server((address, 0), family=family) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection((address, port)) as client:
            server, _ = listening.accept()
            with server:
                yield port, client, server


def through_proc() -> list[Connection]:
    return [*rows_of("/proc/net/tcp"), *rows_of("/proc/net/tcp6")]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["v4", "v6"])
def test_sock_diag_and_proc_tell_the_same_of_a_port(family: socket.AddressFamily) -> None:
    with pair(family) as (port, _, _):
        for rows in (connections.ask_the_kernel(), through_proc()):
            states = sorted(row.state for row in rows if row.port == port)
            assert states == [ESTABLISHED, LISTEN]


def test_a_request_that_is_not_read_yet_is_busy_either_way() -> None:
    with pair(socket.AF_INET) as (port, client, _):
        client.sendall(b"request")
        assert busy(connections.ask_the_kernel(), frozenset({port})) == 1
        assert busy(through_proc(), frozenset({port})) == 1


def connection(received_s: float | None, sent_s: float | None, *, owing: bool = False) -> Connection:
    row = Connection(ESTABLISHED, 80, (), 0, 1)
    row.received_s, row.sent_s, row.owing = received_s, sent_s, owing
    return row


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        (connection(3.0, 9.0), True),  # a request after the last response
        (connection(9.0, 3.0), False),  # answered, and idle since
        (connection(9.0, 0.2), True),  # a response in pieces
        (connection(61.0, 99.0), False),  # no request: nobody has answered it for a minute
        (connection(5.0, 5.0), False),  # answered within one tick
        (connection(5.0, 5.0, owing=True), True),  # came within one tick of the last response, and is not answered
        (connection(None, None), True),  # nobody can tell
    ],
)
def test_busy_is_what_has_not_been_answered(row: Connection, answer: bool) -> None:
    assert is_busy(row) is answer


def test_the_ports_a_process_listens_on_are_found() -> None:
    with pair(socket.AF_INET) as (port, _, _):
        found = listened_on_by(connections.look(), [os.getpid()])
        assert port in found


def test_where_sock_diag_is_not_allowed_proc_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> list[Connection]:
        raise PermissionError

    monkeypatch.setattr(connections, "ask_the_kernel", refused)
    with pair(socket.AF_INET) as (port, _, _):
        assert any(row.port == port and row.received_s is None for row in connections.look())
