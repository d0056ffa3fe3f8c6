"""A queue, workers of one kind, and the journal of what they did: the same tests for every task queue."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.drain.workers.started import started

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.drain.served import Served


@dataclass(frozen=True, slots=True)
class Journal:
    """Who began and ended which job."""

    file: Path

    def numbers(self, what: str, worker: str | None = None) -> list[int]:
        """The jobs that were begun (`begin`) or ended (`end`), in order; those of one worker if it is named."""
        found = []
        for line in self.file.read_text().splitlines():
            said, number, by = line.split()
            if said == what and worker in (None, by):
                found.append(int(number))
        return found


@contextlib.contextmanager
def worker(
    command: Sequence[str], directory: Path, url: str, name: str = "first", **environ: str
) -> Iterator[tuple[Served, Journal]]:
    """A worker with a name, and the journal of all workers of this test."""
    journal = Journal(directory / "journal")
    journal.file.touch()
    about = {"REDIS_URL": url, "JOURNAL": str(journal.file), "WORKER": name, "PYTHONPATH": os.getcwd(), **environ}
    with started(command, directory / f"{name}.out", about) as program:
        yield program, journal
