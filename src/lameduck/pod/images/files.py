"""Where the text files of an image come from: COPY and ADD from the build context, from other stages, from the
Dockerfile itself (here-documents)."""

from collections.abc import Mapping
from dataclasses import field
from fnmatch import fnmatchcase
from typing import Protocol

from lameduck.pod.images.builds import Origin, normal
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source

__all__ = ["Context", "CopiedFiles", "Copy"]


class Context(Protocol):
    """The folder that an image is built from; paths are relative to it, with `/`."""

    def read(self, path: str) -> Source | None:
        """The text file there; None: there is none, it is binary, or too large for a script."""

    def is_folder(self, path: str) -> bool:
        """Whether a folder stands there."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One COPY or ADD."""

    sources: tuple[str, ...]
    target: str
    """Absolute; with a slash at its end where it is a folder for certain."""
    files: "Context | CopiedFiles | None"
    """The build context, or another stage's files; None: from somewhere nothing is known of."""
    documents: Mapping[str, Origin] = field(default_factory=dict)
    """Here-documents by their name, which is their file name in a target folder."""


class CopiedFiles:
    """The files of a stage: what was copied last wins."""

    def __init__(self, copies: tuple[Copy, ...] = ()) -> None:
        self._copies = copies

    def find(self, path: str) -> Origin | None:
        """The text of the file at that absolute path; None: none, or nothing is known of it."""
        path = normal(path)
        for copy in reversed(self._copies):
            found = _within(copy, path)
            if found is not None:
                return found
        return None


def _within(copy: Copy, path: str) -> Origin | None:
    target = normal(copy.target)
    folder = target if target != "/" else ""
    below = path.removeprefix(f"{folder}/") if path.startswith(f"{folder}/") else None
    for name, origin in copy.documents.items():
        if path == target or below == name:
            return origin
    for source in copy.sources:
        found = _from(copy, source, target, path, below)
        if found is not None:
            return found
    return None


def _from(copy: Copy, source: str, target: str, path: str, below: str | None) -> Origin | None:
    """The file at `path`, if this source brings it there: as the target itself, into it, or as part of a folder."""
    name = normal(source).rpartition("/")[2]
    if "*" in name or "?" in name or "[" in name:
        if below is None or "/" in below or not fnmatchcase(below, name):
            return None
        return _read(copy.files, f"{source.rpartition('/')[0]}/{below}")
    if path == target and len(copy.sources) == 1 and not copy.target.endswith("/"):
        found = _read(copy.files, source)
        if found is not None:
            return found
    if below == name:
        found = _read(copy.files, source)
        if found is not None:
            return found
    return _read(copy.files, f"{source}/{below}") if below is not None else None


def _read(files: "Context | CopiedFiles | None", path: str) -> Origin | None:
    if files is None:
        return None
    if isinstance(files, CopiedFiles):
        return files.find(normal(path))
    source = files.read(normal(path).lstrip("/"))
    return Origin(source=source, end=len(source.text)) if source is not None else None
