"""LD305: the work that is to be finished takes longer than any grace, when it is the node that goes."""

from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.findings.words import seconds
from lameduck.pod.case import Case
from lameduck.pod.containers import Role
from lameduck.pod.node_ends import node_ends
from lameduck.pod.programs.drain_times import drain_time

__all__ = ["FINDING"]

PAGE = """
## What happens
terminationGracePeriodSeconds is what a delete gives. When the node goes, others decide: a spot node is gone 30 s (GKE,
AKS) or two minutes (EC2) after its notice. The cluster autoscaler evicts with at most its own
`--max-graceful-termination-sec`, 600 s by default. A graceful node shutdown gives at most the seconds of the pod's
priority group, and is off by default (T105); a soft eviction gives evictionMaxPodGracePeriod, by default 0 (T103). What
needs more than that by its own settings, hook included (T17), is killed in the middle, whatever its grace.
## How to see it
Rollouts end well, and scale-downs or reclaimed nodes do not: exit code 137 (T58) long before the grace is over.
`lameduck rehearse --grace 30` shows what a shorter grace would cost.
## How to mend it
Let the work be stopped and taken up again: smaller tasks, checkpoints, messages that are acknowledged when they are
done. What cannot be interrupted belongs on nodes that stay; the autoscaler leaves pods alone that say so:
```yaml
metadata:
  annotations:
    cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
```
"""

_HOURS = "command: [celery, -A, proj, worker, --time-limit=3600]"
_SHORT = "command: [gunicorn, --graceful-timeout, '60', 'app:app']"
_GRACE = "terminationGracePeriodSeconds: 3700"


def _on(label: str, grace_s: int = 90) -> str:
    return f"terminationGracePeriodSeconds: {grace_s}\nnodeSelector: {{{label}}}"


_TERM = "{matchExpressions: [{key: karpenter.sh/capacity-type, operator: In, values: [%s]}]}"
_AFFINITY = (
    "terminationGracePeriodSeconds: 200\naffinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
    f"{{nodeSelectorTerms: [{_TERM}]}}}}}}"
)
_THREE_MINUTES = "command: [celery, -A, proj, worker, --time-limit=180]"

BAD = (
    Example("tasks of up to an hour, and an autoscaler", container=_HOURS, pod=_GRACE, only=Witness.FILES),
    Example(
        "a minute for requests on a spot node of GKE, which is gone after half of one",
        container=_SHORT,
        pod=_on('cloud.google.com/gke-spot: "true"'),
        only=Witness.FILES,
    ),
    Example(
        "hook and drain together are too long for a spot node of AKS",
        container="command: [uvicorn, --timeout-graceful-shutdown, '25', 'app:app']\n"
        "lifecycle: {preStop: {sleep: {seconds: 10}}}",
        pod=_on("kubernetes.azure.com/scalesetpriority: spot", 45),
        only=Witness.FILES,
    ),
    Example(
        "an affinity leaves nothing but spot nodes",
        container=_THREE_MINUTES,
        pod=_AFFINITY % "spot",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "the autoscaler leaves these pods alone",
        whole="""
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web}
            spec:
              selector: {matchLabels: {app: web}}
              template:
                metadata:
                  labels: {app: web}
                  annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: "false"}
                spec:
                  terminationGracePeriodSeconds: 3700
                  containers:
                    - name: app
                      image: registry.example/app:1
                      command: [celery, -A, proj, worker, --time-limit=3600]
        """,
        only=Witness.FILES,
    ),
    Example(
        "ten minutes are enough for it",
        container=_THREE_MINUTES,
        pod="terminationGracePeriodSeconds: 200",
        only=Witness.FILES,
    ),
    Example(
        "a drain that is over before a spot node is",
        container=_SHORT,
        pod=_on("eks.amazonaws.com/capacityType: SPOT"),
        only=Witness.FILES,
    ),
    Example(
        "a long grace, and nothing says that it is needed: an upper limit costs nothing",
        pod="terminationGracePeriodSeconds: 3600",
        only=Witness.FILES,
    ),
    Example(
        "the affinity allows other nodes as well",
        container=_THREE_MINUTES,
        pod=_AFFINITY % "spot, on-demand",
        only=Witness.FILES,
    ),
    Example(
        "gunicorn's own 30 s, which a file in its image may change",
        container="command: [gunicorn, 'app:app']\nlifecycle: {preStop: {sleep: {seconds: 5}}}",
        pod=_on('cloud.google.com/gke-spot: "true"'),
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    spec = case.workload.pod
    for container in spec.containers:
        need = drain_time(case, container) if container.role is Role.REGULAR else None
        ends = [end for end in node_ends(case.workload) if need is not None and end.gives_s < need.seconds]
        if need is None or not ends:
            continue
        yield Sighting(
            container.name,
            spec.grace_at or container.at,
            f"{container.name} may need {seconds(need.seconds)} to end ({need.says}), and {ends[0].says}, whatever the "
            "pod's grace is",
            f"Let its work be interrupted and taken up again, or {ends[0].avoid}",
        )


FINDING = Finding(
    "LD305",
    "node-gives-less",
    Severity.INFO,
    facts=("T17", "T58", "T103", "T105"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
)
