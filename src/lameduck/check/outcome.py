"""What a check comes to: what was seen, what was passed over, and how each workload ends. Plain data, all of it.

It travels between processes and is all that reports get, so it holds no documents and no texts of whole files.
"""

from collections.abc import Iterable
from dataclasses import field
from enum import Enum

from lameduck.findings.finding import Severity
from lameduck.pod.place import Place
from lameduck.pod.records import dataclass

__all__ = ["Checked", "Excerpt", "FixKind", "Note", "Path", "Replacement", "Seen", "Stop", "each_once"]


class FixKind(Enum):
    """Whether a finding can be mended by `--fix`."""

    SAFE = "safe"
    UNSAFE = "unsafe"  # with --unsafe
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of the user's file around a finding, the first one numbered from 1."""

    first_line: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    """A piece of a file to be replaced; lines and columns from 1, the end exclusive."""

    file: str
    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding in the files, ready to be shown."""

    code: str
    title: str
    severity: Severity
    message: str
    mend: str
    workload: str
    container: str | None
    place: Place
    manifest: str
    """The file that the workload stands in; the place may be in a Dockerfile or script."""
    fingerprint: str
    """The same for the same fault after lines have moved."""
    uncertain: bool = False
    fix: FixKind = FixKind.NONE
    fix_title: str | None = None
    excerpt: Excerpt | None = None
    diff: str = ""
    replacements: tuple[Replacement, ...] = ()
    template: str | None = None
    """The file that this text was rendered from, as Helm's comment `# Source:` names it."""


def each_once(every: Iterable[Seen]) -> list[Seen]:
    """Of several workloads that one line concerns (of their image's Dockerfile, of their budget) the first alone.

    Whoever mends the line has mended it for all of them.
    """
    first: dict[tuple[str, Place], tuple[str, str]] = {}
    return [
        seen
        for seen in every
        if first.setdefault((seen.code, seen.place), (seen.workload, seen.manifest)) == (seen.workload, seen.manifest)
    ]


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """Something about the input that is no finding: an odd value, a suppression that suppresses nothing."""

    place: Place
    message: str
    is_error: bool = False
    """The file could not be read: the answer is not complete, and the exit code is 2."""


@dataclass(frozen=True, slots=True)
class Stop:
    """How one container is stopped. Seconds; `hook_s` None: only running it tells."""

    container: str
    hook: str | None
    """What kind of preStop hook there is (`sleep`, `exec`, `httpGet`, `tcpSocket`); None: none."""
    hook_s: int | None
    signal: str | None
    """None: the image decides, and is not known."""
    signal_at_s: int
    """At the latest, where the hook's length is not known: then the grace."""
    kill_at_s: int
    is_sidecar: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A workload's way from deletion to the end, as its files state it."""

    workload: str
    place: Place
    grace_s: int
    stops: tuple[Stop, ...]


@dataclass(slots=True)
class Checked:
    """The outcome. Everything stands in the order of the files, whatever process found it."""

    seen: list[Seen] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    endings: list[Path] = field(default_factory=list)
    files: int = 0
    workloads: int = 0
    templates: int = 0
    """Files that hold templates that are not rendered."""
    suppressed: int = 0
    baselined: int = 0
    """Findings that the baseline already knew."""

    def merge(self, other: "Checked") -> None:
        """Take what another part of the check found, after what is here."""
        self.seen += other.seen
        self.notes += other.notes
        self.endings += other.endings
        self.files += other.files
        self.workloads += other.workloads
        self.templates += other.templates
        self.suppressed += other.suppressed
        self.baselined += other.baselined
