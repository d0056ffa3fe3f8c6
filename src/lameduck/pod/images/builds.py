"""What is known of an image before it runs: entrypoint and command, environment, stop signal, files, which sh."""

from dataclasses import field
from typing import Protocol

from lameduck.pod.entry import Inside, Shell, Span
from lameduck.pod.place import FieldPath
from lameduck.pod.records import dataclass
from lameduck.pod.shells.words import Value
from lameduck.pod.source import Source

__all__ = ["Files", "ImageBuild", "ImageWord", "NoFiles", "Origin", "candidates", "normal"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text comes from, so that a piece of it has a place: a value of the manifest, or a stretch of a file."""

    at: FieldPath | None = None
    source: Source | None = None
    start: int = 0
    end: int = 0
    exact: bool = True
    """The text is the file's own, character by character; else pieces of it have only the statement's place."""
    statement: Span | None = None
    """The whole statement it stands in, such as a CMD."""

    @property
    def text(self) -> str:
        """What stands in the file."""
        return self.source.text[self.start : self.end] if self.source is not None else ""

    def locate(self, start: int, end: int) -> tuple[Span | None, FieldPath | None, Inside | None]:
        """The place of a piece of the text: in a file, or in a value of the manifest."""
        if self.source is not None:
            if not self.exact:
                return (self.statement, None, None)
            return (Span(self.source, self.start + start, self.start + end), None, None)
        return (None, self.at, Inside(self.at, start, end) if self.at is not None else None)


@dataclass(frozen=True, slots=True)
class ImageWord:
    """One word of ENTRYPOINT or CMD."""

    value: Value
    origin: Origin | None = None


class Files(Protocol):
    """The text files of an image, as far as they are known."""

    def find(self, path: str) -> Origin | None:
        """The text of the file at that absolute path; None: there is none, or nothing is known of it."""


class NoFiles:
    """An image of whose files nothing is known."""

    def find(self, path: str) -> Origin | None:
        """Nothing, whatever the path."""
        del path
        return None


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """An image as its files, or common knowledge, tell it."""

    name: str
    entrypoint: tuple[ImageWord, ...] = ()
    cmd: tuple[ImageWord, ...] = ()
    complete: bool = True
    """False: ENTRYPOINT or CMD may come from a base image that nothing is known of."""
    environment: tuple[tuple[str, str], ...] = ()
    working_dir: str | None = None
    user: str | None = None
    stop_signal: str | None = None
    stop_signal_known: bool = False
    stop_signal_at: Span | None = None
    """The signal's name in the Dockerfile; None: it names none, or there is no Dockerfile."""
    last: Span | None = None
    """The last instruction of the image's stage in its Dockerfile."""
    sh: Shell = Shell.UNKNOWN
    software: str | None = None
    programs: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    handing_over: frozenset[str] = frozenset()
    """Entrypoint scripts of well-known images that end with exec of their arguments."""
    becomes: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    """The first words of commands that are scripts of well-known images, and what they exec in the end."""
    base: str | None = None
    """The image it is built from, as far as the Dockerfile says it."""
    files: Files = field(default_factory=NoFiles, compare=False)


def candidates(path: str, working_dir: str | None) -> list[str]:
    """The absolute paths that the path of a command may mean: a name alone is looked for on the usual PATH first.

    `working_dir` None: unknown, so that nothing relative to it is known either.
    """
    if path.startswith("/"):
        return [normal(path)]
    here = [] if working_dir is None else [normal(f"{working_dir}/{path}")]
    if "/" in path:
        return here
    folders = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
    return [f"{folder}/{path}" for folder in folders] + here


def normal(path: str) -> str:
    """The path without `.`, `..` and doubled slashes."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
