"""Engines: hands that start and end real processes as a container runtime would. They hold no opinions.

What every engine owes is stated once, in tests/rehearse/test_engines.py, and run against all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from lameduck.ending.happenings import HookFailure

__all__ = ["ContainerProcess", "Engine", "ExecResult", "Exit", "Isolation", "ProcessSpec", "Reception"]


class Isolation(Enum):
    """How true PID 1's signal semantics are (T54, T57)."""

    PID_NAMESPACE = "pid-namespace"  # the kernel's own, made as root
    USER_NAMESPACE = "user-namespace"  # the kernel's own, made in an unprivileged user namespace
    EMULATED = "emulated"  # from the caught-signal mask; the report says so


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to start: the whole environment, the words of the command, the working directory (None: lameduck's own)."""

    pod: str
    container: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """The main process' end as the kernel told it: 128+n for signal n (T58)."""

    code: int


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How an exec in the container went. `status` None: it could not be started, or was killed (failure says)."""

    status: int | None
    failure: HookFailure | None
    output: str
    """The first 4 KiB of what it wrote to stdout and stderr."""


@dataclass(frozen=True, slots=True)
class Reception:
    """What a signal met: caught, ignored, blocked, default, discarded (PID 1 without a handler, T54), gone or unknown.

    `main` is the main process' command line, `below` those of its descendants in the container.
    """

    handling: str
    main: str
    below: tuple[str, ...]


class ContainerProcess(Protocol):
    """One running container: a main process that is PID 1 to its children (or is treated as such)."""

    @property
    def pid(self) -> int:
        """The main process' PID as this machine sees it."""
        ...

    async def signal(self, signum: int) -> Reception:
        """Send a signal to the main process only (T52), as from outside its PID namespace. Twice is fine, gone too."""
        ...

    def handling(self, signum: int) -> str:
        """What a signal would meet now, in the words of Reception."""
        ...

    def listens(self) -> bool:
        """Whether one of the container's processes listens on a TCP port now; False where nobody can tell."""
        ...

    async def kill(self) -> None:
        """SIGKILL to the main process; the rest of the container dies with it (T57)."""
        ...

    async def exec(self, argv: tuple[str, ...], *, within_s: float | None = None) -> ExecResult:
        """Run a command in the container's namespaces, environment and directory, without a shell (T29).

        Returns when the command has exited *and* its output pipes are closed (T30), or the container is gone (T31).
        Cancelling stops the waiting, not the command (T19). After `within_s` the runtime kills it (what a probe's
        timeout does; hooks have none): status None, failure KILLED.
        Raises InputError if the isolation is EMULATED and the command would hit a process of this machine.
        """
        ...

    async def wait(self) -> Exit:
        """The end of the main process. May be awaited by many."""
        ...

    async def listening_ports(self) -> frozenset[tuple[str, int]]:
        """(address, port) of the TCP sockets that the container's processes listen on."""
        ...


class Engine(Protocol):
    """Starts containers. `async with` ends all that it started, also when cancelled; nothing survives our death."""

    isolation: Isolation

    async def __aenter__(self) -> "Engine": ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def start(self, spec: ProcessSpec, on_output: Callable[[str, str], None]) -> ContainerProcess:
        """Start a container's main process; `on_output(stream, line)` is called for each line it or its children write.

        Returns when the program has been executed. Raises InputError if it cannot be (not found, not executable).
        """
        ...
