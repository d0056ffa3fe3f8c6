"""Do something with a module as soon as somebody imports it, and nothing to a program that does not."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import importlib.abc
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["WATCHED", "Watcher", "watch"]

WATCHED = {
    "uvicorn.config": "uvicorn",
    "hypercorn.app_wrappers": "hypercorn",
    "gunicorn.app.base": "gunicorn",
    "granian.server.common": "granian",
    "aiohttp.web_runner": "aiohttp",
    "waitress": "waitress",
    "werkzeug.serving": "werkzeug",
    "daphne.server": "daphne",
    "grpc": "grpc",
    "celery.app.base": "celery",
    "rq.defaults": "rq",
    "arq.worker": "arq",
    "dramatiq.cli": "dramatiq",
}
"""By the module whose import is watched: the file of lameduck.drain.instrument that knows what to do with it, in a
function `instrument(module)`."""


def watch() -> None:
    """From now on."""
    sys.meta_path.insert(0, Watcher())


class Watcher:
    """A finder that finds nothing itself: it lets the others find, and is there when the module has been executed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in WATCHED:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = cast("importlib.abc.Loader", Loader(spec.loader, WATCHED[name]))
                return spec
        return None


class Loader:
    """The module's own loader, until it has done its work."""

    def __init__(self, own: Any, ours: str) -> None:
        self.own = own
        self.ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self.own.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self.own
        module.__loader__ = self.own
        self.own.exec_module(module)
        try:
            importlib.import_module(f"lameduck.drain.instrument.{self.ours}").instrument(module)
        except Exception as error:
            sys.stderr.write(f"lameduck: {module.__name__} ends without us ({type(error).__name__}: {error}).\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)
