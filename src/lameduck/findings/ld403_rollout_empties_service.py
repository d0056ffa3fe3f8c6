"""LD403: a rollout takes all pods from a Service before the new ones are ready."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case
from lameduck.pod.containers import Role
from lameduck.pod.place import FieldPath
from lameduck.pod.programs.receivers import client_services
from lameduck.pod.programs.stores import is_store
from lameduck.pod.replica_count import ReplicaCount, replica_count, serves_only_these
from lameduck.pod.rolling import fenceposts
from lameduck.pod.workloads import OnDelete, Recreate, RollingUpdate
from lameduck.remedies.remedy import Change, Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
maxUnavailable says how many of the pods that should be there may be missing during a rollout; a percentage is rounded
down, and 1 is what remains where maxSurge and maxUnavailable both come to 0 (T114). When it comes to all of them, the
controller may delete every old pod before one new pod is ready, and does so: an old pod does not wait for its
replacement. Recreate does it by design (T117). Until the first new pod is ready, the Service has no endpoint, and new
connections are refused (T88).
## How to see it
`lameduck rehearse --end rollout` counts requests that found no pod. In a cluster: errors at every rollout, for as long
as a pod takes to start. `kubectl rollout status` calls it a success.
## How to mend it
```yaml
strategy:
  rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
```
It needs room for one more pod, and two versions run side by side for a while. Where that must not be, each rollout is
an outage: announce it, and make the start short. lameduck is quiet about one replica that nothing may stand beside
(Recreate, or maxSurge 0): whoever writes that knows it. Because it may have been meant, the mend is offered as
`--fix --unsafe` only.
"""

_WAITS = "lifecycle: {preStop: {sleep: {seconds: 5}}}"
BAD = (
    Example(
        "one of one may be missing: the old pod goes at once",
        replicas=1,
        container=_WAITS,
        workload="strategy: {rollingUpdate: {maxUnavailable: 1}}",
        objects=SERVICE,
        also=("LD401",),
        only=Witness.FILES,
    ),
    Example(
        "all at once, to be quick",
        replicas=4,
        container=_WAITS,
        workload="strategy: {rollingUpdate: {maxUnavailable: 100%, maxSurge: 0}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "three replicas that are recreated",
        replicas=3,
        container=_WAITS,
        workload="strategy: {type: Recreate}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "an autoscaler that may leave no more pods than may be missing",
        replicas=6,
        container=_WAITS,
        workload="strategy: {rollingUpdate: {maxUnavailable: 2}}",
        objects=SERVICE
        + """---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 8
""",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "the default, with three replicas: a quarter of them, rounded down, is none",
        replicas=3,
        container=_WAITS,
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "half of two: one stays",
        container=_WAITS,
        workload="strategy: {rollingUpdate: {maxUnavailable: 50%}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "no surge and a quarter of two, which comes to none and counts as one: the other stays",
        container=_WAITS,
        workload="strategy: {rollingUpdate: {maxUnavailable: 25%, maxSurge: 0}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "one pod and its volume: nothing may stand beside it",
        replicas=1,
        container=_WAITS,
        workload="strategy: {type: Recreate}",
        pod="volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "one pod, and none beside it: said in numbers",
        replicas=1,
        container=_WAITS,
        workload="strategy: {rollingUpdate: {maxUnavailable: 1, maxSurge: 0}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "one pod with a port of the node: the next one fits beside it on no cluster of one node",
        replicas=1,
        container=_WAITS + "\nports: [{containerPort: 8080, hostPort: 80}]",
        workload="strategy: {rollingUpdate: {maxUnavailable: 1}}",
        objects=SERVICE,
        also=("LD401",),
        only=Witness.FILES,
    ),
    Example(
        "one pod on the node's network, for the same reason",
        replicas=1,
        container=_WAITS,
        pod="hostNetwork: true",
        workload="strategy: {rollingUpdate: {maxUnavailable: 100%}}",
        objects=SERVICE,
        also=("LD401",),
        only=Witness.FILES,
    ),
    Example(
        "one pod with a volume of its own, which the next one must not share",
        replicas=1,
        container=_WAITS,
        pod="volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]",
        workload="strategy: {rollingUpdate: {maxUnavailable: 1, maxSurge: 1}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a database, of which two versions on the same data would be worse than a gap",
        container=f"image: postgres:16\n{_WAITS}",
        workload="strategy: {type: Recreate}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "workers that nobody sends requests to",
        replicas=3,
        workload="strategy: {type: Recreate}",
        only=Witness.FILES,
    ),
    Example(
        "one of two versions behind a Service: the other stays",
        whole="""
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-v2}
spec:
  replicas: 2
  strategy: {type: Recreate}
  selector:
    matchLabels: {app: web, version: v2}
  template:
    metadata:
      labels: {app: web, version: v2}
    spec:
      containers:
        - name: app
          image: registry.example/app:2
          readinessProbe: {httpGet: {port: 8080}}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
""",
        objects=SERVICE,
        also=("LD405",),
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    workload = case.workload
    if workload.kind not in ("Deployment", "DeploymentConfig"):
        return
    service = next((each for each in client_services(case) if serves_only_these(case, each)), None)
    count = replica_count(case)
    if service is None or count.most == 0:
        return
    if any(is_store(container) for container in workload.pod.containers if container.role is Role.REGULAR):
        return  # two of them on the same data, or of two versions, are worse than a gap
    behind = f"behind Service/{service.name}"
    match workload.strategy:
        case Recreate() if count.most > 1:
            pods = f"the {count.most} pods" if count.autoscaler is None else f"the up to {count.most} pods"
            yield Sighting(
                None,
                (*workload.at, "spec", "strategy"),
                f"Recreate ends all of {pods} {behind} before it starts a new one: each rollout refuses all requests "
                "until the first is ready",
                "Set strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}, if two versions "
                "may run at once",
            )
        case RollingUpdate() as rolling:
            yield from _rolling(case, rolling, count, behind)
        case _:
            return


def _rolling(case: Case, rolling: RollingUpdate, count: ReplicaCount, behind: str) -> Iterator[Sighting]:
    replicas = max(count.least, 1)
    surge, unavailable = fenceposts(replicas, rolling)
    if unavailable < replicas or (replicas == 1 and (surge == 0 or _has_no_room_beside(case))):
        return
    pods = "the only pod" if replicas == 1 else f"all {replicas} pods"
    when = "" if count.autoscaler is None else f", when the autoscaler {count.autoscaler.name} leaves no more"
    yield Sighting(
        None,
        _max_unavailable(case),
        f"a rollout may end {pods} {behind} at once{when}, because maxUnavailable is {rolling.max_unavailable}: "
        "requests are refused until a new one is ready",
        "Set maxUnavailable: 0 and maxSurge: 1, if the nodes have room for one more pod",
        severity=None if count.autoscaler is None else Severity.INFO,
    )


def _has_no_room_beside(case: Case) -> bool:
    """A volume that the old pod holds, or a port of the node: a new pod could wait for the old one's end for ever."""
    spec = case.workload.pod
    host_ports = any(port.host_port is not None for container in spec.containers for port in container.ports)
    return bool(spec.claims) or spec.host_network or host_ports


def _max_unavailable(case: Case) -> FieldPath:
    workload = case.workload
    params = "rollingUpdate" if workload.kind == "Deployment" else "rollingParams"
    return (*workload.at, "spec", "strategy", params, "maxUnavailable")


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    if case.workload.kind != "Deployment" or seen.at is None:
        return None
    reason = "keeps every old pod until a new one is ready"
    changes: tuple[Change, ...]
    match case.workload.strategy:
        case Recreate():
            changes = (
                SetField(
                    seen.at, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}, reason
                ),
            )
        case RollingUpdate() as strategy:
            changes = (SetField(seen.at, 0, reason),)
            if fenceposts(max(replica_count(case).least, 1), strategy)[0] == 0:
                changes += (SetField((*seen.at[:-1], "maxSurge"), 1, "lets the new pod come first"),)
        case OnDelete():
            return None
    return Remedy(changes, safe=False, title="Start each new pod before an old one ends")


FINDING = Finding(
    "LD403",
    "rollout-empties-service",
    Severity.WARNING,
    facts=("T88", "T114", "T117"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
