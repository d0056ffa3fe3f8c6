"""LD408: a pod may take longer to start than its Deployment waits for progress."""

from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Probe, Role
from lameduck.remedies.remedy import Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
progressDeadlineSeconds is the time without progress after which a rollout is reported as failed; 600 where nothing is
written. It has nothing to do with how long old pods take to end (T116): what uses it up is a new pod that starts. A
startup probe may be asked for longer than that (its initialDelaySeconds and periodSeconds times failureThreshold:
T72). Then `kubectl rollout status`, `helm --wait` and deployment pipelines call a rollout failed while its pods start
as they are allowed to, and whoever rolls back on that ends pods which were nearly ready.
## How to see it
`kubectl describe deployment` shows `ProgressDeadlineExceeded`, and some minutes later the new pods are ready
nevertheless.
## How to mend it
```yaml
progressDeadlineSeconds: 1260    # the startup probe's 1200 s and a minute
```
or a startup probe that gives up sooner. The remedy is not applied by itself: a rollout that is really stuck is reported
later, too.
"""

_MARGIN_S = 60
_DEFAULT_S = 600

BAD = (
    Example(
        "a model that may take twenty minutes to load, and the default",
        container="startupProbe: {httpGet: {path: /health, port: 8000}, periodSeconds: 10, failureThreshold: 120}",
        only=Witness.FILES,
    ),
    Example(
        "a deadline that was shortened",
        container="startupProbe: {httpGet: {path: /health, port: 8000}, periodSeconds: 5, failureThreshold: 60}",
        workload="progressDeadlineSeconds: 120",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "a deadline that holds the start",
        container="startupProbe: {httpGet: {path: /health, port: 8000}, periodSeconds: 10, failureThreshold: 120}",
        workload="progressDeadlineSeconds: 1800",
        only=Witness.FILES,
    ),
    Example(
        "a startup probe of five minutes, and the default",
        container="startupProbe: {httpGet: {path: /health, port: 8000}, periodSeconds: 10, failureThreshold: 30}",
        only=Witness.FILES,
    ),
    Example(
        "a startup probe whose last question comes before the deadline",
        container="startupProbe: {tcpSocket: {port: 8000}, initialDelaySeconds: 2, periodSeconds: 10, "
        "failureThreshold: 60}",
        only=Witness.FILES,
    ),
    Example(
        "a long grace: the end of old pods is not progress, nor the lack of it",
        pod="terminationGracePeriodSeconds: 3600",
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        only=Witness.FILES,
    ),
    Example(
        "Recreate, where the old pods are gone before anything starts: the same deadline holds",
        replicas=1,
        workload="strategy: {type: Recreate}",
        container="startupProbe: {tcpSocket: {port: 8000}, failureThreshold: 30}",
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    workload = case.workload
    if workload.kind != "Deployment" or not workload.api_version.startswith("apps/"):
        return
    deadline_s = workload.progress_deadline_s or _DEFAULT_S
    slowest = _slowest(case)
    if slowest is None or slowest[0] - slowest[2].period_s <= deadline_s:
        return  # the last answer may come as late as that, and not later
    needed_s, container, probe = slowest
    default = " by default" if workload.progress_deadline_s is None else ""
    yield Sighting(
        container.name,
        probe.at,
        f"{container.name} may take {needed_s:,} s to start by its startup probe, and the rollout is called failed "
        f"after {deadline_s:,} s without progress{default}",
        f"Set progressDeadlineSeconds: {needed_s + _MARGIN_S}, or let the startup probe give up sooner",
    )


def _slowest(case: Case) -> tuple[int, Container, Probe] | None:
    """The container that may take longest, the seconds, and its startup probe."""
    found = [
        (probe.initial_delay_s + probe.period_s * probe.failure_threshold, container, probe)
        for container in case.workload.pod.containers
        if container.role in (Role.REGULAR, Role.SIDECAR) and (probe := container.startup) is not None
    ]
    return max(found, key=lambda each: each[0], default=None)


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    slowest = _slowest(case)
    if slowest is None or slowest[1].name != seen.container:
        return None
    deadline_s = slowest[0] + _MARGIN_S
    change = SetField((*case.workload.at, "spec", "progressDeadlineSeconds"), deadline_s, "holds the whole start")
    return Remedy((change,), safe=False, title=f"Wait {deadline_s:,} s for progress")


FINDING = Finding(
    "LD408",
    "start-outlasts-progress-deadline",
    Severity.INFO,
    facts=("T72", "T116"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
