"""LD404: a disruption budget never allows a disruption, so that no node with such a pod can be drained."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case, DisruptionBudget
from lameduck.pod.replica_count import ONE_FOR_ANOTHER, counts_only_these, replica_count
from lameduck.pod.rolling import share
from lameduck.remedies.remedy import Beside, FieldChange, Remedy, RemoveField, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
The Eviction API asks the disruption budget, and refuses while it allows no disruption (T98). `kubectl drain` tries
again until somebody gives up (T101); so do node upgrades and autoscalers, which in the end go on by force, and then
all at once and with less grace. A budget that can never allow one (maxUnavailable 0, or minAvailable for all pods
there are; percentages of minAvailable are rounded up) closes nothing but the orderly way: deletes, rollouts and the
kubelet do not ask it (T99).
## How to see it
`kubectl get pdb` shows 0 ALLOWED DISRUPTIONS though all pods are ready. A drain repeats `Cannot evict pod as it would
violate the pod's disruption budget`.
## How to mend it
```yaml
kind: PodDisruptionBudget
spec:
  maxUnavailable: 1
```
and two replicas, so that the one which stays can answer. maxUnavailable stays right when the number of replicas
changes; minAvailable does not. With one replica no budget can help: the choice is between a drain that hangs and a
short outage. Pods that are not ready may block a drain, too, by default (T100): `unhealthyPodEvictionPolicy:
AlwaysAllow` lets them go.
"""

_WAITS = "lifecycle: {preStop: {sleep: {seconds: 5}}}"
_BUDGET = """---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
spec:
  %s
  selector:
    matchLabels: {app: web}
"""
_AUTOSCALER = """---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 8
"""

BAD = (
    Example(
        "one must be available, and one is all there is",
        replicas=1,
        container=_WAITS,
        objects=SERVICE + _BUDGET % "minAvailable: 1",
        also=("LD401",),
        only=Witness.FILES,
    ),
    Example(
        "none may be missing",
        replicas=3,
        container=_WAITS,
        objects=SERVICE + _BUDGET % "maxUnavailable: 0",
        only=Witness.FILES,
    ),
    Example(
        "nine tenths of three are rounded up to three",
        replicas=3,
        container=_WAITS,
        objects=SERVICE + _BUDGET % "minAvailable: 90%",
        only=Witness.FILES,
    ),
    Example(
        "workers have drains, too",
        objects=_BUDGET.removeprefix("---") % "minAvailable: 100%",
        only=Witness.FILES,
    ),
    Example(
        "an autoscaler whose minimum is what must be available",
        replicas=4,
        container=_WAITS,
        objects=SERVICE + _AUTOSCALER + _BUDGET % "minAvailable: 2",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "one may be missing",
        container=_WAITS,
        objects=SERVICE + _BUDGET % "maxUnavailable: 1",
        only=Witness.FILES,
    ),
    Example(
        "one percent of three may be missing: rounded up, that is one",
        replicas=3,
        container=_WAITS,
        objects=SERVICE + _BUDGET % "maxUnavailable: 1%",
        only=Witness.FILES,
    ),
    Example(
        "two of three must stay",
        replicas=3,
        container=_WAITS,
        objects=SERVICE + _BUDGET % "minAvailable: 2",
        only=Witness.FILES,
    ),
    Example(
        "an autoscaler that keeps more than must be available",
        replicas=1,
        container=_WAITS,
        objects=SERVICE + _AUTOSCALER + _BUDGET % "minAvailable: 1",
        only=Witness.FILES,
    ),
    Example(
        "a budget for all that belongs to one release: others are counted with it",
        whole="""
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector:
    matchLabels: {app: web, part: front}
  template:
    metadata:
      labels: {app: web, part: front}
    spec:
      containers:
        - {name: app, image: registry.example/app:1}
""",
        objects=_BUDGET.removeprefix("---") % "minAvailable: 1",
        only=Witness.FILES,
    ),
    Example(
        "no number of replicas: something scales it that these files do not hold",
        whole="""
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - {name: app, image: registry.example/app:1}
""",
        objects=_BUDGET.removeprefix("---") % "minAvailable: 1",
        only=Witness.FILES,
    ),
    Example("switched off", replicas=0, objects=_BUDGET.removeprefix("---") % "minAvailable: 1", only=Witness.FILES),
)


def in_files(case: Case) -> Iterator[Sighting]:
    if case.workload.kind not in (*ONE_FOR_ANOTHER, "StatefulSet"):
        return
    for budget in case.budgets:
        yield from _of(case, budget)


def _of(case: Case, budget: DisruptionBudget) -> Iterator[Sighting]:
    workload, count = case.workload, replica_count(case)
    field = "minAvailable" if budget.max_unavailable is None else "maxUnavailable"
    value = budget.min_available if budget.max_unavailable is None else budget.max_unavailable
    if count.most == 0 or value is None:
        return
    severity = None
    if field == "maxUnavailable":
        if share(value, count.most, up=True) > 0:
            return
        why = f"{field} is {value}"
    elif value != "100%" and not counts_only_these(case, budget):
        return  # other pods may be counted, too
    elif value != "100%" and not count.is_written:
        return  # whoever writes no number scales it elsewhere
    elif share(value, count.most, up=True) >= count.most:
        why = f"{field} is {value}" if value == "100%" else f"{field} is {value}, and {workload.title} has {count.most}"
    elif count.autoscaler is not None and 0 < count.least <= share(value, count.least, up=True):
        why = f"{field} is {value}, and the autoscaler {count.autoscaler.name} may leave {count.least}"
        severity = Severity.INFO
    else:
        return
    meanwhile = "" if severity is None else " meanwhile"
    yield Sighting(
        None,
        (*budget.at, "spec", field),
        f"PodDisruptionBudget/{budget.name} allows no eviction of {workload.title}: {why}; kubectl drain waits for "
        f"ever{meanwhile}",
        "Set maxUnavailable: 1 in its place"
        if count.most > 1
        else "Set replicas: 2 and maxUnavailable: 1, or maxUnavailable: 1 alone and accept the gap",
        severity=severity,
        document=budget.document,
    )


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    """One at a time, in place of what is written. Of a single replica nobody can be spared: that is no remedy."""
    budget = next((each for each in case.budgets if each.document is seen.document and _is_at(each, seen)), None)
    if budget is None or replica_count(case).most < 2:
        return None
    allowed = SetField((*budget.at, "spec", "maxUnavailable"), 1, "a drain may evict one pod at a time")
    changes: tuple[FieldChange, ...] = (allowed,)
    if budget.max_unavailable is None:
        gone = RemoveField((*budget.at, "spec", "minAvailable"), "a budget has one of the two")
        changes = (gone, allowed)
    return Remedy(changes, safe=False, title="Allow one eviction at a time", beside=Beside(budget.document, budget.at))


def _is_at(budget: DisruptionBudget, seen: Sighting) -> bool:
    return seen.at is not None and seen.at[: len(budget.at)] == budget.at


FINDING = Finding(
    "LD404",
    "budget-blocks-drain",
    Severity.WARNING,
    facts=("T98", "T99", "T100", "T101"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
