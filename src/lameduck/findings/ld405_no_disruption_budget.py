"""LD405: no disruption budget keeps a drain from taking all replicas that stand on one node."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case
from lameduck.pod.programs.receivers import client_services
from lameduck.pod.replica_count import ONE_FOR_ANOTHER, replica_count

__all__ = ["FINDING"]

PAGE = """
## What happens
`kubectl drain` evicts all pods of a node side by side (T101), and node upgrades and autoscalers do it on several nodes
at a time. The Eviction API then asks disruption budgets, and only those (T98): without one, all replicas may be taken
before the first replacement is ready. Two replicas on one node are nothing unusual, because the scheduler only prefers
to spread them.
## How to see it
`kubectl get pdb` lists none for these pods. `lameduck check` looks only into the files that it was given: a budget that
is kept elsewhere is not seen.
## How to mend it
```yaml
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {app: web}
```
It holds for evictions only: deletes and rollouts do not ask it (T99). One replica needs none: it could only make drains
hang.
"""

_COMPLETE = "lifecycle: {preStop: {sleep: {seconds: 5}}}\nreadinessProbe: {httpGet: {port: 8080}}"
BAD = (Example("three replicas", replicas=3, container=_COMPLETE, objects=SERVICE, bare=True, only=Witness.FILES),)
GOOD = (
    Example(
        "a budget for all pods of the namespace",
        container=_COMPLETE,
        objects=SERVICE
        + """---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: all
spec:
  maxUnavailable: 1
  selector: {}
""",
        only=Witness.FILES,
    ),
    Example(
        "one replica: a budget could only block the drain",
        replicas=1,
        container=_COMPLETE,
        objects=SERVICE,
        bare=True,
        also=("LD401",),
        only=Witness.FILES,
    ),
    Example("workers: what they drop is done again", replicas=3, only=Witness.FILES),
    Example(
        "pods on every node, which a drain leaves alone",
        whole="""
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: app
          image: registry.example/app:1
          readinessProbe: {httpGet: {port: 8080}}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
""",
        objects=SERVICE,
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    workload, count = case.workload, replica_count(case)
    if case.budgets or count.least < 2 or workload.kind not in (*ONE_FOR_ANOTHER, "StatefulSet"):
        return
    services = client_services(case)
    if services:
        yield Sighting(
            None,
            (*workload.at, "metadata"),
            f"no PodDisruptionBudget in these files covers the {count.least} replicas of {workload.title} behind "
            f"Service/{services[0].name}: a drain may take all that stand on its node at once",
            "Write one with maxUnavailable: 1 and the selector of these pods",
        )


FINDING = Finding(
    "LD405",
    "no-disruption-budget",
    Severity.INFO,
    facts=("T98", "T99", "T101"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
)
