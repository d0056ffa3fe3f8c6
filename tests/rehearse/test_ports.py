"""Ports for replicas: free, and kept from other rehearsals until their servers have bound them."""

import random
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lameduck.rehearse.ports import Ports, free_port


@contextmanager
def ports() -> Iterator[Ports]:
    held = Ports()
    try:
        yield held
    finally:
        held.close()


def test_a_port_that_somebody_listens_on_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port(set())
    with socket.create_server(("127.0.0.1", port)):
        offers = iter([port, port + 1])
        monkeypatch.setattr(random, "choice", lambda _: next(offers))
        assert free_port(set()) == port + 1


@pytest.mark.skipif(sys.platform != "linux", reason="abstract socket names are Linux'; to run this test: use Linux")
def test_two_rehearsals_at_a_time_never_take_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with ports() as one, ports() as other:
        port = one.take()
        offers = iter([port, port + 1])
        monkeypatch.setattr(random, "choice", lambda _: next(offers))
        assert other.take() == port + 1


@pytest.mark.skipif(sys.platform != "linux", reason="abstract socket names are Linux'; to run this test: use Linux")
def test_a_port_is_given_back_when_the_rehearsal_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with ports() as one:
        port = one.take()
    with ports() as other:
        monkeypatch.setattr(random, "choice", lambda _: port)
        assert other.take() == port
