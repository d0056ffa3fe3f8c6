"""LD503: a helper container that never ends keeps its Job from ever being complete."""

from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case
from lameduck.pod.companions import DATABASE_PROXIES, SHIPPERS, image_word
from lameduck.pod.containers import Container, Role
from lameduck.pod.programs.main_command import environment

__all__ = ["FINDING"]

PAGE = """
## What happens
A pod has succeeded when all its regular containers have exited with 0 (T62). The work is done, its container has
exited, and the proxy or log shipper beside it waits for more: the pod stays Running, the Job is never complete. What
waits for the Job waits for ever, a CronJob that forbids concurrency never runs again, and a deadline, where there is
one, reports work that was done as failed.
## How to see it
`kubectl get pods` shows the pod as Running with 1/2 ready, long after its work is done.
## How to mend it
Make the helper a native sidecar: when the regular containers of a Job's pod have finished, it is stopped (T49; on by
default since Kubernetes 1.29):
```yaml
initContainers:
  - name: cloud-sql-proxy
    restartPolicy: Always
```
Before that, the work itself has to end its helper: the Cloud SQL proxy has `--quitquitquit` for it, together with
`--exit-zero-on-sigterm`.
"""

_JOB = """
apiVersion: batch/v1
kind: Job
metadata: {{name: migrate}}
spec:
  template:
    spec:
      restartPolicy: Never{pod}
      containers:
        - name: migrate
          image: registry.example/app:1
          command: [/app/migrate{more}]
        - name: beside
          image: {image}
          args: [{args}]
"""
_PROXY = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.0"


def _job(image: str = _PROXY, *, args: str = "--port=5432, 'p:r:i'", pod: str = "", more: str = "") -> str:
    return _JOB.format(image=image, args=args, pod=pod, more=more)


BAD = (
    Example("a migration, and the proxy to its database", whole=_job(), only=Witness.FILES),
    Example("a log shipper beside the work", whole=_job("fluent/fluent-bit:3.1", args=""), only=Witness.FILES),
)
GOOD = (
    Example(
        "the work can end the proxy",
        whole=_job(args="--quitquitquit, --exit-zero-on-sigterm, 'p:r:i'"),
        only=Witness.FILES,
    ),
    Example(
        "the work can signal the proxy's process",
        whole=_job(pod="\n      shareProcessNamespace: true"),
        only=Witness.FILES,
    ),
    Example(
        "a shipper that is told to end with its input",
        whole=_job("docker.elastic.co/beats/filebeat:8.15.0", args="--once"),
        only=Witness.FILES,
    ),
    Example(
        "a second container that does work of its own",
        whole=_job("registry.example/report:1", args=""),
        only=Witness.FILES,
    ),
    Example("a service: nobody waits for its end", beside=f"- {{name: db, image: '{_PROXY}'}}", only=Witness.FILES),
    Example(
        "the proxy as a native sidecar",
        whole="""
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec:
      restartPolicy: Never
      initContainers:
        - {name: db, restartPolicy: Always, image: 'gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.0'}
      containers:
        - {name: migrate, image: 'registry.example/app:1'}
""",
        only=Witness.FILES,
    ),
)

_ENDS_IT = ("quitquitquit", "exit-zero-on-sigterm", "once", "exit_on_eof", "lifecycle", "kruise_terminate", "-test")


def in_files(case: Case) -> Iterator[Sighting]:
    spec = case.workload.pod
    if case.workload.kind not in ("Job", "CronJob") or spec.share_process_namespace:
        return
    regular = [container for container in spec.containers if container.role is Role.REGULAR]
    helpers = [each for each in regular if image_word(each) in DATABASE_PROXIES | SHIPPERS]
    work = [each for each in regular if each not in helpers]
    if not work:
        return
    for helper in helpers:
        if helper.command is None and not any(_says_how_it_ends(case, each) for each in (helper, *work)):
            yield Sighting(
                helper.name,
                helper.at,
                f"{helper.name} goes on when {work[0].name} has finished: {case.workload.title} is never complete",
                "Make it a native sidecar: move it to initContainers, with restartPolicy: Always"
                if case.kubernetes >= (1, 29)
                else f"Let {work[0].name} end it when the work is done",
            )


def _says_how_it_ends(case: Case, container: Container) -> bool:
    words = (*(container.command or ()), *(container.args or ()), *environment(case, container))
    return any(sign in word.lower() for word in words for sign in _ENDS_IT)


FINDING = Finding(
    "LD503",
    "helper-keeps-job-alive",
    Severity.ERROR,
    facts=("T49", "T62"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
)
