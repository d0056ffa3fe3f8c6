"""Servers that are started by a program, not by a command: `python -m _library_servers NAME PORT`."""

from __future__ import annotations

import os
import sys


def main(name: str, port: int) -> None:
    import _library_app as service

    bare = os.environ.get("APP_BARE") == "1"
    if name == "aiohttp":
        from aiohttp import web

        app = service.aiohttp_app()
        if not bare:
            from lameduck import drain

            app = drain.aiohttp(app)
        web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)
        return
    wsgi = service.wsgi if bare else service.drained_wsgi
    if name == "waitress":
        import waitress

        waitress.serve(wsgi, host="127.0.0.1", port=port, threads=64)
    elif name == "werkzeug":
        from werkzeug.serving import run_simple

        run_simple("127.0.0.1", port, wsgi, threaded=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
