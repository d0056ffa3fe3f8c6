"""The way of the stop signal: from PID 1 of a container to the service, as its files state it (T52, T54, T56).

An entry is a chain of links, from PID 1 inwards to the service. A link that is replaced by the next one (exec) is no
process of its own in the end, and stays in the chain so that messages can name it. What cannot be known is said to be
unknown; nothing is guessed.
"""

from dataclasses import dataclass
from enum import Enum

from lameduck.pod.place import FieldPath, Place
from lameduck.pod.source import Source

__all__ = ["Entry", "Link", "Passes", "Shell", "Span", "WhyKept"]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a user's file: where to point at, and what an edit may replace."""

    source: Source
    start: int
    end: int

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.source.place(self.start)

    @property
    def text(self) -> str:
        """What is written there."""
        return self.source.text[self.start : self.end]


class Shell(Enum):
    """Which shell runs a script: they differ in what they exec by themselves (T56). UNKNOWN: sh of an unknown image."""

    DASH = "dash"
    BASH = "bash"
    BUSYBOX = "busybox sh"
    UNKNOWN = "sh"


class Passes(Enum):
    """What becomes of the stop signal at a link."""

    REPLACED = "replaced"  # execs the next link: the next one has its PID and gets the signal itself
    FORWARDS = "forwards"  # passes the signal on and waits for the next link's end
    KEEPS = "keeps"  # the next link never hears of it
    CUTS = "cuts"  # dies of the signal or ends early, and takes the next link along before it has finished
    UNKNOWN = "unknown"


class WhyKept(Enum):
    """Why a link keeps the signal to itself, or cuts the next one's drain."""

    NOT_EXEC = "the service is a child: there is no exec"
    PIPELINE = "the service is part of a pipeline"
    BACKGROUND = "the service runs in the background, and nothing passes the signal on"
    TRAP_BLOCKED = "the trap cannot run while the service is in the foreground"
    TRAP_NO_WAIT = "the trap passes the signal on and then the script ends without waiting for the service"
    TRAP_OTHER_SIGNAL = "the trap is for another signal than the one that is sent"
    LOOP = "a loop starts the service again"
    WRAPPER = "this program does not pass signals on"
    WRAPPER_TIMEOUT = "this program passes the signal on and soon kills"  # su, runuser: 2 s (T59)
    SHELL_DIES = "the shell below an init dies of the signal, and the service with it"  # T59


@dataclass(frozen=True, slots=True)
class Link:
    """One program on the signal's way. `span`: where it is started; None: only the manifest says it, at `at`."""

    words: tuple[str, ...]
    passes: Passes
    why: WhyKept | None = None
    shell: Shell | None = None
    span: Span | None = None
    at: FieldPath | None = None

    @property
    def program(self) -> str:
        """The program's name without its folder."""
        return self.words[0].rpartition("/")[2] if self.words else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """How one container starts. `service` is the last link; None where the files do not tell what it is."""

    links: tuple[Link, ...]
    service: Link | None
    certain: bool
    """False: a part of the way could not be read (an image without its Dockerfile, a sourced file, eval)."""

    @property
    def obstacle(self) -> Link | None:
        """The first link that keeps the signal or cuts the drain; None: it arrives, or nobody knows."""
        return next((link for link in self.links if link.passes in (Passes.KEEPS, Passes.CUTS)), None)
