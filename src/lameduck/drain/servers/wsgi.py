"""Around a WSGI application, whatever server runs it.

A request is in flight from the call to the end of its response's iteration (PEP 3333: `close` is always called). The
connection's end is the server's to ask for: applications may not set that header. The servers' own files see to it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lameduck.drain import here
from lameduck.drain.servers.finding import find_server, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lameduck.drain.process import Process

    Environ = dict[str, Any]
    Application = Callable[[Environ, Any], Iterable[bytes]]

__all__ = ["WSGI"]

PROBE = "kube-probe/"


class WSGI:
    """`app = drain.wsgi(app)`. `readiness` is a path that answers 200 while serving and 503 from the stop on."""

    def __init__(self, app: Application, *, readiness: str | None = None) -> None:
        self.app = app
        self.readiness = readiness
        self.process = here()
        self.stood = False
        prepare(self.process)

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
            return request.iterating(self.app(environ, start_response))
        except BaseException:
            request.close()
            raise

    def stand(self) -> None:
        """The server's handlers are in place by now: stand before them. Threads leave it to the server's own file."""
        self.stood = True
        self.process.stand(find_server(self.process))

    def answer_readiness(self, start_response: Any) -> Iterable[bytes]:
        from lameduck.drain.readiness import READY, answer

        status, body = answer(self.process)
        reason = "OK" if status == READY else "Service Unavailable"
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response(f"{status} {reason}", headers)
        return [body]


def peer_of(environ: Environ) -> tuple[str, int] | None:
    try:
        return environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])
    except (KeyError, ValueError):
        return None


class Request:
    """One WSGI request in flight. A thread cannot be cancelled: at the deadline it is named."""

    __slots__ = ("environ", "parts", "process", "since")

    endless = False

    def __init__(self, process: Process, environ: Environ) -> None:
        self.process = process
        self.environ = environ
        self.since = time.monotonic()
        self.parts: Iterable[bytes] = ()

    @property
    def name(self) -> str:
        return f"{self.environ.get('REQUEST_METHOD', '?')} {self.environ.get('PATH_INFO', '?')}"

    def cancel(self) -> None:
        """Nothing: see above."""

    def iterating(self, parts: Iterable[bytes]) -> Iterable[bytes]:
        self.parts = parts
        return self

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        try:
            close = getattr(self.parts, "close", None)
            if close is not None:
                close()
        finally:
            self.process.works.all.pop(id(self), None)
