"""For daphne: SIGTERM comes when the reactor has just installed its handlers, before anybody can stand before them."""

from __future__ import annotations

import os
import signal
from importlib import import_module
from typing import Any

reactor: Any = import_module("twisted.internet.reactor")
reactor.addSystemEventTrigger("during", "startup", os.kill, os.getpid(), signal.SIGTERM)

from tests.drain.apps.asgi_app import drained  # noqa: E402  its own trigger is to come after this one

__all__ = ["drained"]
