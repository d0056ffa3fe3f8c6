"""What the kernel tells of TCP sockets: the same through sock_diag and through /proc."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from lameduck.kernel import tcp_table
from lameduck.kernel.tcp_table import (
    ALL,
    CLOSE_WAIT,
    ESTABLISHED,
    LISTEN,
    TIME_WAIT,
    TcpSocket,
    ask_the_kernel,
    look,
    rows_of,
)


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


def through_proc() -> list[TcpSocket]:
    return [*rows_of("/proc/net/tcp"), *rows_of("/proc/net/tcp6")]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["v4", "v6"])
def test_sock_diag_and_proc_tell_the_same_of_a_port(family: socket.AddressFamily) -> None:
    with pair(family) as (port, client, _):
        peer, peer_port = client.getsockname()[:2]
        for rows in (ask_the_kernel(), through_proc()):
            found = {row.state: row for row in rows if row.port == port}
            found.pop(TIME_WAIT, None)  # somebody had this port before
            assert set(found) == {LISTEN, ESTABLISHED}
            connected = found[ESTABLISHED]
            assert connected.address == connected.peer == socket.inet_pton(family, peer)
            assert connected.peer_port == peer_port
            assert connected.key == (port, connected.address, peer_port, connected.peer)


def test_states_are_picked_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with pair(socket.AF_INET) as (port, client, _):
        client.shutdown(socket.SHUT_WR)

        def states(wanted: frozenset[int]) -> list[int]:
            return [row.state for row in look(wanted) if row.port == port]

        for _ in range(2):
            assert states(frozenset({CLOSE_WAIT})) == [CLOSE_WAIT]
            assert states(ALL - {CLOSE_WAIT, TIME_WAIT}) == [LISTEN]
            monkeypatch.setattr(tcp_table, "ask_the_kernel", refused)


def test_when_the_last_data_came_is_told_if_it_is_asked_for() -> None:
    with pair(socket.AF_INET) as (port, client, server):
        client.sendall(b"request")
        server.recv(10)
        for times in (True, False):
            (row,) = (row for row in look(frozenset({ESTABLISHED}), times=times) if row.port == port)
            assert (row.received_s is not None, row.sent_s is not None, row.owing) == (times, times, times)


def refused(states: frozenset[int], *, times: bool) -> list[TcpSocket]:
    raise PermissionError


def test_where_sock_diag_is_not_allowed_proc_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_table, "ask_the_kernel", refused)
    with pair(socket.AF_INET) as (port, _, _):
        assert any(row.port == port and row.received_s is None for row in look(times=True))
