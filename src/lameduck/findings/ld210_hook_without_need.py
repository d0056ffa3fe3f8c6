"""LD210: a delay for clients, on a container that has none."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.findings.words import seconds
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Role
from lameduck.pod.handlers import plain_sleep
from lameduck.pod.programs.task_limits import queue_worker
from lameduck.remedies.remedy import Remedy, RemoveField

__all__ = ["FINDING"]

PAGE = """
## What happens
A pause before the stop signal gives everybody who sends requests the time to learn that the pod is leaving (T76, T97).
A Job's container and a queue worker get none: no endpoint leads to them. There the pause only makes each end longer, a
drain of the node as well, and is taken from the grace (T17) that the work itself could have had. A worker is worse off:
it hears of its end only behind the pause, and takes new tasks until then.
## How to see it
Nothing in the log between the deletion and the stop signal, except new tasks. In a Job nothing at all: the hook does
not run when the work is done (T22), only when somebody deletes or drains the pod.
## How to mend it
Take the hook away. The stop signal then comes at once, and the whole grace is there for the work that was begun. Not
every container wants a preStop hook; those behind a Service do (LD201).
"""

_JOB = """
apiVersion: batch/v1
kind: Job
metadata:
  name: import
spec:
  template:
    metadata:
      labels: {{app: import}}
    spec:
      restartPolicy: OnFailure
      containers:
        - name: import
          image: registry.example/app:1{ports}
          lifecycle: {{preStop: {{sleep: {{seconds: {seconds}}}}}}}{beside}
"""
_PORTS = "\n          ports: [{containerPort: 8080}]"
_PROXY = "\n        - name: proxy\n          image: registry.example/proxy:1"


def _job(wait_s: int = 10, ports: str = "", beside: str = "") -> str:
    return _JOB.format(seconds=wait_s, ports=ports, beside=beside)


_WORKER = "command: [celery, -A, proj, worker]\nlifecycle: {preStop: {exec: {command: [sleep, '15']}}}"
BAD = (
    Example(
        "a Celery worker that takes new tasks for 15 s longer",
        container=_WORKER,
        only=Witness.FILES,
    ),
    Example("a Job that nobody sends a request to", whole=_job(), only=Witness.FILES),
    Example(
        "Sidekiq behind bundle, with the pause of the web container beside which it was written",
        container="command: [bundle, exec, sidekiq]\nlifecycle: {preStop: {sleep: {seconds: 10}}}",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example("a worker without a hook", container="command: [celery, -A, proj, worker]", only=Witness.FILES),
    Example(
        "a hook that tells the worker to take no more, and waits then",
        container="command: [celery, -A, proj, worker]\n"
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'celery -A proj control cancel_consumer q; sleep 15']}}}",
        only=Witness.FILES,
    ),
    Example(
        "no Service in these files: that of another repository may lead there",
        container="lifecycle: {preStop: {sleep: {seconds: 10}}}",
        only=Witness.FILES,
    ),
    Example(
        "a worker with a port: somebody asks it",
        container=f"{_WORKER}\nports: [{{containerPort: 8080}}]",
        only=Witness.FILES,
    ),
    Example("a worker that a Service selects", container=_WORKER, objects=SERVICE, only=Witness.FILES),
    Example(
        "a worker with a helper beside it, which may be what it waits for",
        container=_WORKER,
        beside="- {name: log, image: 'registry.example/log:1'}",
        only=Witness.FILES,
    ),
    Example("a Job with a port", whole=_job(ports=_PORTS), only=Witness.FILES),
    Example("a Job's container with another one beside it", whole=_job(beside=_PROXY), only=Witness.FILES),
    Example(
        "a Job that gives its work ten minutes to be done before it is told to stop",
        whole=_job(600).replace("restartPolicy", "terminationGracePeriodSeconds: 660\n      restartPolicy"),
        only=Witness.FILES,
    ),
)

_DELAY_UP_TO_S = 30
"""Whoever lets a Job wait for longer gives its work time to finish, which is another thing than a delay."""


def in_files(case: Case) -> Iterator[Sighting]:
    container = _only(case)
    wait_s = plain_sleep(container.pre_stop) if container is not None else None
    if container is None or container.pre_stop is None or not wait_s or _may_be_asked(case, container):
        return
    waits = f"{container.name} waits {seconds(wait_s)} in its preStop hook"
    worker = queue_worker(case, container)
    if worker is not None:
        message = f"{waits}, and no clients have to be sent elsewhere meanwhile: {worker} takes new tasks for so long"
    elif case.workload.kind in ("Job", "CronJob") and wait_s <= _DELAY_UP_TO_S:
        message = f"{waits}, and nobody sends requests to a {case.workload.kind}: the work gets that less of the grace"
    else:
        return
    yield Sighting(container.name, container.pre_stop.at, message, "Remove the hook")


def _only(case: Case) -> Container | None:
    """The pod's only regular container; with others beside it, one may wait for the other's sake."""
    regular = [container for container in case.workload.pod.containers if container.role is Role.REGULAR]
    return regular[0] if len(regular) == 1 else None


def _may_be_asked(case: Case, container: Container) -> bool:
    return bool(case.services or container.ports or container.readiness is not None)


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    handler = case.workload.pod.container(seen.container or "").pre_stop
    if handler is None:
        return None
    return Remedy((RemoveField(handler.at[:-1], "nobody sends it requests"),), safe=False, title="Remove the hook")


FINDING = Finding(
    "LD210",
    "hook-without-need",
    Severity.INFO,
    facts=("T17", "T22", "T76", "T97"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
