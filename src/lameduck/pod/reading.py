"""The way in: files, folders and standard input to manifests."""

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from lameduck.pod.objects.manifests import Manifests, read_manifests
from lameduck.pod.place import InputError, Problem
from lameduck.pod.source import MAX_BYTES, decode, too_large
from lameduck.pod.texts.documents import SourceDocument, read_documents

__all__ = ["MAX_FILES", "STDIN", "content_of", "manifest_files", "read_paths", "read_text", "shown"]

MAX_FILES = 10_000
"""In all folders together; and as many folders."""
STDIN = "stdin"
"""What messages call it."""
_ENDINGS = (".yaml", ".yml", ".json")
_NO_MANIFESTS = ("CVS", "_darcs", "node_modules")
"""Folders passed by, beside everything hidden: .git, .hg, .svn, ..data (the inside of a mounted ConfigMap)."""


def read_paths(paths: Sequence[str]) -> Manifests:
    """The manifests in files, in folders (*.yaml, *.yml and *.json, all the way down) and, for "-", standard input.

    Raises InputError for what cannot be read, is neither YAML nor JSON, exceeds a limit, or holds nothing at all.
    Values that are not what Kubernetes wants are problems of the result.
    """
    documents: list[SourceDocument] = []
    problems: list[Problem] = []
    for file in manifest_files(paths):
        read = read_documents(decode(content_of(file), STDIN if file is None else shown(file)))
        documents += read.documents
        problems += read.problems
    if not documents and not problems:
        raise _empty(", ".join(STDIN if path == "-" else path for path in paths))
    return read_manifests(documents, problems)


def read_text(text: str, name: str) -> Manifests:
    """The manifests in a text; `name` is what messages call the file. Raises InputError as `read_paths` does."""
    read = read_documents(decode(text.encode("utf-8", "surrogatepass"), name))
    if not read.documents and not read.problems:
        raise _empty(name)
    return read_manifests(read.documents, read.problems)


def _empty(name: str) -> InputError:
    return InputError("There is nothing in it.", at=name, do="Give a file with a manifest, such as a Deployment.")


def shown(path: Path) -> str:
    """A name that can be printed, also if its bytes are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def content_of(file: Path | None) -> bytes:
    """The bytes of a file (None: standard input); never more than one beyond the limit, whatever the file is.

    Raises InputError if it cannot be read or is too large.
    """
    if file is None:
        return _bounded(sys.stdin.buffer)
    try:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            if size > MAX_BYTES:
                raise too_large(shown(file))
            return opened.read(size) if size else _bounded(opened)  # a pipe has no size
    except OSError as wrong:
        raise _unreadable(file, wrong) from None


def _bounded(file: BinaryIO) -> bytes:
    return file.read(MAX_BYTES + 1)


def _unreadable(path: Path, wrong: OSError) -> InputError:
    at = shown(path)
    if isinstance(wrong, FileNotFoundError | NotADirectoryError):
        return InputError("There is no such file or folder.", at=at, do="Check the path.")
    if isinstance(wrong, PermissionError):
        return InputError("You may not read this.", at=at, do="Check its permissions: ls -l.")
    return InputError(f"This cannot be read: {wrong.strerror or wrong}.", at=at, do="Check the path.")


def _refuse(error: InputError) -> None:
    raise error


def manifest_files(
    paths: Sequence[str],
    *,
    most: int | None = None,
    leaves_out: Callable[[Path], bool] = lambda _: False,
    if_empty: Callable[[InputError], None] = _refuse,
) -> Iterator[Path | None]:
    """Every file that the paths mean, once, in the order given and by name within folders. None: standard input.

    `leaves_out` is asked of files and folders that are found below a folder, not of those that are given. `if_empty` is
    told of each folder with no manifest [raises]. Raises InputError for what cannot be read, and for a folder with more
    than `most` [MAX_FILES].
    """
    walk = _Walk(MAX_FILES if most is None else most, leaves_out, if_empty)
    for path in paths:
        if path == "-":
            yield None
            continue
        if not path or "\0" in path:
            raise InputError("This is no path.", at=repr(path), do="Give a file or a folder, or - for standard input.")
        given = Path(path)
        try:
            status = given.stat()
        except OSError as wrong:
            raise _unreadable(given, wrong) from None
        if stat.S_ISDIR(status.st_mode):
            yield from walk.below(given, status)
        elif walk.is_new(status):
            yield given


class _Walk:
    """Goes through folders; remembers what it has seen, so that symbolic links neither loop nor repeat."""

    def __init__(self, most: int, leaves_out: Callable[[Path], bool], if_empty: Callable[[InputError], None]) -> None:
        self._most = most
        self._leaves_out = leaves_out
        self._if_empty = if_empty
        self._seen: set[tuple[int, int]] = set()

    def is_new(self, status: os.stat_result) -> bool:
        identity = (status.st_dev, status.st_ino)
        if identity in self._seen:
            return False
        self._seen.add(identity)
        return True

    def below(self, top: Path, status: os.stat_result) -> Iterator[Path]:
        """The manifests below a folder, without recursion: a tree may be deeper than Python's stack."""
        self.is_new(status)
        folders = matching = 0
        pending = [top]
        while pending:
            entry = pending.pop()
            try:
                status = entry.stat()
                if not stat.S_ISDIR(status.st_mode):
                    # A pipe or device below a folder is nobody's manifest.
                    if stat.S_ISREG(status.st_mode):
                        matching += 1
                        if self.is_new(status):
                            yield entry
                    continue
                if entry != top and not self.is_new(status):
                    continue
                folders += 1
                inside = sorted(entry.iterdir(), reverse=True)
            except FileNotFoundError:
                continue  # a symbolic link to nothing, or gone since it was listed
            except OSError as wrong:
                raise _unreadable(entry, wrong) from None
            if folders > self._most or matching > self._most:
                raise InputError(
                    f"There are more than {self._most:,} manifests or folders below it.",
                    at=shown(top),
                    do="Give a folder with fewer, or the files themselves.",
                )
            pending += (path for path in inside if _is_wanted(path) and not self._leaves_out(path))
        if matching == 0:
            self._if_empty(
                InputError(
                    "This folder holds no *.yaml, *.yml or *.json.",
                    at=shown(top),
                    do="Give the folder with the manifests.",
                )
            )


def _is_wanted(path: Path) -> bool:
    if path.name.startswith(".") or path.name in _NO_MANIFESTS:
        return False
    return path.suffix.lower() in _ENDINGS or path.is_dir()
