"""A real program without a port of its own, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from tests.drain.served import BIN, Served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


@contextlib.contextmanager
def started(command: Sequence[str], output: Path, environ: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Start it; killed at the end, with its whole process group, if it is still there.

    `python` is the tests' own; other programs are looked for beside it first.
    """
    words = [sys.executable if command[0] == "python" else command[0], *command[1:]]
    if (BIN / words[0]).exists():
        words[0] = str(BIN / words[0])
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LAMEDUCK_")}
    clean.pop("PYTHONUNBUFFERED", None)  # it cuts lines from their ends, and several processes write here
    program = Served(words, 0, output, {**clean, **(environ or {})})
    try:
        yield program
    finally:
        program.kill()


def lines(program: Served, word: str) -> list[str]:
    """What follows a word at the beginning of the program's lines: `begin 3` is `3` of `begin`."""
    return [line.removeprefix(word).strip() for line in program.text().splitlines() if line.startswith(word + " ")]
