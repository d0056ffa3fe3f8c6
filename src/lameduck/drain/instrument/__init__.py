"""The library without a line of code: `lameduck run --instrument -- uvicorn app:app`, `python -m lameduck.drain -- …`.

A directory with a `sitecustomize` of ours goes to the front of PYTHONPATH, as other instrumentations do it: every
Python that is started there watches which servers are imported, and puts the library around their applications.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["environment", "main"]

SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "site")
USAGE = """\
Usage: python -m lameduck.drain -- COMMAND [ARGUMENT]...

Start COMMAND with the library active in every Python of it: uvicorn, gunicorn, hypercorn, granian, ...
  python -m lameduck.drain -- uvicorn app:app
The LAMEDUCK_ variables of the environment are its settings: docs/library.md.
"""


def environment(before: Mapping[str, str]) -> dict[str, str]:
    """The environment that makes the library active in a Python that is started with it."""
    paths = [path for path in before.get("PYTHONPATH", "").split(os.pathsep) if path and path != SITE]
    return {**before, "PYTHONPATH": os.pathsep.join([SITE, *paths])}


def main(words: list[str]) -> int:
    """Become COMMAND. Answers an exit code only where that fails: 2 for bad usage, 126 or 127 as shells do."""
    if words[:1] in (["-h"], ["--help"]):
        sys.stdout.write(USAGE)
        return 0
    if words[:1] == ["--"]:
        words = words[1:]
    if not words or words[0].startswith("-"):
        sys.stderr.write("lameduck.drain: write the command behind --: python -m lameduck.drain -- uvicorn app:app\n")
        return 2
    try:
        os.execvpe(words[0], words, environment(os.environ))
    except FileNotFoundError:
        sys.stderr.write(f"lameduck.drain: {words[0]}: there is no such command.\n")
        return 127
    except OSError as error:
        sys.stderr.write(f"lameduck.drain: {words[0]}: {error.strerror}.\n")
        return 126
