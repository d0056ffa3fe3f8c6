"""A client that has connected just before the listener closed, and whose request is still on its way, is served."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.drain.servers.asgi_servers import APP, FORMS, Form, started

if TYPE_CHECKING:
    from pathlib import Path

PATIENT = "tests.drain.apps.asgi_patient:drained"
CLIENTS = 12
"""Enough for each worker to have some."""
LATE_S = 0.4
"""Long after a server that closes at once has closed."""
STARTED_WITH_A_MODULE = [form for form in FORMS if APP in form.command]


@pytest.mark.parametrize("form", STARTED_WITH_A_MODULE, ids=str)
def test_a_request_that_is_on_its_way_when_the_lame_duck_ends_is_served(form: Form, tmp_path: Path) -> None:
    form = replace(form, command=tuple(PATIENT if word == APP else word for word in form.command))
    with started(form, tmp_path, LAMEDUCK_LAME_DUCK="1s") as server, contextlib.ExitStack() as clients:
        here = ("127.0.0.1", server.port)
        silent = [clients.enter_context(socket.create_connection(here, 20)) for _ in range(CLIENTS)]
        server.stop()
        server.until(lambda: len(server.steps("lame-duck-ended")) == form.workers)
        time.sleep(LATE_S)
        for client in silent:
            client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        answers = [client.recv(12) for client in silent]
        assert answers == [b"HTTP/1.1 200"] * CLIENTS, server.text()
        assert server.ended(20) == 0, server.text()
