"""The end of a stream that meets the application's own next message."""

from __future__ import annotations

import asyncio
from typing import Any

from lameduck.drain.process import Process
from lameduck.drain.servers.asgi import ASGI
from tests.drain.asking import http_scope


def test_the_last_message_is_sent_before_the_server_sees_the_application_leave() -> None:
    seen: list[str] = []

    async def send(message: Any) -> None:
        await asyncio.sleep(0)
        seen.append("end" if not message.get("more_body", True) else message["type"])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        for stream in process.streams.values():
            stream.tell()
        await asyncio.sleep(0)  # it is being ended now
        await send({"type": "http.response.body", "body": b"data: 2\n\n", "more_body": True})

    async def serve() -> None:
        await wrapped(http_scope("/"), receive, send)
        seen.append("left")

    async def receive() -> Any:
        raise AssertionError("nobody asks")

    wrapped = ASGI(app)
    process = wrapped.process = Process()
    wrapped.works = process.works.all
    wrapped.stood = True
    asyncio.run(serve())
    assert seen == ["http.response.start", "http.response.body", "end", "left"]
