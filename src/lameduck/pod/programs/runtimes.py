"""What language runtimes and plain programs do with SIGTERM as PID 1 when nothing has set a handler (T54, T59)."""

from collections.abc import Mapping, Sequence
from enum import Enum

from lameduck.pod.records import dataclass

__all__ = ["RUNTIMES", "Runtime", "Unhandled", "runtime_of", "without_handler"]


class Unhandled(Enum):
    """What becomes of the stop signal."""

    DISCARDED = "it hears nothing, and lives until SIGKILL"
    ENDS = "it ends at once: the runtime has a handler of its own"
    VERSION = "it depends on the runtime's version"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime's manners; the application may have a handler that changes them."""

    name: str
    unhandled: Unhandled
    source: str


RUNTIMES: Mapping[str, Runtime] = {
    "node": Runtime("Node.js", Unhandled.DISCARDED, "G app-node-raw (18.20)"),
    "python": Runtime("Python", Unhandled.DISCARDED, "G no-handler-python, app-http-server (3.11)"),
    "perl": Runtime("Perl", Unhandled.DISCARDED, "measured: 5.36"),
    "java": Runtime("the JVM", Unhandled.ENDS, "G app-java-raw (17): shutdown hooks run, then status 143"),
    "dotnet": Runtime(
        ".NET", Unhandled.VERSION, "Microsoft's list of breaking changes: no default handler since .NET 10"
    ),
}
"""By the program's name. A Go binary ends at once (documentation of os/signal), but no command shows that it is one."""

# Commands that are known to serve without a handler for SIGTERM.
_WITHOUT_HANDLER: tuple[tuple[tuple[str, ...], str], ...] = (
    (("python", "-m", "http.server"), "G app-http-server (3.11)"),
    (("python", "-m", "flask", "run"), "G app-flask-run (2.2)"),
    (("flask", "run"), "G app-flask-run (2.2)"),
    (("sleep",), "G no-handler-sleep"),
    (("tail",), "measured: coreutils 9.1"),
)


def runtime_of(words: Sequence[str]) -> Runtime | None:
    """The runtime that a command starts: `python3.12 -m app` is Python; None: no runtime that is known here."""
    return RUNTIMES.get(_plain(words[0])) if words else None


def without_handler(words: Sequence[str]) -> str | None:
    """On what it rests that this command serves without a handler for SIGTERM; None: that is not known."""
    if not words:
        return None
    found = (_plain(words[0]), *(word for word in words[1:] if word == "-m" or not word.startswith("-")))
    for known, source in _WITHOUT_HANDLER:
        if found[: len(known)] == known:
            return source
    return None


def _plain(program: str) -> str:
    """`python` for /usr/bin/python3.12, `node` for nodejs."""
    name = program.rpartition("/")[2]
    if name.startswith("python") and not name[len("python") :].strip("0123456789."):
        return "python"
    return "node" if name == "nodejs" else name
