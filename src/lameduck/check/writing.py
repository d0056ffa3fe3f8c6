"""Mended files on their way to the disk: each as a whole or not at all, and only if it is still what was read."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from lameduck.check.fixing import Fixed, Mended
from lameduck.check.judging import Mendable, MendableText
from lameduck.check.outcome import Note, each_once
from lameduck.pod.place import InputError, Place
from lameduck.pod.reading import STDIN, content_of
from lameduck.remedies.remedy import EditText

__all__ = ["write"]


def write(fixed: Fixed) -> Fixed:
    """Write the mended files, and answer what stands on disk then. Standard input is left to the caller.

    A file that has changed meanwhile, or that cannot be written, is noted as an error and left alone, and what it was
    to be mended for is seen again. The others are written all the same: each is whole by itself. Symbolic links stay
    what they are, and so do modes.
    """
    notes = {}
    for file in fixed.files:
        try:
            if file.name != STDIN:
                _write(file)
        except InputError as error:
            notes[file.name] = Note(Place(file.name, 1, 1), f"{error.what} {error.do}", is_error=True)
    if not notes:
        return fixed
    made = [each for round_ in fixed.rounds for each in round_.made]
    left = [each.seen for each in made if _files_of(each) & notes.keys()]
    checked = fixed.judged.checked
    return replace(
        fixed,
        files=tuple(file for file in fixed.files if file.name not in notes),
        mended=tuple(each_once(each.seen for each in made if not _files_of(each) & notes.keys())),
        judged=replace(fixed.judged, checked=replace(checked, seen=[*left, *checked.seen])),
        notes=(*fixed.notes, *notes.values()),
    )


def _files_of(each: Mendable | MendableText) -> frozenset[str]:
    """The files that its remedy changes."""
    document = None if isinstance(each, MendableText) else each.home[0].file
    files = (change.span.source.name if isinstance(change, EditText) else document for change in each.remedy.changes)
    return frozenset(file for file in files if file is not None)


def _write(file: Mended) -> None:
    path = Path(file.name).resolve()
    if content_of(path) != file.before:
        raise InputError(
            "This file has changed while it was looked at, and is left alone.",
            at=file.name,
            do="Run the command again.",
        )
    temporary: str | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as opened:
            temporary = opened.name
            opened.write(file.after)
            opened.flush()
            os.fsync(opened.fileno())
        status = path.stat()
        os.chmod(temporary, status.st_mode & 0o7777)
        if os.geteuid() == 0:
            os.chown(temporary, status.st_uid, status.st_gid)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise InputError(
            f"This file cannot be written: {error.strerror}.", at=file.name, do="Check its permissions, or use --diff."
        ) from None
    finally:
        if temporary is not None:  # also when somebody interrupts
            Path(temporary).unlink(missing_ok=True)
