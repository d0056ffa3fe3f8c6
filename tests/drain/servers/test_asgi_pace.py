"""Requests that come so fast that they are only passed on: they are in the account all the same, and end as well."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lameduck import drain
from lameduck.drain.interposing import Interposed
from lameduck.drain.process import Process
from lameduck.drain.servers import asgi_pace
from lameduck.drain.states import State
from tests.drain.asking import KeptAlive, Waiting, ask, http_scope
from tests.drain.servers.asgi_servers import APP, GRANIAN, HYPERCORN, UVICORN, Form, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY = [
    replace(form, command=tuple(word.replace(APP, "tests.drain.apps.asgi_busy:drained") for word in form.command))
    for form in (*UVICORN[:3], HYPERCORN[0], *GRANIAN[:2])
]


class Client:
    """Asks an application without a server."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.sent: list[Any] = []

    async def ask(self, path: str, *headers: tuple[bytes, bytes]) -> None:
        await self.app(http_scope(path, (b"host", b"test"), *headers), self.receive, self.send)

    async def receive(self) -> Any:
        raise AssertionError("nobody asks")

    async def send(self, message: Any) -> None:
        self.sent.append(message)


async def app(scope: Any, _receive: Any, send: Any) -> None:
    if scope["path"] == "/fails":
        raise ValueError("the application's own")
    if scope["path"] == "/slow":
        await asyncio.sleep(30)
    kind = b"text/event-stream" if scope["path"] == "/events" else b"text/plain"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    if scope["path"] in ("/begun", "/events"):
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await asyncio.sleep(30)
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    process = Process()
    process.interposed = Interposed()  # as one that stands; no signal is touched
    monkeypatch.setattr(process, "stand", lambda *_: True)
    monkeypatch.setattr(drain, "_process", process)
    monkeypatch.setattr(asgi_pace, "BUSY_FROM_PER_S", 100.0)
    yield process
    process.interposed.leave_to_parent()


async def hurried(client: Client) -> None:
    """As many quick requests as it takes."""
    for _ in range(2 * asgi_pace.LOOKS_EVERY + 1):
        await client.ask("/")


async def under_way(client: Client, path: str, *headers: tuple[bytes, bytes]) -> asyncio.Task[None]:
    task = asyncio.ensure_future(client.ask(path, *headers))
    await asyncio.sleep(0)
    return task


async def gone(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_few_requests_are_attended_to(process: Process) -> None:
    async def serve() -> None:
        client = Client(drain.asgi(app))
        for _ in range(asgi_pace.LOOKS_EVERY // 2):
            await client.ask("/")
        slow = await under_way(client, "/slow")
        assert [work.name for work in process.works.all.values()] == ["GET /slow"]
        await gone(slow)
        assert process.works.listed() == []

    asyncio.run(serve())


def test_many_are_passed_on_and_found_when_somebody_asks(process: Process) -> None:
    async def serve() -> None:
        client = Client(drain.asgi(app))
        await hurried(client)
        slow = [await under_way(client, "/slow") for _ in range(3)]
        assert not process.works.all
        assert len(process.works) == 3
        assert [work.name for work in process.works.finite()] == ["GET /slow"] * 3
        await gone(slow[0])
        assert len(process.works) == 2
        await gone(*slow)
        assert process.works.listed() == []

    asyncio.run(serve())


def test_a_stream_that_its_client_declares_is_attended_to(process: Process) -> None:
    async def serve() -> None:
        client = Client(drain.asgi(app))
        await hurried(client)
        events = await under_way(client, "/events", (b"accept", b"text/event-stream"))
        assert [work.endless for work in process.works.all.values()] == [True]
        await gone(events)

    asyncio.run(serve())


def test_an_error_is_the_applications_own(process: Process) -> None:
    async def serve() -> None:
        client = Client(drain.asgi(app))
        await hurried(client)
        with pytest.raises(ValueError, match="the application's own"):
            await client.ask("/fails")
        assert not process.works.all

    asyncio.run(serve())


def test_from_the_stop_on_all_are_attended_to_and_those_under_way_are_known(process: Process) -> None:
    async def serve() -> None:
        client = Client(drain.asgi(app))
        await hurried(client)
        before = await under_way(client, "/slow")
        process.leaving = True
        await asyncio.to_thread(process.entered, State.LAME_DUCK)
        await asyncio.sleep(0.05)
        after = await under_way(client, "/slow")
        assert len(process.works.all) == 1
        assert [work.name for work in process.works.finite()] == ["GET /slow"] * 2
        client.sent.clear()
        await client.ask("/")
        assert (b"connection", b"close") in client.sent[0]["headers"]
        await gone(before, after)
        assert process.works.listed() == []

    asyncio.run(serve())


@pytest.mark.parametrize(("path", "status"), [("/slow", 503), ("/begun", None)])
def test_one_that_is_cancelled_is_answered_unless_its_answer_has_begun(
    process: Process, path: str, status: int | None
) -> None:
    """Whether it has begun is the server's to know: it takes no second one."""

    class Strict(Client):
        begun = False

        async def send(self, message: Any) -> None:
            if message["type"] == "http.response.start":
                assert not self.begun, "a second answer"
                self.begun = True
            await super().send(message)

    async def serve() -> None:
        await hurried(Client(wrapped))
        client = Strict(wrapped)
        task = await under_way(client, path)
        client.sent.clear()
        process.leaving = True
        process.entered(State.LAME_DUCK)
        (work,) = process.works.finite()
        work.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled() == (status is None)
        assert [message.get("status") for message in client.sent][:1] == ([] if status is None else [status])

    wrapped = drain.asgi(app)
    asyncio.run(serve())


def test_a_stop_that_is_taken_back_begins_anew(process: Process) -> None:
    async def serve() -> None:
        client = Client(drain.asgi(app))
        for _ in range(2):
            await hurried(client)
            slow = await under_way(client, "/slow")
            assert not process.works.all
            process.entered(State.LAME_DUCK)
            await asyncio.sleep(0)
            assert len(process.works) == 1
            await gone(slow)
            process.entered(State.SERVING)

    asyncio.run(serve())


@pytest.mark.parametrize("form", BUSY, ids=str)
def test_what_was_passed_on_by_a_real_server_is_finished(form: Form, tmp_path: Path) -> None:
    with started(form, tmp_path, LAMEDUCK_LAME_DUCK="2s", LAMEDUCK_GRACE_SECONDS="20") as server:
        port = server.port
        kept = KeptAlive(port)
        for _ in range(4):
            kept.ask("/")
        events = Waiting(port, "/events", accept="text/event-stream")
        events.until_begun()
        tokens = Waiting(port, "/tokens", "POST")
        tokens.until_begun()
        slow = Waiting(port, "/slow")
        kept.ask("/")  # the others have begun by now
        server.stop()
        assert server.until_step("stop-asked")["in_flight"] >= 2, server.text()
        server.until(lambda: ask(port, "/").asks_to_close, 1.5)  # when the loop has heard of it
        assert kept.ask("/").asks_to_close
        kept.close()
        for request in (slow, events, tokens):
            request.until_ended()
        assert (slow.error, slow.status, slow.body) == (None, 200, b"ok")
        assert (tokens.error, tokens.body.count(b"data:")) == (None, 20)
        assert events.error is None
        assert re.fullmatch(rb"(data: \d+\n\n)+", events.body), events.body
        assert server.ended() == 0, server.text()
        assert "Traceback" not in server.text(), server.text()


@pytest.mark.parametrize("form", BUSY, ids=str)
def test_what_was_passed_on_by_a_real_server_is_named_at_the_deadline(form: Form, tmp_path: Path) -> None:
    environ = {"LAMEDUCK_LAME_DUCK": "0.3s", "LAMEDUCK_GRACE_SECONDS": "4", "APP_SLOW_S": "25"}
    with started(form, tmp_path, **environ) as server:
        for _ in range(4):
            assert ask(server.port, "/").status == 200
        slow = Waiting(server.port, "/slow")
        assert ask(server.port, "/").status == 200
        server.stop()
        slow.until_ended()
        assert slow.status == 503, server.text()
        server.ended()
        assert [step["unfinished"] for step in server.steps("stopped")] == [["GET /slow"]], server.text()
