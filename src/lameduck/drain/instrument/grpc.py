"""grpcio: a server is made with interceptors, and started by the program."""

from __future__ import annotations

from typing import Any

from lameduck import drain

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is grpc."""
    make = module.server

    def made(pool: Any, handlers: Any = None, interceptors: Any = None, *rest: Any, **named: Any) -> Any:
        calls = drain.grpc()
        server = make(pool, handlers, (calls, *(interceptors or ())), *rest, **named)
        start = server.start

        def started() -> None:
            start()
            calls.stand(server)

        server.start = started
        return server

    module.server = made
