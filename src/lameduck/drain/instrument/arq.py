"""arq: a worker is made from its settings, also by the command."""

from __future__ import annotations

from typing import Any

from lameduck import drain

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is arq.worker."""
    create = module.create_worker
    module.create_worker = lambda settings, **named: create(drain.arq(settings), **named)
