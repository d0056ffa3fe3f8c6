"""Which connections are busy, and whose they are."""

import os
import socket

import pytest

from lameduck.kernel.tcp_table import ESTABLISHED, TcpSocket, ask_the_kernel, look
from lameduck.run.connections import busy, is_busy, listened_on_by
from tests.kernel.test_tcp_table import pair, through_proc


def test_a_request_that_is_not_read_yet_is_busy_either_way() -> None:
    with pair(socket.AF_INET) as (port, client, _):
        client.sendall(b"request")
        assert busy(ask_the_kernel(times=True), frozenset({port})) == 1
        assert busy(through_proc(), frozenset({port})) == 1


def connection(received_s: float | None, sent_s: float | None, *, owing: bool = False) -> TcpSocket:
    row = TcpSocket(ESTABLISHED, 80, b"", b"", 1, queued=0, inode=1)
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
def test_busy_is_what_has_not_been_answered(row: TcpSocket, answer: bool) -> None:
    assert is_busy(row) is answer


def test_the_ports_a_process_listens_on_are_found() -> None:
    with pair(socket.AF_INET) as (port, _, _):
        found = listened_on_by(look(), [os.getpid()])
        assert port in found
