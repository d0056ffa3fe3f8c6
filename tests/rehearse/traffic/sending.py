"""What the tests of the traffic share: servers that do exactly what a test says, and a run of traffic against them."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from lameduck.ending.requests import Fate, Request
from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic import Backend, Traffic, TrafficPlan, parse_mix

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[int]:
    """The port of a server on loopback that lasts as long as the block. Ended connections are no errors."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(one(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tuple(tasks), return_exceptions=True)
        await server.wait_closed()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """A request's head."""
    return await reader.readuntil(b"\r\n\r\n")


def says(response: bytes, *, then_reset: bool = False) -> Handler:
    """A server that reads one head, says this, and closes (or resets)."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(response)
        await writer.drain()
        if then_reset:
            reset(writer)

    return handle


async def keeps_alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A correct HTTP/1.1 server: answers `ok`, keeps the connection unless asked to close it."""
    while True:
        head = await read_head(reader)
        closing = b"connection: close" in head.lower()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n")
        writer.write(b"Connection: close\r\n\r\nok" if closing else b"\r\nok")
        if closing:
            return


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Backends:
    """A balancer whose backends a test changes as it likes; they take turns."""

    ports: list[int]
    number_of_views: int = 1
    picks: list[int] = field(default_factory=list)

    def views(self) -> int:
        return self.number_of_views

    def pick(self, view: int) -> Backend | None:
        self.picks.append(view)
        if not self.ports:
            return None
        port = self.ports[len(self.picks) % len(self.ports)]
        return Backend(f"pod-{port}", "127.0.0.1", port)


async def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 (the traffic has no events for this, and needs none)
            await asyncio.sleep(0.01)


class Run:
    """One run of traffic with what came of it.

    `strict`: we are on time, or our own lateness is counted. Otherwise a busy test machine is late without a word, for
    the sake of tests whose subject is what becomes of a request.
    """

    def __init__(self, backends: Backends, mix: str, rate: float, *, strict: bool = False, **plan: Any) -> None:
        self._begun = time.monotonic()
        self.requests: list[Request] = []
        whole = TrafficPlan(rate=rate, mix=parse_mix(mix), **plan)
        bounds = {} if strict else {"late_s": Seconds(60), "stall_s": Seconds(60)}
        self.traffic = Traffic(whole, backends, self.clock, self.requests.append, **bounds)

    def clock(self) -> Seconds:
        """The run's time."""
        return Seconds(time.monotonic() - self._begun)

    async def send(self, for_s: float, settle_s: float = 3.0) -> list[Request]:
        """All requests of a run of some seconds."""
        asyncio.get_running_loop().call_later(for_s, self.traffic.stop)
        await self.traffic.run()
        await self.traffic.settle(Seconds(settle_s))
        return self.requests

    @property
    def lost(self) -> list[Request]:
        """The lost ones."""
        return [request for request in self.requests if request.fate.lost]


async def one_request(port: int, mix: str, for_s: float = 0.1, settle_s: float = 3.0, **plan: Any) -> Request:
    """The record of a single request; `for_s` below 1, or there would be a second."""
    requests = await Run(Backends([port]), mix, rate=1, **plan).send(for_s, settle_s)
    assert len(requests) == 1
    return requests[0]


async def fate_of(handle: Handler, mix: str = "new=1", **plan: Any) -> tuple[Fate, str]:
    """What becomes of a single request against a server."""
    async with serving(handle) as port:
        request = await one_request(port, mix, **plan)
    return request.fate, request.detail
