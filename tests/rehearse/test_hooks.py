"""Lifecycle handlers, carried out as the kubelet does."""

import asyncio
import signal
import socket
from collections.abc import Coroutine
from pathlib import Path

import pytest

from lameduck.ending.happenings import HookFailure
from lameduck.pod.containers import Container, ContainerPort
from lameduck.pod.handlers import Exec, Handler, HttpGet, Sleep, TcpSocket
from lameduck.rehearse.engine import ContainerProcess, ExecResult
from lameduck.rehearse.hooks import HookResult, carry_out
from lameduck.rehearse.processes import ProcessEngine
from tests.rehearse import virtual_time
from tests.rehearse.answering import Pretended, Request, certificate, http_server, reached_at
from tests.rehearse.containers import REPORTER, code_of, python, start

APP = Container("app", at=(), ports=(ContainerPort(80, "web"), ContainerPort(81)))
FINE = ExecResult(0, None, "")


def played(
    handler: Handler, port: int = 1, *, process: ContainerProcess | None = None, host_network: bool = False
) -> Coroutine[None, None, HookResult]:
    return carry_out(
        handler,
        process=process or Pretended(FINE),
        container=APP,
        address=reached_at(port),
        host_network=host_network,
    )


def nobody_listens() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def ok(request: Request) -> tuple[int, list[tuple[str, str]]]:
    return 200, []


def test_http_get_sends_what_the_kubelet_sends() -> None:
    async def story() -> None:
        async with http_server(ok) as (port, seen):
            handler = HttpGet("web", (), url_path="drain?now=1", headers=(("X-Token", "t"), ("Host", "app.example")))
            assert await played(handler, port) == HookResult(None, "answered 200")
            (request,) = seen
            assert request.target == "/drain?now=1"
            assert request.headers == {
                "host": "app.example",
                "user-agent": "kube-lifecycle/1.36",
                "accept": "*/*",
                "x-token": "t",
                "connection": "close",
            }

    asyncio.run(story())


@pytest.mark.parametrize("status", [200, 404, 500, 304])
def test_every_status_is_a_success(status: int) -> None:
    async def story() -> None:
        async with http_server(lambda request: (status, [])) as (port, _):
            assert await played(HttpGet(80, ()), port) == HookResult(None, f"answered {status}")  # T33

    asyncio.run(story())


def test_redirects_are_followed_on_the_same_host_only() -> None:
    def answer(request: Request) -> tuple[int, list[tuple[str, str]]]:
        match request.target:
            case "/":
                return 302, [("Location", "/two")]
            case "/two":
                return 307, [("Location", f"http://{request.headers['host']}/three")]
            case "/three":
                return 301, [("Location", "http://elsewhere.invalid/")]
        return 500, []

    async def story() -> None:
        async with http_server(answer) as (port, seen):
            assert await played(HttpGet(80, ()), port) == HookResult(None, "answered 301")
            assert [request.target for request in seen] == ["/", "/two", "/three"]

    asyncio.run(story())


def test_a_redirect_without_end_is_a_failure() -> None:
    async def story() -> None:
        async with http_server(lambda request: (302, [("Location", "/again")])) as (port, seen):
            result = await played(HttpGet(80, ()), port)
            assert result.failure is HookFailure.CONNECTION
            assert "stopped after 10 redirects" in result.detail
            assert len(seen) == 10

    asyncio.run(story())


def test_a_refused_connection_is_a_failure() -> None:
    result = asyncio.run(played(HttpGet(80, ()), nobody_listens()))
    assert result == HookResult(HookFailure.CONNECTION, "GET / at port 80: Connection refused")


def test_an_answer_that_is_not_http_is_a_failure() -> None:
    async def story() -> None:
        async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"what?\r\n")
            writer.close()

        async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
            result = await played(HttpGet(80, ()), server.sockets[0].getsockname()[1])
            assert result.failure is HookFailure.CONNECTION

    asyncio.run(story())


def test_https_is_not_verified(tmp_path: Path) -> None:
    async def story() -> None:
        async with http_server(ok, certificate(tmp_path)) as (port, _):
            assert await played(HttpGet(80, (), scheme="HTTPS"), port) == HookResult(None, "answered 200")  # T34

    asyncio.run(story())


def test_https_to_a_plain_server_is_repeated_over_http_without_authorization() -> None:
    async def story() -> None:
        async with http_server(ok) as (port, seen):
            handler = HttpGet(80, (), scheme="HTTPS", headers=(("Authorization", "secret"), ("X-Kept", "1")))
            result = await played(handler, port)
            assert result == HookResult(None, "answered 200, over HTTP: the server does not speak TLS")  # T34
            (request,) = seen
            assert "authorization" not in request.headers
            assert request.headers["x-kept"] == "1"

    asyncio.run(story())


def test_a_port_name_is_looked_up_in_the_container() -> None:
    result = asyncio.run(played(HttpGet("admin", ())))
    assert result == HookResult(HookFailure.NO_SUCH_PORT, "the container has no port named 'admin'")


def test_a_pod_in_the_host_s_network_needs_a_host() -> None:
    async def story() -> None:
        assert (await played(HttpGet(80, ()), host_network=True)).failure is HookFailure.NO_ADDRESS  # T35
        async with http_server(ok) as (port, _):
            named = HttpGet(80, (), host="127.0.0.1")  # there, the node's loopback is the pod's, too
            assert (await played(named, port, host_network=True)).failure is None

    asyncio.run(story())


def test_a_host_is_asked_as_it_is_written() -> None:
    async def story() -> None:
        async with http_server(ok) as (port, _):
            named = HttpGet(port, (), host="127.0.0.1")
            assert (await played(named, nobody_listens())).failure is None

    asyncio.run(story())


def test_sleep_waits_and_runs_nothing() -> None:
    async def story() -> float:
        assert await played(Sleep(5, ())) == HookResult(None, "slept 5 s")
        return asyncio.get_running_loop().time()

    assert virtual_time.run(story()) == pytest.approx(5, abs=0.01)


def test_a_tcp_socket_always_fails() -> None:
    async def story() -> None:
        async with http_server(ok) as (port, _):
            assert (await played(TcpSocket(80, ()), port)).failure is HookFailure.NOT_IMPLEMENTED  # T28

    asyncio.run(story())


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (FINE, HookResult(None, "drain exited 0")),
        (
            ExecResult(3, HookFailure.EXIT_STATUS, "no\nway\n"),
            HookResult(HookFailure.EXIT_STATUS, "drain exited 3: no way"),
        ),
        (
            ExecResult(None, HookFailure.NO_SUCH_PROGRAM, "No such file"),
            HookResult(HookFailure.NO_SUCH_PROGRAM, "drain not found"),
        ),
        (
            ExecResult(None, HookFailure.NOT_EXECUTABLE, "Permission denied"),
            HookResult(HookFailure.NOT_EXECUTABLE, "drain cannot be executed: Permission denied"),
        ),
        (
            ExecResult(None, HookFailure.KILLED, ""),
            HookResult(HookFailure.KILLED, "drain was killed, because its container ended"),
        ),
    ],
)
def test_a_command_s_outcome_is_put_in_words(result: ExecResult, expected: HookResult) -> None:
    process = Pretended(result)
    assert asyncio.run(played(Exec(("drain", "--now"), ()), process=process)) == expected
    assert process.asked == [("drain", "--now")]


def test_a_hook_runs_in_a_real_container() -> None:
    async def story() -> None:
        async with ProcessEngine() as engine:
            container, output = await start(engine, python(REPORTER))
            await output.until("ready")
            result = await played(Exec(("sh", "-c", "echo drained"), ()), process=container)
            assert result == HookResult(None, "sh exited 0: drained")
            await container.signal(signal.SIGTERM)
            assert await code_of(container) == 0

    asyncio.run(story())
