"""LD401: there is no other pod to take the requests while this one ends and its replacement starts."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import Cause
from lameduck.ending.requests import Fate
from lameduck.findings.examples import SERVICE, request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import after_mark, requests, seconds, when
from lameduck.pod.case import Case
from lameduck.pod.containers import Role
from lameduck.pod.durations import Seconds
from lameduck.pod.place import FieldPath
from lameduck.pod.programs.receivers import client_services
from lameduck.pod.programs.stores import is_store
from lameduck.pod.replica_count import ONE_FOR_ANOTHER, replica_count, serves_only_these
from lameduck.pod.rolling import fenceposts
from lameduck.pod.workloads import OnDelete, Recreate, RollingUpdate
from lameduck.remedies.remedy import Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
When the only ready pod of a Service is deleted, it goes on getting new connections while it drains, because nobody
else is there (T87). From its stop until the replacement is ready and known, every request is refused (T88). The
replacement is created at once when the pod is marked (T112), but it needs its whole start. No preStop and no grace
close this gap; they only move it. `Recreate` makes the same gap by design: it waits until all old pods are gone
(T117).
## How to see it
`lameduck rehearse` counts requests that found no pod, from the stop to the readiness of the replacement. A rollout of
one replica can be clean nevertheless, because its default brings the new pod first (T114): node drains, evictions and
`kubectl delete` do not. `lameduck check` warns of one replica behind a Service, unless something says that it must stay
alone: a StatefulSet, a volume of its own, a database, a strategy that never runs two.
## How to mend it
```yaml
spec:
  replicas: 2
  strategy:
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
```
and a PodDisruptionBudget with `maxUnavailable: 1`, so that a drain takes one pod at a time (T98, T99). A workload that
must not run twice cannot be ended without a gap: make its start short. Two replicas are offered only as
`--fix --unsafe`: whether it may run twice is known to whoever wrote it.
"""

_WAITS = "lifecycle: {preStop: {sleep: {seconds: 5}}}"
_AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  minReplicas: {least}
  maxReplicas: 10
"""

BAD = (
    Example(
        "the only replica is deleted; its replacement needs half a minute",
        replicas=1,
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        behaviour=Behaviour(drain_s=Seconds(0.4)),
        replacement_ready_s=Seconds(30),
        requests=(
            request(Fate.OK, 3.0),
            request(Fate.REFUSED, 5.6),
            request(Fate.REFUSED, 20.0, pod=None),
            request(Fate.REFUSED, 30.5, pod=None),
            request(Fate.OK, 31.5, pod="web-a1-new"),
        ),
        objects=SERVICE,
    ),
    Example(
        "Recreate: all pods end before the first new one is created",
        replicas=1,
        workload="strategy: {type: Recreate}",
        requests=(request(Fate.REFUSED, 0.5), request(Fate.REFUSED, 1.5, pod=None)),
        only=Witness.ENDING,
    ),
    Example(
        "an autoscaler that may leave one pod at night",
        replicas=3,
        container=_WAITS,
        objects=SERVICE + "---" + _AUTOSCALER.format(least=1),
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "a second replica takes the requests",
        container="lifecycle: {preStop: {sleep: {seconds: 3}}}",
        replacement_ready_s=Seconds(30),
        requests=(request(Fate.OK, 0.5), request(Fate.OK, 5.5, pod="web-a2"), request(Fate.OK, 20.0, pod="web-a2")),
    ),
    Example(
        "one replica that serves on until its replacement is known",
        replicas=1,
        container="lifecycle: {preStop: {sleep: {seconds: 10}}}",
        replacement_ready_s=Seconds(3),
        requests=(request(Fate.OK, 2.0), request(Fate.OK, 5.0, pod="web-a1-new")),
    ),
    Example(
        "one replica in the file, and an autoscaler that keeps two",
        replicas=1,
        container=_WAITS,
        objects=SERVICE + "---" + _AUTOSCALER.format(least=2),
        only=Witness.FILES,
    ),
    Example("one worker that no Service sends anything to", replicas=1, only=Witness.FILES),
    Example(
        "one replica with a volume that only one pod may hold",
        replicas=1,
        container=_WAITS,
        pod="volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a cache: a second one would be another cache",
        replicas=1,
        container=f"image: redis:7\n{_WAITS}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a new pod never beside the old one: it must not run twice",
        replicas=1,
        container=_WAITS,
        workload="strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "switched off",
        replicas=0,
        container=_WAITS,
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a canary: the Service asks for less than what tells it from the stable version",
        whole="""
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-canary}
spec:
  replicas: 1
  selector:
    matchLabels: {app: web, track: canary}
  template:
    metadata:
      labels: {app: web, track: canary}
    spec:
      containers:
        - name: app
          image: registry.example/app:2
          readinessProbe: {httpGet: {port: 8080}}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
""",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a Service for its metrics only",
        replicas=1,
        container="ports: [{name: metrics, containerPort: 9090}]",
        objects=SERVICE.replace("name: web", "name: web-metrics").replace("8080", "metrics"),
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    workload = case.workload
    count = replica_count(case)
    if count.least != 1 or _stays_alone(case):
        return
    service = next((each for each in client_services(case) if serves_only_these(case, each)), None)
    if service is None:
        return
    gap = "while it is drained, evicted or deleted, nobody answers until its replacement is ready"
    scaler = count.autoscaler
    if scaler is not None:
        yield Sighting(
            None,
            (*scaler.at, "spec", "minReplicas"),
            f"the autoscaler {scaler.name} may leave {workload.title} with 1 pod behind Service/{service.name}: {gap}",
            "Set the autoscaler's minimum to 2",
            severity=Severity.INFO,
            document=scaler.document,
        )
        return
    says = "has 1 replica" if count.is_written else "says nothing of replicas, which makes 1,"
    yield Sighting(
        None,
        workload.replicas_at or (*workload.at, "spec"),
        f"{workload.title} {says} behind Service/{service.name}: {gap}",
        "Set replicas: 2, if it may run twice",
        severity=Severity.INFO,  # every second repository has such a workload on purpose: said, but no debt
        uncertain=not count.is_written,
    )


def _stays_alone(case: Case) -> bool:
    """Whether something says that a second pod is not wanted, or would be another thing than the first."""
    workload = case.workload
    if workload.kind not in ONE_FOR_ANOTHER or workload.pod.claims:
        return True
    if any(is_store(container) for container in workload.pod.containers if container.role is Role.REGULAR):
        return True
    match workload.strategy:
        case RollingUpdate() as rolling:
            return fenceposts(1, rolling)[0] == 0
        case Recreate():
            return True
        case OnDelete():
            return False


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    if seen.document is not None:
        return None
    workload = case.workload
    change = SetField((*workload.at, "spec", "replicas"), 2, "leaves one pod while the other ends")
    return Remedy((change,), safe=False, title="Run 2 replicas")


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    losses = witnessed.losses(Cause.NO_ENDPOINT)
    if not losses:
        return
    workload = witnessed.workload
    why, mend, at = _why(witnessed)
    times = when(after_mark(losses, witnessed.verdict.endings))
    yield Sighting(
        None,
        (*workload.at, *at),
        f"{requests(len(losses))} found no pod, {times}: {why}{_ready(witnessed)}",
        mend,
    )


def _why(witnessed: Witnessed) -> tuple[str, str, FieldPath]:
    """Why nobody else was there, what to do, and the field to do it in."""
    workload = witnessed.workload
    if workload.kind == "Pod":
        return "a bare Pod has no replicas", "Let a Deployment with replicas: 2 keep it", ()
    if workload.kind == "DaemonSet":
        return (
            "a DaemonSet has one pod on a node",
            "Let a rollout start the new pod first: updateStrategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}",
            ("spec", "updateStrategy"),
        )
    if isinstance(workload.strategy, Recreate):
        return (
            "the strategy Recreate ends all pods before it starts new ones",
            "Set strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}",
            ("spec", "strategy"),
        )
    if witnessed.replicas == 1:
        return "the one that ended was the only replica", "Set replicas: 2", ("spec", "replicas")
    return (
        f"none of the {witnessed.replicas} replicas was ready",
        "End one pod at a time: rollingUpdate: {maxUnavailable: 0}, and a PodDisruptionBudget with maxUnavailable: 1",
        ("spec", "strategy"),
    )


def _ready(witnessed: Witnessed) -> str:
    from lameduck.ending.timeline import PodReady, ReplicaPlanned

    new = {event.pod for event in witnessed.timeline.of(ReplicaPlanned) if event.replacement}
    ready_s = [event.t_s for event in witnessed.timeline.of(PodReady) if event.ready and event.pod in new]
    if not ready_s or not witnessed.verdict.endings:
        return ""
    return f"; a replacement was ready after {seconds(min(ready_s) - witnessed.verdict.endings[0].marked_s)}"


FINDING = Finding(
    "LD401",
    "no-other-pod",
    Severity.ERROR,
    facts=("T87", "T88", "T98", "T99", "T112", "T114", "T117"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
    in_files=in_files,
    remedy=remedy,
)
