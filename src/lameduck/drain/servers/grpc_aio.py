"""gRPC's own server, with asyncio: `calls = drain.grpc_aio()`, an interceptor, which then stands before the signals.

    async def serve():
        calls = drain.grpc_aio(endless=("/shop.Orders/Watch",))
        server = grpc.aio.server(interceptors=[calls])
        await server.start()
        calls.stand(server, health)          # health: grpc_health.v1.health.aio.HealthServicer, if there is one
        await server.wait_for_termination()

    asyncio.run(drain.program(serve()))      # so that hooks run in its loop

What happens is what grpc.py tells. Here an endless stream can be ended at any moment, not only when it sends.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
from typing import TYPE_CHECKING, Any

from lameduck.drain import here
from lameduck.drain.servers.grpc import (
    ALWAYS_ENDLESS,
    CANCELS_BY_ITSELF_S,
    GOES_AWAY,
    GRPC,
    begun,
    behavior_of,
    handler_like,
)
from lameduck.drain.states import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from lameduck.drain.process import Process
    from lameduck.drain.server import Server

__all__ = ["grpc_aio"]


def grpc_aio(*, endless: tuple[str, ...] = ()) -> Any:
    """An interceptor that counts calls, and has the process end without dropping them."""
    from grpc.aio import ServerInterceptor

    class Calls(ServerInterceptor):  # type: ignore[misc]
        def __init__(self) -> None:
            self.process = here()
            self.endless = ALWAYS_ENDLESS | set(endless)

        async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], about: Any) -> Any:
            handler = await continuation(about)
            if handler is None:
                return None
            return handler_like(handler, counted(self.process, about.method, self.endless, behavior_of(handler)))

        def stand(self, server: Any, health: Any = None) -> None:
            """Stand before the signals, once the server has started. In its loop, in the main thread."""
            serving = GrpcServer(self.process, server, self.process.server)
            self.process.stand(serving)
            if health is not None:
                self.process.on_state.append(
                    lambda state: (
                        serving.in_loop(health.enter_graceful_shutdown()) if state is State.LAME_DUCK else None
                    )
                )

    return Calls()


def counted(process: Process, method: str, endless: frozenset[str], behavior: Any) -> Any:
    """The same behavior, of the same kind: grpc.aio looks whether it is a coroutine function or a generator."""

    async def coroutine(request: Any, context: Any) -> Any:
        with begun(process, method, endless, context) as call:
            if not call.endless:
                return await behavior(request, context)
            ended, call.end = told_in_loop()
            running = asyncio.ensure_future(behavior(request, context))
            if await first(running, ended):
                return running.result()
            return await go_away(context)

    async def responses(request: Any, context: Any) -> AsyncIterator[Any]:
        with begun(process, method, endless, context) as call:
            answers = behavior(request, context)
            if not call.endless:
                async for answer in answers:
                    yield answer
                return
            ended, call.end = told_in_loop()
            try:
                while True:
                    coming = asyncio.ensure_future(anext(answers, None))
                    if not await first(coming, ended):
                        break
                    answer = coming.result()
                    if answer is None:  # no message is None
                        return
                    yield answer
            finally:
                await answers.aclose()
            await go_away(context)

    def plain(request: Any, context: Any) -> Any:
        """One without async, which grpc.aio runs in a thread."""
        with begun(process, method, endless, context):
            return behavior(request, context)

    def plain_responses(request: Any, context: Any) -> Any:
        with begun(process, method, endless, context):
            yield from behavior(request, context)

    if inspect.isasyncgenfunction(behavior):
        return responses
    if inspect.iscoroutinefunction(behavior):
        return coroutine
    return plain_responses if inspect.isgeneratorfunction(behavior) else plain


async def first(running: asyncio.Future[Any], ended: asyncio.Future[None]) -> bool:
    """Whether it is done before the other one; if not, or when the caller is cancelled, it is cancelled, and over."""
    try:
        await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
        return running.done()
    finally:
        if not running.done():
            running.cancel()
            await asyncio.wait({running})


def told_in_loop() -> tuple[asyncio.Future[None], Callable[[], object]]:
    """A future, and what makes it done from any thread."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: None if ended.done() else ended.set_result(None))

    return ended, end


async def go_away(context: Any) -> None:
    from grpc import StatusCode

    await context.abort(StatusCode.UNAVAILABLE, GOES_AWAY)


class GrpcServer:
    """A grpc.aio server. When it has stopped, the program goes on: wait_for_termination returns, and what stood before
    the signals (drain.program, a handler of its own) has its turn."""

    name = GRPC

    def __init__(self, process: Process, server: Any, before: Server | None) -> None:
        self.process = process
        self.server = server
        self.before = before
        self.loop = asyncio.get_running_loop()
        self.kept: set[asyncio.Task[Any]] = set()
        self.hurried = False

    def in_loop(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Any thread."""

        def begin() -> None:
            task = self.loop.create_task(coroutine)
            self.kept.add(task)
            task.add_done_callback(self.kept.discard)

        self.loop.call_soon_threadsafe(begin)

    def stop(self) -> None:
        self.in_loop(self.finish_calls())

    async def finish_calls(self) -> None:
        await self.server.stop(self.process.remaining_s() + CANCELS_BY_ITSELF_S)
        assert self.process.interposed is not None
        if self.before is not None:
            self.before.stop()
        elif not self.process.interposed.default(signal.SIGTERM):
            self.process.interposed.let_through(signal.SIGTERM)

    def hurry(self) -> None:
        if not self.hurried:
            self.hurried = True
            self.in_loop(self.server.stop(0))
