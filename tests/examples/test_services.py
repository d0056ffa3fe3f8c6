"""The complete services of examples/drain: each is ended for real, and does what its first lines promise."""

import asyncio
import contextlib
import json
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import websockets

from lameduck.testing import rehearsed
from tests.drain.served import BIN, ROOT, Served, served

EXAMPLES = ROOT / "examples/drain"
COMMANDS = {
    "fastapi": ["uvicorn", "fastapi_service:app", "--port", "{port}"],
    "starlette": ["uvicorn", "starlette_service:app", "--port", "{port}"],
    "flask": ["gunicorn", "-k", "gthread", "--threads", "8", "flask_service:app", "-b", "127.0.0.1:{port}"],
    "django wsgi": ["gunicorn", "-w", "4", "django_service:application", "-b", "127.0.0.1:{port}"],
    "django asgi": ["uvicorn", "django_service:asgi", "--port", "{port}"],
}
DUCK = {"PYTHONPATH": str(EXAMPLES), "LAMEDUCK_LAME_DUCK": "1s", "LAMEDUCK_GRACE_SECONDS": "20"}


@contextlib.contextmanager
def example(name: str, words: Sequence[str], tmp_path: Path, **environ: str) -> Iterator[Served]:
    with served(words, tmp_path / f"{name}.out", environ={**DUCK, **environ}) as server:
        yield server


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_lost_when_it_ends_under_traffic(name: str) -> None:
    words = [str(BIN / COMMANDS[name][0]), *COMMANDS[name][1:]]
    slow = "" if name == "starlette" else ",slow=1@/slow"
    environ = {"PYTHONPATH": str(EXAMPLES)}
    ending = rehearsed(words, rate=30, mix=f"new=5,keepalive=5{slow}", grace_s=25, environ=environ)
    assert ending.graceful, ending.report
    assert ending.lost == ()


def test_fastapi_flushes_while_its_pool_is_open_and_tells_its_socket(tmp_path: Path) -> None:
    async def talk(port: int) -> int | None:
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            server.stop()
            with contextlib.suppress(websockets.ConnectionClosed):
                await socket.recv()
            return socket.close_code

    with example("fastapi", COMMANDS["fastapi"], tmp_path) as server:
        assert asyncio.run(talk(server.port)) == 1001
        assert server.ended() == 0
        text = server.text()
        assert "left with 1001" in text
        assert text.index("flushed, pool open: True") < text.index("pool closed")


def test_starlette_ends_a_subscription_after_a_whole_event(tmp_path: Path) -> None:
    with example("starlette", COMMANDS["starlette"], tmp_path) as server:
        with urllib.request.urlopen(f"{server.url}/events", timeout=20) as stream:
            first = stream.readline()
            server.stop()
            rest = stream.read()
        assert server.ended() == 0
        assert (first + rest).endswith(b"data: tick\n\n")
        assert not server.steps("work-cancelled")
        assert "Traceback" not in server.text()


def complete(server: Served, count: int) -> str:
    """The finish of an answer."""
    body = json.dumps({"prompt": "a", "count": count}).encode()
    with urllib.request.urlopen(f"{server.url}/complete", body, timeout=30) as answer:
        last = answer.read().strip().splitlines()[-1]
    finish: str = json.loads(last.removeprefix(b"data: "))["finish"]
    return finish


def test_tokens_are_streamed_to_their_end_also_to_those_that_wait_for_the_device(tmp_path: Path) -> None:
    words = ["uvicorn", "token_streaming:app", "--port", "{port}"]
    finishes: list[str] = []
    with example("tokens", words, tmp_path) as server:
        asking = [threading.Thread(target=lambda: finishes.append(complete(server, 60))) for _ in range(3)]
        for thread in asking:
            thread.start()
        server.until(lambda: server.text().count("POST /complete") or all(t.is_alive() for t in asking))
        asyncio.run(asyncio.sleep(0.5))  # all three have been sent
        server.stop()
        for thread in asking:
            thread.join(30)
        assert server.ended() == 0
        assert finishes == ["stop"] * 3


def test_an_answer_that_takes_longer_than_the_grace_says_that_it_was_ended(tmp_path: Path) -> None:
    words = ["uvicorn", "token_streaming:app", "--port", "{port}"]
    finishes: list[str] = []
    with example("tokens", words, tmp_path, LAMEDUCK_GRACE_SECONDS="5") as server:
        asking = threading.Thread(target=lambda: finishes.append(complete(server, 10_000)))
        asking.start()
        asyncio.run(asyncio.sleep(0.5))
        server.stop()
        asking.join(30)
        assert server.ended() == 0
        assert finishes == ["server-stopping"]
