"""An application whose import takes its time, before and after the library is put around it."""

from __future__ import annotations

import time

from lameduck import drain
from tests.drain.apps.asgi_app import app

print("importing", flush=True)
time.sleep(0.5)
drained = drain.asgi(app)
print("made", flush=True)
time.sleep(0.5)
