"""Why a container's main process could not be started, in words that say what to do."""

import errno
import os
import shutil
from pathlib import Path

from lameduck.pod.place import InputError
from lameduck.rehearse.engine import ProcessSpec

__all__ = ["why_not_started"]


def why_not_started(spec: ProcessSpec, stage: str, number: int) -> InputError:
    """The error for a start that failed at that stage of the launcher with that errno."""
    at = f"{spec.pod}/{spec.container}"
    reason = os.strerror(number)
    match stage:
        case "directory":
            return InputError(
                f"Its working directory {spec.cwd} cannot be entered: {reason}.",
                at=at,
                do="Create it, or start the command in another directory.",
            )
        case "program":
            return _why_not_executed(spec, number, at)
        case _:
            return InputError(
                f"No process can be started for it ({stage}): {reason}.",
                at=at,
                do="Look at the limits of this machine (ulimit -u, sysctl user.max_pid_namespaces).",
            )


def _why_not_executed(spec: ProcessSpec, number: int, at: str) -> InputError:
    program = spec.argv[0]
    found = _find(spec)
    if found is None:
        searched = "" if "/" in program else f" in its PATH, {_search_path(spec)}"
        return InputError(
            f"There is no program {program!r}{searched}.", at=at, do="Install it, or correct the command."
        )
    match number:
        case errno.ENOENT:
            interpreter = _interpreter(found)
            needs = (
                f"the interpreter {interpreter}, which does not exist" if interpreter else "a loader that is missing"
            )
            return InputError(f"{found} needs {needs}.", at=at, do="Install it, or correct the #! line.")
        case errno.ENOEXEC:
            # execvp(3) and shells would try /bin/sh here; a container runtime does not: "exec format error".
            return InputError(
                f"{found} is neither a program of this machine nor a script with a #! line.",
                at=at,
                do=f"Write #!/bin/sh as its first line, or run it as: sh {found}.",
            )
        case errno.EACCES if found.is_dir():
            return InputError(f"{found} is a directory.", at=at, do="Name a program in it.")
        case errno.EACCES:
            return InputError(f"{found} is not executable for this user.", at=at, do=f"Run: chmod +x {found}.")
        case _:
            return InputError(
                f"{found} cannot be executed: {os.strerror(number)}.",
                at=at,
                do="Correct the command, and try it by hand.",
            )


def _search_path(spec: ProcessSpec) -> str:
    return spec.env.get("PATH", os.defpath)


def _find(spec: ProcessSpec) -> Path | None:
    """The file that the command names, executable or not."""
    program, directory = spec.argv[0], Path(spec.cwd or ".")
    if "/" in program:
        return directory / program if (directory / program).exists() else None
    found = shutil.which(program, path=_search_path(spec))
    if found:
        return Path(found)
    for folder in _search_path(spec).split(os.pathsep):
        if program and (directory / folder / program).is_file():
            return directory / folder / program
    return None


def _interpreter(script: Path) -> str | None:
    try:
        with script.open("rb") as file:
            first = file.readline(256)
    except OSError:
        return None
    words = first[2:].split() if first.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else None
