"""RQ: the class of worker that is taken where none is named."""

from __future__ import annotations

from typing import Any

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is rq.defaults."""
    module.DEFAULT_WORKER_CLASS = "lameduck.drain.workers.rq.Worker"
