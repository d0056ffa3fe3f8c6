"""How long one task of a queue worker may take, by the worker's own command line.

At the stop signal these workers take no new task and go on with those they have: Celery ("Workers Guide", Stopping the
worker), Laravel ("Queues", Job Expirations and Timeouts; queue:work waits for the current job), Sidekiq ("Signals",
TERM: it waits for its timeout, then puts unfinished jobs back).
"""

from collections.abc import Iterator

from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds
from lameduck.pod.programs.main_command import environment, main_words
from lameduck.pod.records import dataclass
from lameduck.pod.whole_numbers import written_number

__all__ = ["TaskLimit", "queue_worker", "task_limit"]


@dataclass(frozen=True, slots=True)
class TaskLimit:
    """The longest that the worker goes on after its stop signal, for a task that it has begun."""

    seconds: Seconds
    worker: str
    says: str
    """The option as it is written."""


_OPTIONS = {
    "celery": ("--time-limit",),
    "queue:work": ("--timeout",),
    "sidekiq": ("-t", "--timeout"),
}
_NAMES = {"celery": "Celery", "queue:work": "Laravel", "sidekiq": "Sidekiq"}


def task_limit(case: Case, container: Container) -> TaskLimit | None:
    """The worker's limit; None where there is none, or where the container is no worker known here."""
    words = main_words(case, container)
    worker = _worker(words)
    if worker is None or "REMAP_SIGTERM" in environment(case, container):
        return None  # Celery's cold shutdown: it does not wait
    found = [
        TaskLimit(Seconds(float(limit)), _NAMES[worker], says)
        for value, says in _values(words, _OPTIONS[worker])
        if (limit := written_number(value))
    ]
    return found[-1] if found else None


def queue_worker(case: Case, container: Container) -> str | None:
    """The name of the worker that it runs: Celery, Laravel or Sidekiq; None: it is none, or none known here."""
    worker = _worker(main_words(case, container))
    return None if worker is None else _NAMES[worker]


def _worker(words: tuple[str, ...]) -> str | None:
    if not words:
        return None
    program = words[0].rpartition("/")[2]
    if program.startswith("python") and "-m" in words:
        program = words[words.index("-m") + 1] if words[-1] != "-m" else program
    if program == "celery" and "worker" in words:
        return "celery"
    if program == "sidekiq":
        return "sidekiq"
    return "queue:work" if program.startswith("php") and "queue:work" in words else None


def _values(words: tuple[str, ...], options: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in options:
            if equals:
                yield value, word
            elif number + 1 < len(words):
                yield words[number + 1], f"{word} {words[number + 1]}"
