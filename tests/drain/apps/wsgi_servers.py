"""Servers for WSGI that a program runs in its own main thread: `python -m tests.drain.apps.wsgi_servers NAME PORT`."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lameduck import drain
from tests.drain.apps.wsgi_app import app as bare

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGE = 8_000_000


def large(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """`/large` is more than the kernel takes from a server at once; the rest is the application's."""
    if environ["PATH_INFO"] == "/large":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(LARGE))])
        return [b"x" * LARGE]
    return bare(environ, start_response)


def main(name: str, port: int) -> None:
    app: Any = large if os.environ.get("APP_BARE") == "1" else drain.wsgi(large, readiness="/readyz")
    if name == "waitress":
        import_module("waitress").serve(app, host="127.0.0.1", port=port)
    elif name == "werkzeug":
        from werkzeug.serving import run_simple

        run_simple("127.0.0.1", port, app, threaded=True)
    elif name == "wsgiref":
        from wsgiref.simple_server import make_server

        make_server("127.0.0.1", port, app).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
