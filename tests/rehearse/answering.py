"""Small real servers for hooks and probes, and a container process that runs nothing."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import h11

from lameduck.pod.containers import Container
from lameduck.rehearse.engine import ExecResult, Exit, Reception
from tests.rehearse.containers import need

__all__ = ["Pretended", "Request", "certificate", "http_server", "reached_at"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in; header names in lower case."""

    target: str
    headers: dict[str, str]


Answer = Callable[[Request], tuple[int, list[tuple[str, str]]]]


@asynccontextmanager
async def http_server(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[Request]]]:
    """A server on 127.0.0.1 that answers as it is told; its port, and the requests it has seen."""
    seen: list[Request] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        try:
            while True:
                event = http.next_event()
                if event is h11.NEED_DATA:
                    http.receive_data(await reader.read(4096))
                elif isinstance(event, h11.Request):
                    request = Request(
                        event.target.decode(), {name.decode(): value.decode() for name, value in event.headers}
                    )
                    seen.append(request)
                    status, headers = answer(request)
                    writer.write(
                        http.send(h11.Response(status_code=status, headers=[*headers, ("Content-Length", "2")]))
                    )
                    writer.write(http.send(h11.Data(b"ok")) + http.send(h11.EndOfMessage()))
                else:
                    break
        except h11.RemoteProtocolError:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


def certificate(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody has signed."""
    openssl = need("openssl", "openssl")
    subprocess.run(
        [
            openssl,
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key",
            "-out",
            "cert",
            "-subj",
            "/CN=nobody",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context


def reached_at(port: int) -> Callable[[Container, int], tuple[str, int]]:
    """Whatever the container's port: it is reached there, on 127.0.0.1."""
    return lambda container, number: ("127.0.0.1", port)


@dataclass
class Pretended:
    """A container whose commands answer what they are told to, after the time they are told."""

    result: ExecResult | Callable[[], ExecResult]
    takes_s: float = 0.0
    pid: int = 4711
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def exec(self, argv: tuple[str, ...], *, within_s: float | None = None) -> ExecResult:
        self.asked.append(argv)
        await asyncio.sleep(self.takes_s if within_s is None else min(self.takes_s, within_s))
        return self.result if isinstance(self.result, ExecResult) else self.result()

    async def signal(self, signum: int) -> Reception:
        raise NotImplementedError

    def handling(self, signum: int) -> str:
        raise NotImplementedError

    def listens(self) -> bool:
        raise NotImplementedError

    async def kill(self) -> None:
        raise NotImplementedError

    async def wait(self) -> Exit:
        raise NotImplementedError

    async def listening_ports(self) -> frozenset[tuple[str, int]]:
        raise NotImplementedError
