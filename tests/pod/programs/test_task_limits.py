"""The limits of queue workers' tasks, from their command lines."""

import json

import pytest

from lameduck.pod.case import Case
from lameduck.pod.durations import Seconds
from lameduck.pod.programs.task_limits import TaskLimit, task_limit
from lameduck.pod.reading import read_text


def _limit(*command: str, env: str = "[]") -> TaskLimit | None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec:\n  containers:\n    - name: app\n      image: w:1\n"
        f"      command: {json.dumps(command)}\n      env: {env}\n"
    )
    (workload,) = read_text(text, "w.yaml").workloads
    return task_limit(Case(workload), workload.pod.containers[0])


@pytest.mark.parametrize(
    ("command", "limit_s", "says"),
    [
        (("celery", "-A", "p", "worker", "--time-limit=300"), 300, "--time-limit=300"),
        (("celery", "-A", "p", "worker", "--time-limit", "60"), 60, "--time-limit 60"),
        (("python", "-m", "celery", "-A", "p", "worker", "--time-limit=9"), 9, "--time-limit=9"),
        (("bundle", "exec", "sidekiq", "-t", "60"), 60, "-t 60"),
        (("sh", "-c", "exec sidekiq --timeout 40"), 40, "--timeout 40"),
        (("php", "artisan", "queue:work", "redis", "--timeout=90"), 90, "--timeout=90"),
    ],
)
def test_a_workers_limit_is_read_where_it_is_written(command: tuple[str, ...], limit_s: int, says: str) -> None:
    limit = _limit(*command)
    assert limit is not None
    assert (limit.seconds, limit.says) == (Seconds(float(limit_s)), says)


@pytest.mark.parametrize(
    "command",
    [
        ("celery", "-A", "p", "worker"),
        ("celery", "-A", "p", "beat", "--time-limit=300"),
        ("celery", "-A", "p", "worker", "--time-limit=$(LIMIT)"),
        ("php", "artisan", "queue:work", "--timeout=0"),
        ("php", "artisan", "queue:listen", "--timeout=90"),
        ("python", "-m"),
        ("server", "--timeout", "90"),
        (),
    ],
)
def test_what_is_no_worker_or_has_no_limit_has_none(command: tuple[str, ...]) -> None:
    assert _limit(*command) is None


def test_celery_that_maps_the_signal_to_a_cold_shutdown_does_not_wait() -> None:
    command = ("celery", "-A", "p", "worker", "--time-limit=300")
    assert _limit(*command, env="[{name: REMAP_SIGTERM, value: SIGQUIT}]") is None
