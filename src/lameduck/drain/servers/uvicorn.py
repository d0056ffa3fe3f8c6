"""uvicorn, also as a worker of its own supervisor, of its reloader, and of gunicorn (uvicorn_worker).

Its handler of SIGTERM sets `should_exit`, and has the signal raised again at the end, with the default action: a
process that ends well is then reported as killed by SIGTERM. Setting the attribute alone, as programs that embed it do,
ends with exit code 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lameduck.drain.told_twice import is_from_parent

if TYPE_CHECKING:
    from lameduck.drain.process import Process

__all__ = ["Uvicorn", "find"]


class Uvicorn:
    """One uvicorn.Server that serves in this process."""

    name = "uvicorn"

    def __init__(self, server: Any, process: Process) -> None:
        self.server = server
        self.process = process

    def counts(self, signum: int) -> bool:
        """A worker's parent passes on what the whole process group was told."""
        return not is_from_parent(self.process, signum)

    def stops_alone(self) -> bool:
        """Under a reloader each change of a file ends a process like this one, and a person waits for the next."""
        return bool(self.server.config.should_reload)

    def accept_no_more(self) -> None:
        """As its own shutdown begins; there it takes those whose request has not come yet for idle."""
        for listening in self.server.servers:
            listening.close()

    def stop(self) -> None:
        self.server.should_exit = True

    def hurry(self) -> None:
        self.server.force_exit = True
        self.server.should_exit = True


def find(handler: object, process: Process) -> Uvicorn | None:
    """The server whose bound method handles the signal."""
    server = getattr(handler, "__self__", None)
    kind = type(server)
    if any(base.__module__ == "uvicorn.server" and base.__name__ == "Server" for base in kind.__mro__):
        return Uvicorn(server, process)
    return None
