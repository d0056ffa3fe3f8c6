"""aiohttp: `AppRunner` is given the application, also by `web.run_app`."""

from __future__ import annotations

from typing import Any

from lameduck import drain

__all__ = ["instrument"]


def instrument(module: Any) -> None:
    """`module` is aiohttp.web_runner."""
    make = module.AppRunner.__init__

    def made(self: Any, app: Any, *rest: Any, **named: Any) -> None:
        # An application that has started once is closed to changes, and has the library already, or is left alone.
        if hasattr(app, "on_startup") and not app.frozen:
            drain.aiohttp(app)
        make(self, app, *rest, **named)

    module.AppRunner.__init__ = made
