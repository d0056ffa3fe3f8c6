"""LD401: there is no other pod to take the requests while this one ends and its replacement starts."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import Cause
from lameduck.ending.requests import Fate
from lameduck.findings.examples import request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import after_mark, requests, seconds, when
from lameduck.pod.durations import Seconds
from lameduck.pod.place import FieldPath
from lameduck.pod.workloads import Recreate

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
`kubectl delete` do not.
## How to mend it
```yaml
spec:
  replicas: 2
  strategy:
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
```
and a PodDisruptionBudget with `maxUnavailable: 1`, so that a drain takes one pod at a time (T98, T99). A workload that
must not run twice cannot be ended without a gap: make its start short.
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
    ),
    Example(
        "Recreate: all pods end before the first new one is created",
        replicas=1,
        workload="strategy: {type: Recreate}",
        requests=(request(Fate.REFUSED, 0.5), request(Fate.REFUSED, 1.5, pod=None)),
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
)


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
)
