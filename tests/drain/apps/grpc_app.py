"""A gRPC server without generated code, with threads or, as `aio`, with asyncio: messages are bytes.

`Echo` at once, `Slow` after the seconds it is asked for, `Count` (stream) to the number it is asked for, ten a second,
`Watch` (stream) a beat ten times a second for ever, `Still` (stream) one message and then nothing.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from lameduck import drain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ENDLESS = ("/naps.Naps/Watch", "/naps.Naps/Still")
BARE = bool(os.environ.get("BARE"))


class Naps:
    def Echo(self, request: bytes, _context: Any) -> bytes:  # noqa: N802
        return request

    def Slow(self, request: bytes, _context: Any) -> bytes:  # noqa: N802
        print("slow begins", flush=True)
        time.sleep(float(request))
        return b"slow"

    def Count(self, request: bytes, _context: Any) -> Iterator[bytes]:  # noqa: N802
        for number in range(int(request)):
            yield b"%d" % number
            time.sleep(0.1)

    def Watch(self, _request: bytes, context: Any) -> Iterator[bytes]:  # noqa: N802
        while context.is_active():
            yield b"beat"
            time.sleep(0.1)

    def Still(self, _request: bytes, context: Any) -> Iterator[bytes]:  # noqa: N802
        ended = threading.Event()
        context.add_callback(ended.set)
        yield b"still"
        ended.wait()


class AioNaps:
    async def Echo(self, request: bytes, _context: Any) -> bytes:  # noqa: N802
        return request

    async def Slow(self, request: bytes, _context: Any) -> bytes:  # noqa: N802
        print("slow begins", flush=True)
        await asyncio.sleep(float(request))
        return b"slow"

    async def Count(self, request: bytes, _context: Any) -> AsyncIterator[bytes]:  # noqa: N802
        for number in range(int(request)):
            yield b"%d" % number
            await asyncio.sleep(0.1)

    async def Watch(self, _request: bytes, _context: Any) -> AsyncIterator[bytes]:  # noqa: N802
        while True:
            yield b"beat"
            await asyncio.sleep(0.1)

    async def Still(self, _request: bytes, context: Any) -> None:  # noqa: N802
        await context.write(b"still")
        await asyncio.Event().wait()


def handlers(naps: Any) -> Any:
    unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    methods = {name: unary(getattr(naps, name)) for name in ("Echo", "Slow")}
    methods |= {name: stream(getattr(naps, name)) for name in ("Count", "Watch", "Still")}
    return grpc.method_handlers_generic_handler("naps.Naps", methods)


@drain.on_stop(within=1)
async def flush() -> None:
    print("flushed", flush=True)


def serve(port: str) -> None:
    calls = None if BARE else drain.grpc(endless=ENDLESS)
    server = grpc.server(ThreadPoolExecutor(20), interceptors=[] if calls is None else [calls])
    server.add_generic_rpc_handlers((handlers(Naps()),))
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    if calls is not None:
        calls.stand(server, checks)
    server.wait_for_termination()
    print("terminated", flush=True)


async def serve_aio(port: str) -> None:
    calls = None if BARE else drain.grpc_aio(endless=ENDLESS)
    server = grpc.aio.server(interceptors=[] if calls is None else [calls])
    server.add_generic_rpc_handlers((handlers(AioNaps()),))
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    if calls is not None:
        calls.stand(server, checks)
    await server.wait_for_termination()
    print("terminated", flush=True)


if __name__ == "__main__":
    kind, port = sys.argv[1:]
    if kind == "threads":
        serve(port)
    elif BARE:
        asyncio.run(serve_aio(port))
    else:
        asyncio.run(drain.program(serve_aio(port)))
