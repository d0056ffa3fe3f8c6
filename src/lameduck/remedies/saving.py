"""Putting an edited file in the place of the one that was read: whole or not at all."""

import os
import tempfile
from pathlib import Path

from lameduck.pod.place import InputError
from lameduck.remedies.rewriting import Edited

__all__ = ["save"]


def save(edited: Edited, path: Path | None = None) -> None:
    """Replace the file atomically; mode, owner, encoding and byte order mark are kept, and a symbolic link stays one.

    `path`: where the file is, if not at its source's name. Raises InputError if the file is no longer what was read
    or cannot be written; nothing is left behind then.
    """
    given = Path(edited.source.name) if path is None else path
    temporary: str | None = None
    try:
        target = given.resolve(strict=True)
        before = edited.source.byte_order_mark + edited.source.text.encode(edited.source.encoding)
        if target.read_bytes() != before:
            raise InputError("This file has changed since it was read.", at=str(given), do="Run the command once more.")
        status = target.stat()
        with tempfile.NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            temporary = file.name
            file.write(edited.data)
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(temporary, status.st_uid, status.st_gid)
        Path(temporary).chmod(status.st_mode)
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise InputError(
            f"This file cannot be changed: {error.strerror}.",
            at=str(given),
            do="Make it and its folder writable, or let --diff show the change.",
        ) from None
