"""The files to check, and which of them must be readable."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from lameduck.check.outcome import Note
from lameduck.pod.place import InputError, Place
from lameduck.pod.reading import STDIN, content_of, manifest_files, shown
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source, decode

__all__ = ["MOST_FILES", "File", "read_file", "the_files"]

MOST_FILES = 200_000
"""In one folder that is given; the trees of whole companies stay below."""


@dataclass(frozen=True, slots=True)
class File:
    """One file to check. `path` None: standard input."""

    path: Path | None
    given: bool
    """Named by the user, not found below a folder: everything in it must be readable."""

    name: str
    """What messages call it."""


def the_files(paths: Sequence[str], *, exclude: Sequence[str] = ()) -> tuple[tuple[File, ...], tuple[Note, ...]]:
    """Every manifest that the paths mean, once, in their order; and a note on each folder in which there is none.

    `exclude`: patterns for the names of files and folders below a folder, or for their whole path. Raises InputError
    for what cannot be read, and if there is no file at all: one empty folder among others is worth a word, not the end.
    """

    def leaves_out(path: Path) -> bool:
        posix = path.as_posix()
        return any(
            fnmatchcase(path.name, pattern) or fnmatchcase(posix, pattern) or fnmatchcase(posix, f"*/{pattern}")
            for pattern in exclude
        )

    given = {Path(path) for path in paths if path != "-"}
    empty: list[InputError] = []
    files = tuple(
        File(path, path is None or path in given, STDIN if path is None else shown(path))
        for path in manifest_files(paths, most=MOST_FILES, leaves_out=leaves_out, if_empty=empty.append)
    )
    if empty and not files:
        raise empty[0]
    return files, tuple(Note(Place(str(error.at), 1, 1), f"{error.what} {error.do}") for error in empty)


def read_file(file: File, contents: Mapping[str, bytes]) -> Source:
    """The text of a file, or what stands in for it in `contents`, by name. Raises InputError.

    Standard input can be read once only: whoever reads a file again hands in what it held.
    """
    name = file.name
    data = contents.get(name)
    return decode(content_of(file.path) if data is None else data, name)
