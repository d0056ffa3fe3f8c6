"""The library: a Python process that ends without dropping work.

    from lameduck import drain

    app = drain.asgi(app)                    # or drain.wsgi(app), drain.aiohttp(app): all that a web service needs

    with drain.work("job 17"): ...           # counted: a stop waits for it
    if drain.stopping: ...                   # also drain.stopping.wait(5), and await drain.stopping
    for job in drain.until_stopping(queue): ...

    @drain.on_stop(within=3)
    def flush(): ...                         # once the work is done

It imports the standard library only, and of that as little as it can.
"""

from __future__ import annotations

from _thread import allocate_lock
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    import asyncio
    import queue
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from lameduck.drain.process import Process
    from lameduck.drain.servers.aiohttp import aiohttp
    from lameduck.drain.servers.asgi import asgi
    from lameduck.drain.servers.grpc import grpc
    from lameduck.drain.servers.grpc_aio import grpc_aio
    from lameduck.drain.servers.wsgi import WSGI
    from lameduck.drain.states import State
    from lameduck.drain.stop_event import Stopping
    from lameduck.drain.workers.arq import arq
    from lameduck.drain.workers.celery import celery
    from lameduck.drain.workers.dramatiq import dramatiq
    from lameduck.drain.works import Work

    stopping: Stopping
    wsgi = WSGI

__all__ = [
    "State",
    "aiohttp",
    "arq",
    "asgi",
    "celery",
    "configure",
    "dramatiq",
    "finish",
    "grpc",
    "grpc_aio",
    "here",
    "on_stop",
    "program",
    "remaining_s",
    "snapshot",
    "stand",
    "state",
    "stopping",
    "until_stopping",
    "work",
    "wsgi",
]

T = TypeVar("T")
F = TypeVar("F", bound="Callable[[], Any]")
_ELSEWHERE = {
    "State": ("states", "State"),
    "aiohttp": ("servers.aiohttp", "aiohttp"),
    "arq": ("workers.arq", "arq"),
    "asgi": ("servers.asgi", "asgi"),
    "celery": ("workers.celery", "celery"),
    "dramatiq": ("workers.dramatiq", "dramatiq"),
    "grpc": ("servers.grpc", "grpc"),
    "grpc_aio": ("servers.grpc_aio", "grpc_aio"),
    "wsgi": ("servers.wsgi", "WSGI"),
}
"""What is imported when it is asked for: a service needs one of them. The module, and the name in it."""
_process: Process | None = None
_one_at_a_time = allocate_lock()


def here() -> Process:
    """This process's stop. Everything else here is a short name for something of it."""
    global _process
    if _process is None:
        import atexit

        from lameduck.drain.process import Process

        with _one_at_a_time:
            if _process is None:
                _process = Process()
                atexit.register(_process.leave_with_code)
    return _process


def configure(
    *,
    grace_s: float | None = None,
    lame_duck: str | float | None = None,
    endpoint: str | None = None,
    probe_port: int | None = None,
    termination_log: str | None = None,
    tell: bool | None = None,
) -> None:
    """Set how this process ends, before it stops. The LAMEDUCK_ variables of the environment go before it.

    `grace_s` is the pod's terminationGracePeriodSeconds, less what a preStop hook uses of it. `lame_duck` is a fixed
    time (`"5s"`, 5) or bounds (`"2s..15s"`). `endpoint` is where `/-/drain` answers (`"9902"` on loopback),
    `probe_port` where readiness probes are answered.
    Raises BadSetting, and changes nothing then.
    """
    from dataclasses import replace

    from lameduck.drain.settings import checked_address, checked_port, from_environment, seconds
    from lameduck.drain.settings import lame_duck as read_lame_duck

    its = here()
    found: dict[str, Any] = {"termination_log": termination_log, "tell": tell}
    if grace_s is not None:
        found["grace_s"] = seconds(grace_s, "grace_s")
    if lame_duck is not None:
        found["lame_duck"] = read_lame_duck(str(lame_duck), "lame_duck", its.settings.lame_duck)
    if endpoint is not None:
        found["endpoint"] = checked_address(endpoint, "endpoint")
    if probe_port is not None:
        found["probe_port"] = checked_port(probe_port, "probe_port")
    given = {name: value for name, value in found.items() if value is not None}
    its.settings = from_environment(replace(its.settings, **given))


def stand() -> bool:
    """Watch over a plain program: in front of its own signal handlers, when these are installed.

    From the stop signal on `stopping` is true; when the lame duck is over, the program's handler gets the signal. Where
    it has none, the main thread gets SystemExit once no work is in flight, instead of the signal's default action, so
    that `finally` blocks and the hooks run. For the main thread; False in any other. A program that listens on no port
    has no lame duck: what fetches its work stops fetching at once.
    """
    from lameduck.drain.plain import stand as stand_before

    return stand_before(here())


async def program(main: Coroutine[Any, Any, T]) -> T | None:
    """Watch over a plain asyncio program: `asyncio.run(drain.program(main()))`, or uvloop.run.

    main() may return when `stopping` is true; else it is cancelled once no work is in flight. Hooks run in its loop.
    """
    from lameduck.drain.asyncio_program import program as run

    return await run(here(), main)


def work(name: str = "work") -> Work:
    """A piece of work, counted while the `with` (or `async with`) block lasts. A stop waits for it."""
    from lameduck.drain.works import Work

    return Work(here().works, name)


@overload
def on_stop(hook: F) -> F: ...


@overload
def on_stop(
    *, name: str | None = None, after: str | tuple[str, ...] = (), within: float | None = None, at_once: bool = False
) -> Callable[[F], F]: ...


def on_stop(
    hook: F | None = None,
    *,
    name: str | None = None,
    after: str | tuple[str, ...] = (),
    within: float | None = None,
    at_once: bool = False,
) -> Any:
    """Have a function called once the work is done: `@drain.on_stop` or `@drain.on_stop(after="flush", within=3)`.

    Functions and coroutine functions without arguments. The last registered runs first, but after those named in
    `after`. `within` is its share of the grace, in seconds; `at_once` runs it when the stop begins, beside the lame
    duck: for what must not be lost even if the grace turns out shorter. Raises HookCycle.
    """
    from lameduck.drain.hooks import Hook

    def register(function: F) -> F:
        called = name or getattr(function, "__qualname__", "") or repr(function)
        names = (after,) if isinstance(after, str) else tuple(after)
        here().hooks.add(Hook(function, called, names, within, at_once))
        return function

    return register if hook is None else register(hook)


@overload
def until_stopping(source: queue.Queue[T]) -> Iterator[T]: ...


@overload
def until_stopping(source: asyncio.Queue[T]) -> AsyncIterator[T]: ...


def until_stopping(source: queue.Queue[T] | asyncio.Queue[T]) -> Iterator[T] | AsyncIterator[T]:
    """The items of a queue.Queue until the stop; for an asyncio.Queue, an async iterator (`async for`)."""
    import sys

    from lameduck.drain import stop_event as loops

    asyncio_ = sys.modules.get("asyncio")
    if asyncio_ is not None and isinstance(source, asyncio_.Queue):
        return loops.until_stopping_async(here().stopping, source)
    return loops.until_stopping(here().stopping, source)  # type: ignore[arg-type]


def remaining_s() -> float:
    """Seconds that work in flight has until it is cancelled."""
    return here().remaining_s()


def snapshot() -> dict[str, Any]:
    """State, work in flight, the oldest of it, and the time left: what /-/drain answers."""
    return here().snapshot()


def state() -> State:
    """SERVING, LAME_DUCK, DRAINING, CLEANING_UP or STOPPED."""
    return here().state


def finish() -> None:
    """The work is done: run the hooks now. A process that leaves without it runs them at its exit."""
    here().finish()


def __getattr__(name: str) -> Any:
    if name == "stopping":
        return here().stopping
    if name in _ELSEWHERE:
        from importlib import import_module

        module, called = _ELSEWHERE[name]
        return getattr(import_module(f"lameduck.drain.{module}"), called)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
