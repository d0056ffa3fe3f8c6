"""Flask: `gunicorn --workers 2 --worker-class gthread --threads 8 flask_service:app`."""

import time

from flask import Flask

from lameduck import drain

web = Flask(__name__)


@web.get("/")
def home() -> str:
    return "ok"


@web.get("/slow")
def slow() -> str:
    time.sleep(1)
    return "done"


@drain.on_stop(within=2)
def flush() -> None:
    print("flushed", flush=True)


app = drain.wsgi(web, readiness="/readyz")
