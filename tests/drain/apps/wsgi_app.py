"""A WSGI application without a framework, for every server: each way in which PEP 3333 lets a response be made.

`app` is bare, `drained` the same with the library around it.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lameduck import drain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SLOW_S = float(os.environ.get("APP_SLOW_S", "1.5"))
FILE = Path(__file__)


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """`/` at once, `/slow` after SLOW_S, `/pid` the worker, `/file` this file through wsgi.file_wrapper, `/pieces` a
    generator that takes SLOW_S, `/written` with start_response's write, `/broken` a generator that raises, `/fails`;
    `/uncounted` has no Content-Length, `/foreign` blocks in a system call of a foreign library for SLOW_S."""
    path = environ["PATH_INFO"]
    headers = [("Content-Type", "text/plain")]
    if path == "/fails":
        raise RuntimeError("the application fails")
    if path == "/file":
        start_response("200 OK", [*headers, ("Content-Length", str(FILE.stat().st_size))])
        file = FILE.open("rb")
        wrapper = environ.get("wsgi.file_wrapper")  # not every server has one
        return file if wrapper is None else wrapper(file, 1024)
    if path == "/uncounted":
        start_response("200 OK", headers)
        return [b"ok"]
    if path == "/written":
        write = start_response("200 OK", headers)
        write(b"writ")
        return [b"ten"]
    if path in ("/pieces", "/broken"):
        start_response("200 OK", headers)
        return pieces(broken=path == "/broken")
    if path == "/slow":
        print("slow begins", flush=True)
        time.sleep(SLOW_S)
    if path == "/foreign":
        return answer(start_response, str(read_in_c()).encode())
    body = str(os.getpid()).encode() if path == "/pid" else b"ok"
    parts = answer(start_response, body)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else parts


def answer(start_response: Any, body: bytes) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def read_in_c() -> int:
    """A system call that Python does not begin again when a signal interrupts it: what it returns after SLOW_S."""
    import ctypes

    here, there = os.pipe()
    print("foreign begins", flush=True)
    threading.Timer(SLOW_S, os.write, (there, b"1")).start()
    result: int = ctypes.CDLL(None, use_errno=True).read(here, ctypes.create_string_buffer(1), 1)
    return result


def pieces(*, broken: bool) -> Iterator[bytes]:
    try:
        for number in range(5):
            yield b"%d " % number
            if broken:
                raise RuntimeError("the generator fails")
            time.sleep(SLOW_S / 5)
    finally:
        print("pieces closed", flush=True)


drained = drain.wsgi(app, readiness="/readyz")


@drain.on_stop(within=2)
def flush() -> None:
    """What every service has to do at its end."""
    print("flushed", flush=True)
