"""gRPC's own server, with threads: `calls = drain.grpc()`, an interceptor, which then stands before the signals.

    calls = drain.grpc(endless=("/shop.Orders/Watch",))
    server = grpc.server(pool, interceptors=[calls])
    server.start()
    calls.stand(server, health)              # health: grpc_health.v1.health.HealthServicer, if there is one
    server.wait_for_termination()

By itself grpcio has no signal handler: SIGTERM kills it with every call. From the stop on, health says NOT_SERVING, so
that clients that watch it go elsewhere; calls are served up to the end of the lame duck; then server.stop sends GOAWAY,
refuses new calls (UNAVAILABLE, which clients may send again elsewhere) and waits for those in flight, up to the time
that the grace leaves. GOAWAY cannot be sent earlier without refusing calls as well: for clients that stay on one
connection set the option grpc.max_connection_age_ms.

A stream is work that is finished, unless its method is named in `endless`: then it ends with UNAVAILABLE at its own
time in the lame duck. Health's Watch and the reflection are. Read with grpcio 1.85; grpc_aio.py is for grpc.aio.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from lameduck.drain import here
from lameduck.drain.farewells import HEEDS_THE_END_WITHIN_S
from lameduck.drain.plain import Plain
from lameduck.drain.states import State
from lameduck.drain.works import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lameduck.drain.process import Process

__all__ = ["GOES_AWAY", "Call", "grpc", "handler_like"]

HEALTH = "/grpc.health.v1.Health/"
ALWAYS_ENDLESS = frozenset(
    {
        f"{HEALTH}Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    }
)
GOES_AWAY = "the server goes away"
GRPC = "grpc"
CANCELS_BY_ITSELF_S = 1.0
"""How long after our deadline for work the server's own is: ours comes first, and names what is cancelled."""


class Call(Stream):
    """One RPC in flight."""

    def __init__(self, process: Process, method: str, endless: bool) -> None:
        self.process = process
        self.name = method
        self.endless = endless
        self.since = time.monotonic()
        self.told = False
        self.end: Callable[[], object] | None = None
        """Ends it from any thread: set by whoever can."""

    def __enter__(self) -> Call:
        self.process.works.all[id(self)] = self
        if self.endless:
            self.process.streams[id(self)] = self
        return self

    def __exit__(self, *raised: object) -> None:
        self.process.works.all.pop(id(self), None)
        self.process.streams.pop(id(self), None)

    def tell(self) -> None:
        if not self.told:
            self.told = True
            if self.end is not None:
                self.end()

    def cancel(self) -> None:
        """All calls end at the same time, with the server's stop."""
        server = self.process.server
        if server is not None and server.name == GRPC:
            server.hurry()


def begun(process: Process, method: str, endless: frozenset[str], context: Any) -> Call:
    """A call that has come."""
    if process.leaving and not method.startswith(HEALTH):
        process.arrived(peer_of(context.peer()))
    return Call(process, method, method in endless)


def peer_of(text: str) -> tuple[str, int] | None:
    """`ipv4:127.0.0.1:5555` or `ipv6:%5B::1%5D:5555`, as a socket has it."""
    family, _, address = text.partition(":")
    host, _, port = address.rpartition(":")
    if family not in ("ipv4", "ipv6") or not port.isdigit():
        return None
    return host.replace("%5B", "").replace("%5D", "").strip("[]"), int(port)


def handler_like(handler: Any, behavior: Any) -> Any:
    """The RPC's handler, with another behavior."""
    import grpc as its

    name = f"{'stream' if handler.request_streaming else 'unary'}_{'stream' if handler.response_streaming else 'unary'}"
    make = getattr(its, f"{name}_rpc_method_handler")
    return make(
        behavior,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


def behavior_of(handler: Any) -> Any:
    """The function of the servicer."""
    if handler.request_streaming:
        return handler.stream_stream if handler.response_streaming else handler.stream_unary
    return handler.unary_stream if handler.response_streaming else handler.unary_unary


def grpc(*, endless: tuple[str, ...] = ()) -> Any:
    """An interceptor that counts calls, and has the process end without dropping them."""
    import grpc as its

    class Calls(its.ServerInterceptor):  # type: ignore[misc]
        def __init__(self) -> None:
            self.process = here()
            self.endless = ALWAYS_ENDLESS | set(endless)

        def intercept_service(self, continuation: Callable[[Any], Any], about: Any) -> Any:
            handler = continuation(about)
            if handler is None:
                return None
            behavior = behavior_of(handler)
            method = about.method

            def unary(request: Any, context: Any) -> Any:
                with begun(self.process, method, self.endless, context):
                    return behavior(request, context)

            def stream(request: Any, context: Any) -> Iterator[Any]:
                with begun(self.process, method, self.endless, context) as call:
                    call.end = lambda: cancel_later(context)
                    for response in behavior(request, context):
                        yield response
                        if call.told:
                            context.abort(its.StatusCode.UNAVAILABLE, GOES_AWAY)

            def with_callback(request: Any, context: Any, respond: Callable[[Any], None]) -> None:
                """The health service's Watch: no thread waits in it."""
                call = begun(self.process, method, self.endless, context).__enter__()

                def end() -> None:
                    context.set_code(its.StatusCode.UNAVAILABLE)
                    context.set_details(GOES_AWAY)
                    respond(None)

                call.end = end
                context.add_callback(call.__exit__)
                behavior(request, context, respond)

            if getattr(behavior, "experimental_non_blocking", None):
                its_own: Any = with_callback
                its_own.experimental_non_blocking = True
                its_own.experimental_thread_pool = behavior.experimental_thread_pool
                return handler_like(handler, its_own)
            return handler_like(handler, stream if handler.response_streaming else unary)

        def stand(self, server: Any, health: Any = None) -> None:
            """Stand before the signals, once the server has started. For the main thread."""
            serving = GrpcServer(self.process, server)
            self.process.stand(serving)
            assert self.process.interposed is not None
            self.process.interposed.in_place_of_default = serving.leave
            if health is not None:
                self.process.on_state.append(
                    lambda state: health.enter_graceful_shutdown() if state is State.LAME_DUCK else None
                )

    return Calls()


def cancel_later(context: Any) -> None:
    timer = threading.Timer(HEEDS_THE_END_WITHIN_S, context.cancel)
    timer.daemon = True
    timer.start()


class GrpcServer(Plain):
    """A grpc.Server. When it has stopped, the program goes on: wait_for_termination returns, its handler is called."""

    name = GRPC

    def __init__(self, process: Process, server: Any) -> None:
        super().__init__(process)
        self.server = server
        self.hurried = False

    def stop(self) -> None:
        self.process.hands.lend(self.finish_calls, "lameduck grpc")

    def finish_calls(self) -> None:
        self.server.stop(self.process.remaining_s() + CANCELS_BY_ITSELF_S).wait()
        super().stop()

    def hurry(self) -> None:
        if not self.hurried:  # each stop of the server takes a thread
            self.hurried = True
            self.server.stop(0)
