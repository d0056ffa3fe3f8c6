"""Celery: each application that a program makes."""

from __future__ import annotations

from typing import Any

from lameduck import drain

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is celery.app.base."""
    make = module.Celery.__init__

    def made(self: Any, *rest: Any, **named: Any) -> None:
        make(self, *rest, **named)
        drain.celery(self)

    module.Celery.__init__ = made
