"""LD702: a queue worker's task may take longer than the grace leaves."""

import math
from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.findings.words import seconds
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Role
from lameduck.pod.programs.hook_steps import hook_wait
from lameduck.pod.programs.task_limits import TaskLimit, task_limit
from lameduck.remedies.pauses import CLEAN_UP_S, grace_for
from lameduck.remedies.remedy import Remedy

__all__ = ["FINDING"]

PAGE = """
## What happens
At the stop signal Celery, Sidekiq and Laravel's queue:work take no new task and finish those that they have begun. How
long that may take, their own limit says: a task that runs for longer is ended by the worker itself. Where the grace
(30 s by default: T5) leaves less than that behind the hook (T17), SIGKILL ends the task in the middle (T18). What
becomes of it depends on the queue: it is lost, or it runs a second time when somebody notices.
## How to see it
The worker's log ends in the middle of a task, and the pod ends with exit code 137 (T58) exactly when the grace is over.
## How to mend it
Give the pod the limit of its tasks and some seconds more:
```yaml
terminationGracePeriodSeconds: 310     # --time-limit=300, and time to exit
```
or make the limit shorter than the grace. Drains wait for as long as the grace is, and a node that shuts down gives less
(T105): tasks of many minutes had better be cut into pieces, or be acknowledged late and safe to run twice. A grace of
up to ten minutes is written by `--fix`, a longer one by `--fix --unsafe` only.
"""

BAD = (
    Example(
        "Celery tasks of up to five minutes, and the default grace",
        container="command: [celery, -A, proj, worker, --time-limit=300]",
        only=Witness.FILES,
    ),
    Example(
        "Sidekiq waits for a minute before it puts jobs back, and is killed after half of one",
        container="command: [bundle, exec, sidekiq, -t, '60', -C, config/sidekiq.yml]",
        only=Witness.FILES,
    ),
    Example(
        "Laravel jobs of up to an hour, and a grace of two minutes",
        container="command: [php, artisan, 'queue:work', --timeout=3600]",
        pod="terminationGracePeriodSeconds: 120",
        also=("LD305",),
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "a grace that holds the limit",
        container="command: [celery, -A, proj, worker, --time-limit=300]",
        pod="terminationGracePeriodSeconds: 310",
        only=Witness.FILES,
    ),
    Example(
        "Sidekiq's default of 25 s, which was made for a grace of 30",
        container="command: [bundle, exec, sidekiq]",
        only=Witness.FILES,
    ),
    Example(
        "the scheduler, which runs no tasks",
        container="command: [celery, -A, proj, beat]",
        only=Witness.FILES,
    ),
    Example(
        "a worker that is told to stop at once, and whose tasks are put back",
        container="command: [celery, -A, proj, worker, --time-limit=300]\nenv: [{name: REMAP_SIGTERM, value: SIGQUIT}]",
        only=Witness.FILES,
    ),
    Example(
        "no limit is written: how long tasks take, nobody can tell",
        container="command: [celery, -A, proj, worker]",
        only=Witness.FILES,
    ),
)

_SAFE_GRACE_S = 600


def in_files(case: Case) -> Iterator[Sighting]:
    for container in case.workload.pod.containers:
        limit = task_limit(case, container) if container.role is Role.REGULAR else None
        if limit is None:
            continue
        left_s = _left_s(case, container)
        if not 0 < left_s < limit.seconds:
            continue  # a hook that takes all of it is LD204's matter
        yield Sighting(
            container.name,
            container.at if case.workload.pod.grace_at is None else case.workload.pod.grace_at,
            f"{limit.worker} finishes its tasks at the stop signal, for up to {seconds(limit.seconds)} ({limit.says}), "
            f"and the grace leaves {container.name} {seconds(left_s)}: a longer task is killed",
            f"Set terminationGracePeriodSeconds: {_grace_s(container, limit)}, or lower the limit",
        )


def _left_s(case: Case, container: Container) -> float:
    return case.workload.pod.termination_grace_period_s - hook_wait(container.pre_stop).least_s


def _grace_s(container: Container, limit: TaskLimit) -> int:
    return math.ceil(hook_wait(container.pre_stop).least_s + limit.seconds) + CLEAN_UP_S


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    container = case.workload.pod.container(seen.container or "")
    limit = task_limit(case, container)
    if limit is None or limit.seconds > 86400:
        return None
    grace_s = _grace_s(container, limit)
    change = grace_for(case.workload.pod, grace_s, f"holds the longest task, {limit.says}")
    return Remedy((change,), safe=grace_s <= _SAFE_GRACE_S, title=f"Give the pod {grace_s:,} s")


FINDING = Finding(
    "LD702",
    "task-outlives-grace",
    Severity.WARNING,
    facts=("T5", "T17", "T18", "T58", "T105"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
