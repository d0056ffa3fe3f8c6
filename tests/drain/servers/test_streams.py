"""What the clients of a WebSocket and of an event stream see of an ending: with the library and without it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.drain.asking import Waiting, WebSocket, ask
from tests.drain.served import served

if TYPE_CHECKING:
    from pathlib import Path

GRACE_S = 5.0
APP = "tests.drain.apps.asgi_app:"
GUNICORN = ("gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "--graceful-timeout", "30")
SERVERS = {
    "uvicorn": ("uvicorn", "--port", "{port}"),
    "hypercorn": ("hypercorn", "--bind", "127.0.0.1:{port}"),
    "granian": ("granian", "--port", "{port}", "--interface", "asgi"),
    "gunicorn-asgi": (*GUNICORN, "-k", "asgi"),
    "gunicorn-uvicorn": (*GUNICORN, "-k", "uvicorn_worker.UvicornWorker"),
    "daphne": ("daphne", "-p", "{port}"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """By the clients, and by whoever waits for the server as the kubelet does."""

    websocket: int | None
    """The code that it was closed with; None if it was only cut, or left open."""
    events: str
    """"ended", or "cut" """
    exit_code: int | None
    """None: it had to be killed when the grace was over."""


def ending(server: str, app: str, folder: Path) -> Seen:
    environ = {
        "LAMEDUCK_TERMINATION_LOG": "",
        "LAMEDUCK_LAME_DUCK": "1s",
        "LAMEDUCK_GRACE_SECONDS": f"{GRACE_S:g}",
    }
    with served((*SERVERS[server], APP + app), folder / "out", environ=environ) as process:
        process.until(lambda: ask(process.port, "/").status == 200)
        websocket, events = WebSocket(process.port), Waiting(process.port, "/events", accept="text/event-stream")
        events.until_begun()
        process.stop()
        code: int | None = None
        try:
            code = process.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
        events.until_ended()
        return Seen(websocket.until_closed(), "ended" if events.error is None else "cut", code)


@pytest.mark.parametrize("server", SERVERS)
def test_with_the_library_both_are_told(server: str, tmp_path: Path) -> None:
    assert ending(server, "drained", tmp_path) == Seen(1001, "ended", 0)


WITHOUT: dict[str, tuple[set[int | None], int | None]] = {
    "uvicorn": ({1012}, None),
    "hypercorn": ({1011}, 0),
    "granian": ({None}, None),
    "gunicorn-asgi": ({None, 1011}, 0),
    "gunicorn-uvicorn": ({1012}, None),
    "daphne": ({None}, 0),
}
"""The WebSocket's code (1011 is an internal error, 1012 a restart) and the exit code."""


@pytest.mark.parametrize("server", SERVERS)
def test_without_it_this_is_what_happens(server: str, tmp_path: Path) -> None:
    """Should a server learn to end a stream, this fails, and the library may leave that to it."""
    seen = ending(server, "app", tmp_path)
    websocket, exit_code = WITHOUT[server]
    assert seen.websocket in websocket
    assert (seen.events, seen.exit_code) == ("cut", exit_code)
