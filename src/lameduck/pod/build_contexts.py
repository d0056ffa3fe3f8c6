"""Build contexts on the disk: reads the scripts that a Dockerfile copies, and nothing outside of the folder."""

from dataclasses import dataclass
from pathlib import Path

from lameduck.pod.place import InputError
from lameduck.pod.source import Source, decode

__all__ = ["GuessedContext", "read_text"]

_MAX_BYTES = 256 * 1024
"""A script or Dockerfile beyond it is generated, or none."""


def read_text(path: Path) -> Source | None:
    """The text file at that path; None: there is none, it is binary, or too large."""
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        return decode(path.read_bytes(), str(path))
    except (OSError, ValueError, InputError):
        return None


@dataclass(frozen=True, slots=True)
class GuessedContext:
    """The folder that an image is built from, where only its candidates are known: the Dockerfile's, the repository's.

    A file counts if only one of them has it, or all that have it say the same.
    """

    folders: tuple[Path, ...]

    def read(self, path: str) -> Source | None:
        """The text file at that path; None: there is none, or the candidates differ."""
        found: list[Source] = []
        for folder in dict.fromkeys(self.folders):
            source = read_text(folder / path) if self._inside(folder, path) else None
            if source is not None:
                found.append(source)
        if not found or any(one.text != found[0].text for one in found):
            return None
        return found[0]

    def is_folder(self, path: str) -> bool:
        """Whether a folder stands there in one of them."""
        return any((folder / path).is_dir() for folder in self.folders if self._inside(folder, path))

    def _inside(self, folder: Path, path: str) -> bool:
        """No way out of the folder, neither by `..` nor by a link."""
        try:
            return (folder / path).resolve().is_relative_to(folder.resolve())
        except (OSError, ValueError, RuntimeError):
            return False
