"""The way of the stop signal: from PID 1 of a container to the service, as its files state it (T52, T54, T56).

An entry is a chain of links, from PID 1 inwards to the service. A link that is replaced by the next one (exec) is no
process of its own in the end, and stays in the chain so that messages can name it. What cannot be known is said to be
unknown; nothing is guessed.
"""

from enum import Enum

from lameduck.pod.place import FieldPath, Place
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source

__all__ = ["UNDECIDED", "Entry", "Inside", "Link", "Passes", "Shell", "Span", "WhyKept"]

UNDECIDED = "it depends on a branch that the files do not decide"
"""The doubt about an entry of which every way could be read."""


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


@dataclass(frozen=True, slots=True)
class Inside:
    """A piece of a manifest's text value, such as one command of the script in args: characters of the value itself.

    How the value is quoted or folded is the manifest's matter, so this is no Span.
    """

    at: FieldPath
    start: int
    end: int


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
    TRAP_NO_FORWARD = "the trap does not pass the signal on to the service"
    TRAP_NO_WAIT = "the trap passes the signal on and then the script ends without waiting for the service"
    TRAP_OTHER_SIGNAL = "the trap is for another signal than the one that is sent"
    TRAP_NAME = "the shell does not know the signal by that name, so that the trap is not set"  # dash wants TERM
    TRAP_EXIT = "with a trap for EXIT, bash dies of the signal at once, and the service with it"  # T59
    LOOP = "a loop starts the service again"
    DAEMON = "the service is a daemon, and the command that holds the container open does not know it"
    WRAPPER = "this program does not pass signals on"
    WRAPPER_TIMEOUT = "this program passes the signal on and soon kills"  # su, runuser: 2 s (T59)
    WRAPPER_DIES = "this program ends at the signal, before the service has finished"
    SHELL_DIES = "the shell below an init dies of the signal, and the service with it"  # T59


@dataclass(frozen=True, slots=True)
class Link:
    """One program on the signal's way.

    `span`: where a Dockerfile or a script starts it; `inside`: the same, in a text value of the manifest; `at`: the
    value of the manifest that names it (command, args). At least one of them, except where the image is only known.
    """

    words: tuple[str, ...]
    """The command, as far as the files tell it: `$PORT` stays as it is written where its value is not known."""
    passes: Passes
    """What it does to the next link. The service itself: REPLACED, there is nobody behind it."""
    why: WhyKept | None = None
    shell: Shell | None = None
    span: Span | None = None
    at: FieldPath | None = None
    inside: Inside | None = None
    script: Span | None = None
    """The whole text of the script that it runs, where a file holds it; for one in the manifest see `inside`."""
    sends: str | None = None
    """The signal that the next link gets, where it is another than came in (dumb-init --rewrite, kill in a trap)."""

    @property
    def program(self) -> str:
        """The program's name without its folder."""
        return self.words[0].rpartition("/")[2] if self.words else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """How one container starts. `service` is the last link; None where the files do not tell what it is."""

    links: tuple[Link, ...]
    service: Link | None
    doubt: str | None = None
    """A clause that says what could not be read (an image without its Dockerfile, a sourced file, eval). None: none."""
    others: tuple[Link, ...] = ()
    """Other services, which other branches of the script start."""
    further: "tuple[Entry, ...]" = ()
    """Other ways on which there is an obstacle at another command; they have no `further` themselves."""

    @property
    def certain(self) -> bool:
        """Every part of the way could be read. If not, what the links say may be wrong: at most a finding in doubt."""
        return self.doubt is None

    @property
    def obstacle(self) -> Link | None:
        """The first link that keeps the signal or cuts the drain; None: it arrives, or nobody knows."""
        return next((link for link in self.links if link.passes in (Passes.KEEPS, Passes.CUTS)), None)

    @property
    def starts_service(self) -> Link | None:
        """The link in which the obstacle is to be mended: the command behind it. None without an obstacle."""
        obstacle = self.obstacle
        if obstacle is None:
            return None
        behind = self.links[self.links.index(obstacle) + 1 :]
        return behind[0] if behind else None

    @property
    def service_is_pid1(self) -> bool | None:
        """Whether the service itself is PID 1 in the end, so that signals without a handler are lost (T54)."""
        if self.service is None or any(link.passes is Passes.UNKNOWN for link in self.links):
            return None
        return all(link.passes is Passes.REPLACED for link in self.links)

    def arriving(self, stop_signal: str) -> str | None:
        """The signal that the service gets when that one is sent to PID 1; None: none, or nobody knows."""
        if self.obstacle is not None or any(link.passes is Passes.UNKNOWN for link in self.links):
            return None
        return next((link.sends for link in reversed(self.links) if link.sends is not None), stop_signal)
