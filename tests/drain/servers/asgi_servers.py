"""The ASGI servers, in the forms in which they are started, and one whole ending of each."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.drain.asking import Answer, KeptAlive, Waiting, WebSocket, ask
from tests.drain.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = "tests.drain.apps.asgi_app:drained"


@dataclass(frozen=True, slots=True)
class Form:
    """One way to start a server."""

    name: str
    command: tuple[str, ...]
    workers: int = 1
    parent: bool = False
    """The signal goes to a process that does not serve."""

    def __str__(self) -> str:
        return self.name


def uvicorn(name: str, *options: str, workers: int = 1) -> Form:
    command = ("uvicorn", APP, "--port", "{port}", *options)
    return Form(f"uvicorn-{name}", command, workers, workers > 1)


def hypercorn(name: str, *options: str, workers: int = 1) -> Form:
    command = ("hypercorn", APP, "--bind", "127.0.0.1:{port}", *options)
    return Form(f"hypercorn-{name}", command, workers, True)


def granian(name: str, *options: str, workers: int = 1) -> Form:
    command = ("granian", APP, "--port", "{port}", "--interface", "asgi", *options)
    return Form(f"granian-{name}", command, workers, True)


UVICORN = (
    uvicorn("httptools", "--http", "httptools", "--loop", "uvloop", "--ws", "websockets-sansio"),
    uvicorn("h11", "--http", "h11", "--loop", "asyncio", "--ws", "wsproto"),
    uvicorn("websockets", "--http", "httptools", "--loop", "asyncio", "--ws", "websockets"),
    uvicorn("workers", "--workers", "2", workers=2),
    Form("uvicorn-embedded", (sys.executable, "-m", "tests.drain.apps.embedded_uvicorn", "{port}")),
)
HYPERCORN = (
    hypercorn("asyncio"),
    hypercorn("uvloop", "--worker-class", "uvloop"),
    hypercorn("workers", "--workers", "2", workers=2),
    Form("hypercorn-embedded", (sys.executable, "-m", "tests.drain.apps.embedded_hypercorn", "{port}")),
)
GRANIAN = (
    granian("uvloop"),
    granian("asyncio", "--loop", "asyncio", "--runtime-mode", "mt"),
    granian("workers", "--workers", "2", workers=2),
)
RELOADING = (
    uvicorn("reload", "--reload", "--reload-dir", "tests/drain/apps"),
    hypercorn("reload", "--reload"),
)
FORMS = (*UVICORN, *HYPERCORN, *GRANIAN)


@dataclass(frozen=True, slots=True)
class Ending:
    """What the clients saw, and what the server wrote, from SIGTERM on."""

    fresh: Answer
    """A new connection in the lame duck."""
    ready_before: int
    readiness: int
    kept_alive: Answer
    kept_alive_closed: bool
    slow: Waiting
    events: Waiting
    tokens: Waiting
    websocket_code: int | None
    exit_code: int
    took_s: float
    server: Served

    @property
    def output(self) -> str:
        return self.server.text()


def started(form: Form, tmp_path: Path, **environ: str) -> contextlib.AbstractContextManager[Served]:
    """A server of this form, all of whose workers serve."""
    return until_all_serve(form, tmp_path, environ)


@contextlib.contextmanager
def until_all_serve(form: Form, tmp_path: Path, environ: dict[str, str]) -> Iterator[Served]:
    with served(form.command, tmp_path / "out", environ={"LAMEDUCK_TERMINATION_LOG": "", **environ}) as server:
        server.until(lambda: server.text().count("lifespan.startup") >= form.workers)
        server.until(lambda: ask(server.port, "/").status == 200)
        yield server


def end_under_work(form: Form, tmp_path: Path) -> Ending:
    """Stop a server with one of each kind of work in flight."""
    with started(form, tmp_path, LAMEDUCK_LAME_DUCK="1s", LAMEDUCK_GRACE_SECONDS="20") as server:
        port = server.port
        ready_before = ask(port, "/readyz").status
        kept = KeptAlive(port)
        assert not kept.ask("/").asks_to_close
        websocket = WebSocket(port)
        events, tokens = Waiting(port, "/events"), Waiting(port, "/tokens", "POST")
        events.until_begun()
        tokens.until_begun()
        slow = Waiting(port, "/slow")
        began = time.monotonic()
        server.stop()
        server.until(lambda: len(server.steps("stop-asked")) >= form.workers)
        fresh, readiness = ask(port, "/"), ask(port, "/readyz").status
        kept_answer = kept.ask("/")
        closed = kept.is_closed()
        kept.close()
        for request in (slow, events, tokens):
            request.until_ended()
        websocket_code = websocket.until_closed()
        exit_code = server.ended()
        took_s = time.monotonic() - began
        return Ending(
            fresh,
            ready_before,
            readiness,
            kept_answer,
            closed,
            slow,
            events,
            tokens,
            websocket_code,
            exit_code,
            took_s,
            server,
        )
