"""Around a WSGI application, whatever server runs it.

A request is in flight from the call to the end of its response's iteration (PEP 3333: `close` is always called). The
connection's end is the server's to ask for: applications may not set that header. The servers' own files see to it;
waitress (read: 3.0), which has no hook for it, is asked through the object whose `write` start_response returns.

waitress and the development servers of werkzeug and wsgiref have no handler of SIGTERM: they would be killed by it. A
plain program's way is theirs: SystemExit in the main thread when nothing is in flight any more.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from lameduck.drain import here
from lameduck.drain.arrivals import PROBE
from lameduck.drain.servers.finding import find_server, prepare
from lameduck.drain.servers.granian import until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lameduck.drain.process import Process

    Environ = dict[str, Any]
    Application = Callable[[Environ, Any], Iterable[bytes]]

__all__ = ["WSGI"]

WAITRESS = "waitress.client_disconnected"
"""In every environ of waitress, and of no other server."""


class WSGI:
    """`app = drain.wsgi(app)`. `readiness` is a path that answers 200 while serving and 503 from the stop on."""

    def __init__(self, app: Application, *, readiness: str | None = None) -> None:
        self.app = app
        self.readiness = readiness
        self.process = here()
        self.stood = False
        self.stand_before_default()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        process = self.process
        if not self.stood:
            self.stand()
        if self.readiness is not None and environ.get("PATH_INFO") == self.readiness:
            return self.answer_readiness(start_response)
        if process.leaving and not environ.get("HTTP_USER_AGENT", "").startswith(PROBE):
            process.arrived(peer_of(environ))
        request = Request(process, environ)
        process.works.all[id(request)] = request
        try:
            if WAITRESS in environ:
                start_response = closing(process, start_response)
            elif process.leaving and environ.get("SERVER_SOFTWARE") == "Granian":
                start_response = asking_to_close(start_response)
            return request.around(self.app(environ, start_response))
        except BaseException:
            request.close()
            raise

    def stand_before_default(self) -> None:
        """Where nobody handles the signal, before the server is run: its requests come in other threads."""
        if prepare(self.process, threads=True) or threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            from lameduck.drain.plain import stand

            # An import alone, as by tests, shall not change what Ctrl-C does.
            stand(self.process, (signal.SIGTERM,))

    def stand(self) -> None:
        """The server's handlers are in place by now: stand before them. Threads leave it to the server's own file."""
        self.stood = True
        if not self.process.stand(find_server(self.process)):
            until_ready()

    def answer_readiness(self, start_response: Any) -> Iterable[bytes]:
        from lameduck.drain.readiness import REASONS, answer

        status, body = answer(self.process)
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response(f"{status} {REASONS[status]}", headers)
        return [body]


def peer_of(environ: Environ) -> tuple[str, int] | None:
    try:
        return environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])
    except (KeyError, ValueError):
        return None


class Request:
    """One WSGI request in flight. A thread cannot be cancelled: at the deadline it is named."""

    __slots__ = ("close_parts", "environ", "parts", "process", "since")

    endless = False

    def __init__(self, process: Process, environ: Environ) -> None:
        self.process = process
        self.environ = environ
        self.since = time.monotonic()
        self.parts: Iterable[bytes] = ()
        self.close_parts: Callable[[], object] | None = None
        """What was the response's own `close`, where ours has taken its place."""

    @property
    def name(self) -> str:
        return f"{self.environ.get('REQUEST_METHOD', '?')} {self.environ.get('PATH_INFO', '?')}"

    def cancel(self) -> None:
        """Nothing: see above."""

    def around(self, parts: Iterable[bytes]) -> Iterable[bytes]:
        """The response, whose end is seen. Servers look at what they are given, and it still is what it was: one of
        their own wsgi.file_wrapper, which they send without reading it, or something whose parts can be counted."""
        self.parts = parts
        wrapper = self.environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(parts, wrapper):
            self.close_parts = getattr(parts, "close", None)
            with contextlib.suppress(AttributeError):
                parts.close = self.close  # type: ignore[attr-defined]
                return parts
        return Counted(self) if hasattr(parts, "__len__") else self

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        try:
            close = self.close_parts or getattr(self.parts, "close", None)
            if close is not None:
                close()
        finally:
            self.process.works.all.pop(id(self), None)


class Counted:
    """A response whose parts can be counted: servers give one that has a single part a Content-Length."""

    __slots__ = ("close", "parts")

    def __init__(self, request: Request) -> None:
        self.parts: Any = request.parts
        self.close = request.close

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)


def asking_to_close(start_response: Any) -> Any:
    """granian has no other way to end a connection: it takes the header from the application (read: 2.8)."""

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        return start_response(status, [*headers, ("Connection", "close")], exc_info)

    return start


def closing(process: Process, start_response: Any) -> Any:
    """waitress' start_response: from the stop on, the response is its connection's last."""

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        write = start_response(status, headers, exc_info)
        if process.leaving:
            write.__self__.set_close_on_finish()
        return write

    return start
