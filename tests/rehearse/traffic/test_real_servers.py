"""The same fates from servers that others wrote."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lameduck.ending.requests import ClientKind, Fate, Request
from tests.rehearse.traffic.sending import Backends, Run, closed_port

APP = textwrap.dedent(
    """
    import asyncio

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/events":
            for _ in range(100):
                await send({"type": "http.response.body", "body": b"data: tick\\n\\n", "more_body": True})
                await asyncio.sleep(0.1)
        if scope["path"] == "/slow":
            await asyncio.sleep(0.5)
        await send({"type": "http.response.body", "body": b"ok"})
    """
)


@contextmanager
def running(command: list[str], port: int, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server that listens on the port, ended in any case."""
    with (cwd / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=cwd, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                text = (cwd / "server.log").read_text()
                assert server.poll() is None, text
                assert time.monotonic() < deadline, f"{command[0]} does not listen: {text}"
                time.sleep(0.05)
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)  # nginx' worker, too
        server.wait()


def uvicorn(port: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "error", *more]


def nginx(port: int, cwd: Path) -> list[str]:
    (cwd / "nginx.conf").write_text(
        f"""
        {"user root;" if os.geteuid() == 0 else ""}
        daemon off; worker_processes 1; pid {cwd}/nginx.pid; error_log {cwd}/error.log;
        events {{ worker_connections 2000; }}
        http {{
          access_log off; root {cwd};
          client_body_temp_path {cwd}/body; proxy_temp_path {cwd}/proxy; fastcgi_temp_path {cwd}/fastcgi;
          uwsgi_temp_path {cwd}/uwsgi; scgi_temp_path {cwd}/scgi;
          server {{
            listen 127.0.0.1:{port};
            location / {{ return 200 "ok"; }}
            location /slow {{ limit_rate 10k; alias {cwd}/large; }}
          }}
        }}
        """
    )
    (cwd / "large").write_bytes(b"x" * 30_000)
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    return [program, "-p", str(cwd), "-c", str(cwd / "nginx.conf")]


def fates(requests: list[Request]) -> dict[ClientKind, Counter[Fate]]:
    found: dict[ClientKind, Counter[Fate]] = {}
    for request in requests:
        found.setdefault(request.kind, Counter())[request.fate] += 1
    return found


EVERYTHING = "new=5,keepalive=5,slow=1@/slow,upload:300ms=1,sse:500ms=1@/events,websocket:500ms=1@/ws"


@pytest.mark.parametrize("websockets", ["wsproto", "websockets-sansio"])
def test_uvicorn_answers_every_kind_of_client(tmp_path: Path, websockets: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    port = closed_port()

    async def story() -> None:
        run = Run(Backends([port]), EVERYTHING, rate=60, rtt_s=0.01)
        requests = await run.send(for_s=3, settle_s=10)
        assert run.lost == []
        assert set(fates(requests)) == set(ClientKind)
        assert {request.fate for request in requests} == {Fate.OK}

    with running(uvicorn(port, "--ws", websockets), port, tmp_path):
        asyncio.run(story())


def test_a_killed_uvicorn_cuts_streams_resets_what_it_had_not_answered_and_then_refuses(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    port = closed_port()

    async def story(server: subprocess.Popen[bytes]) -> None:
        run = Run(Backends([port]), EVERYTHING.replace("500ms", "30s"), rate=60, rtt_s=0.01)
        asyncio.get_running_loop().call_later(2, server.kill)
        requests = await run.send(for_s=3, settle_s=10)
        found = fates(requests)
        for kind in (ClientKind.SSE, ClientKind.WEBSOCKET):
            assert found[kind][Fate.CUT] >= 1, found
            assert not found[kind][Fate.OK], found
        assert found[ClientKind.SLOW][Fate.CUT] + found[ClientKind.SLOW][Fate.RESET] >= 1, found
        assert found[ClientKind.NEW][Fate.REFUSED] >= 5, found
        assert found[ClientKind.NEW][Fate.OK] >= 10, found

    with running(uvicorn(port), port, tmp_path) as server:
        asyncio.run(story(server))


def test_a_terminated_uvicorn_closes_websockets_with_a_close_frame(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    port = closed_port()

    async def story(server: subprocess.Popen[bytes]) -> None:
        run = Run(Backends([port]), "websocket:30s=1", rate=10)
        asyncio.get_running_loop().call_later(0.5, run.traffic.stop)
        asyncio.get_running_loop().call_later(1, server.send_signal, signal.SIGTERM)
        await run.traffic.run()
        async with asyncio.timeout(20):
            while run.traffic.in_flight:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        run.traffic.close()
        assert {(request.fate, request.detail) for request in run.requests} == {
            (Fate.OK, "closed by the server with code 1012")
        }

    with running(uvicorn(port, "--ws", "wsproto"), port, tmp_path) as server:
        asyncio.run(story(server))


def test_python_http_server_that_speaks_http_1_0_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("hello")
    port = closed_port()

    async def story() -> None:
        run = Run(Backends([port]), "new=1,keepalive=1,new:HEAD=1", rate=50)
        requests = await run.send(for_s=2)
        assert {(request.fate, request.status, request.reused) for request in requests} == {(Fate.OK, 200, False)}

    with running([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], port, tmp_path):
        asyncio.run(story())


def test_python_http_server_refuses_a_post_with_501(tmp_path: Path) -> None:
    port = closed_port()

    async def story() -> None:
        requests = await Run(Backends([port]), "new:POST=1", rate=20).send(for_s=0.5)
        # It answers without reading the body: closing with unread bytes is a RST, which may overtake the answer.
        assert {request.fate for request in requests} <= {Fate.SERVER_ERROR, Fate.RESET}
        assert Fate.SERVER_ERROR in {request.fate for request in requests}

    with running([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], port, tmp_path):
        asyncio.run(story())


def test_nginx_ends_downloads_at_once_on_term_and_lets_them_finish_on_quit(tmp_path: Path) -> None:
    async def story(
        server: subprocess.Popen[bytes], port: int, stop: signal.Signals
    ) -> Counter[tuple[Fate, int | None]]:
        run = Run(Backends([port]), "slow=1@/slow", rate=20)
        asyncio.get_running_loop().call_later(0.2, run.traffic.stop)
        asyncio.get_running_loop().call_later(0.25, server.send_signal, stop)
        await run.traffic.run()
        await run.traffic.settle(run.traffic.plan.request_timeout_s)
        return Counter((request.fate, request.status) for request in run.requests)

    for stop, fate in ((signal.SIGTERM, Fate.CUT), (signal.SIGQUIT, Fate.OK)):
        port = closed_port()
        with running(nginx(port, tmp_path), port, tmp_path) as server:
            found = asyncio.run(story(server, port, stop))
        assert set(found) == {(fate, 200)}
        assert found.total() >= 3


def test_nginx_loses_nothing_at_500_requests_a_second_from_any_distance(tmp_path: Path) -> None:
    """Some seconds of benchmarks/no_false_losses.py."""
    port = closed_port()

    async def story(rtt_s: float) -> None:
        run = Run(
            Backends([port]), "new=5,keepalive=4,upload:500ms=1", strict=True, rate=500, rtt_s=rtt_s, pool_size=100
        )
        requests = await run.send(for_s=3, settle_s=10)
        assert run.lost == []
        assert len(requests) >= 1000, run.traffic.pressure.sentence()
        assert {request.fate for request in requests} == {Fate.OK}

    with running(nginx(port, tmp_path), port, tmp_path):
        for rtt_s in (0, 0.001, 0.05):
            asyncio.run(story(rtt_s))


def test_at_a_rate_we_cannot_hold_we_say_so_and_blame_nobody(tmp_path: Path) -> None:
    port = closed_port()

    async def story() -> None:
        run = Run(Backends([port]), "new=1,keepalive=1", strict=True, rate=50_000)
        await run.send(for_s=2, settle_s=10)
        assert not run.traffic.pressure.held
        assert "did not hold the rate" in run.traffic.pressure.sentence()
        assert run.lost == []

    with running(nginx(port, tmp_path), port, tmp_path):
        asyncio.run(story())
