"""Build contexts on the disk: reads the scripts that a Dockerfile copies, and nothing outside of the folder."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType

from lameduck.pod.place import InputError
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source, decode

__all__ = ["GuessedContext", "read_text"]

_MAX_BYTES = 256 * 1024
"""A script or Dockerfile beyond it is generated, or none."""


_NOTHING: Mapping[str, bytes] = MappingProxyType({})


def read_text(path: Path, texts: Mapping[str, bytes] = _NOTHING) -> Source | None:
    """The text file at that path; None: there is none, it is binary, or too large.

    `texts` holds what stands in for files, by the name that messages call them: files that are mended and not yet
    written. That name counts from where we are, if the file lies below.
    """
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        name = _name(path)
        return decode(texts[name] if name in texts else path.read_bytes(), name)
    except (OSError, ValueError, InputError):
        return None


def _name(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


@dataclass(frozen=True, slots=True)
class GuessedContext:
    """The folder that an image is built from, where only its candidates are known: the Dockerfile's, the repository's.

    A file counts if only one of them has it, or all that have it say the same.
    """

    folders: tuple[Path, ...]
    texts: Mapping[str, bytes] = field(default_factory=dict, repr=False, hash=False)
    """What stands in for files, as `read_text` takes it."""

    def read(self, path: str) -> Source | None:
        """The text file at that path; None: there is none, or the candidates differ."""
        found: list[Source] = []
        for folder in dict.fromkeys(self.folders):
            source = read_text(folder / path, self.texts) if self._inside(folder, path) else None
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
