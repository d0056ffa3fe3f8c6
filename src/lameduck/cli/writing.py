"""Writing a user's file: as a whole, or not at all."""

import os
import tempfile
from pathlib import Path

from lameduck.pod.place import InputError

__all__ = ["write_whole"]


def write_whole(path: str, text: str, *, option: str) -> None:
    """Replace the file atomically; its mode is kept, a new one gets the usual.

    Raises InputError, naming `option`, if it cannot be written; nothing is left behind then.
    """
    target = Path(path)
    temporary: str | None = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            temporary = file.name
            file.write(text)
        Path(temporary).chmod(target.stat().st_mode if target.exists() else 0o666 & ~_umask())
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror}.", at=option, do="Name another file.") from None


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
