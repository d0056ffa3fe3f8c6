"""Writing what the user gets: files as a whole or not at all, and stdout for as long as somebody reads it."""

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from lameduck.pod.place import InputError

__all__ = ["check_writable", "say", "write_stdout", "write_whole"]


def check_writable(path: str, *, option: str) -> None:
    """Find out before long work whether its result can be written there.

    Raises InputError, naming `option`, if not.
    """
    import tempfile  # most commands write no file

    try:
        with tempfile.NamedTemporaryFile(dir=Path(path).parent):
            pass
    except OSError as error:
        raise _unwritable(path, error, option) from None


def write_whole(path: str, text: str, *, option: str) -> None:
    """Replace the file atomically; its mode is kept, a new one gets the usual.

    Raises InputError, naming `option`, if it cannot be written; nothing is left behind then.
    """
    import tempfile

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
        raise _unwritable(path, error, option) from None


def write_stdout(text: str | Iterable[str]) -> None:
    """Print the text, or piece by piece what may be long. A reader who has seen enough (`| head -1`) is no error."""
    try:
        sys.stdout.writelines((text,) if isinstance(text, str) else text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout once more at its exit, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(line: str) -> None:
    """One line on stderr, whatever names from files are in it. A closed stderr is no reason to end."""
    from lameduck.report.wording import visible

    with contextlib.suppress(OSError, ValueError):
        print(f"lameduck: {visible(line)}", file=sys.stderr, flush=True)


def _unwritable(path: str, error: OSError, option: str) -> InputError:
    return InputError(f"{path} cannot be written: {error.strerror}.", at=option, do="Name another file.")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
