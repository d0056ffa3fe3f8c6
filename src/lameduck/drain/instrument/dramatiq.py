"""Dramatiq: each of its worker processes looks for the broker."""

from __future__ import annotations

from typing import Any

from lameduck import drain

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is dramatiq.cli."""
    find = module.import_broker

    def found(value: Any) -> Any:
        of, broker = find(value)
        drain.dramatiq(broker)
        return of, broker

    module.import_broker = found
