"""LD701: a Job that allows no failure counts a drained or evicted pod as one, and has failed for good."""

from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case
from lameduck.remedies.remedy import Json, Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
A pod that is deleted while it runs counts as failed (T122): by a drain, an eviction, preemption, or because its node
is gone. With `backoffLimit: 0` that is one failure too many, and the Job has failed, though nothing is wrong with its
work. A podFailurePolicy can tell the two apart: pods that were disrupted carry the condition DisruptionTarget, and a
rule may ignore them, so that the pod is started again and only its own failures count (T123).
## How to see it
`kubectl describe job` shows BackoffLimitExceeded after a node was drained; the pod's conditions name DisruptionTarget.
## How to mend it
```yaml
spec:
  backoffLimit: 0
  podFailurePolicy:
    rules:
      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget
            status: "True"
```
It starts work again that was cut in the middle. Where that must not be, a failed Job is what you want; then leave it,
and ignore this finding. That is why the change is made by `--fix --unsafe` only.
"""

_JOB = """
apiVersion: batch/v1
kind: Job
metadata:
  name: import{annotations}
spec:
  backoffLimit: {limit}{policy}
  template:
    spec:
      restartPolicy: {restart}
      containers:
        - name: import
          image: registry.example/app:1
"""
_IGNORES = """
  podFailurePolicy:
    rules:
      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget"""


def _job(*, limit: int = 0, policy: str = "", restart: str = "Never", annotations: str = "") -> str:
    return _JOB.format(limit=limit, policy=policy, restart=restart, annotations=annotations)


BAD = (
    Example("no failure is allowed, and a drain is one", whole=_job(), only=Witness.FILES),
    Example(
        "a policy that looks at exit codes only",
        whole=_job(
            policy="\n  podFailurePolicy:\n    rules:\n"
            "      - {action: FailJob, onExitCodes: {operator: In, values: [42]}}"
        ),
        only=Witness.FILES,
    ),
)
GOOD = (
    Example("disruptions are ignored", whole=_job(policy=_IGNORES), only=Witness.FILES),
    Example("six failures are allowed: a drain is one of them", whole=_job(limit=6), only=Witness.FILES),
    Example("containers are restarted in their pod", whole=_job(restart="OnFailure"), only=Witness.FILES),
    Example(
        "a Helm hook, which runs for a moment while somebody looks on",
        whole=_job(annotations="\n  annotations: {helm.sh/hook: pre-upgrade}"),
        only=Witness.FILES,
    ),
    Example("a cluster that knows no such policy yet", whole=_job(), kubernetes=(1, 25), only=Witness.FILES),
)

_POLICIES = (1, 26)
"""podFailurePolicy is on by default since."""
_HOOKS = ("helm.sh/hook", "argocd.argoproj.io/hook")


def in_files(case: Case) -> Iterator[Sighting]:
    workload, rules = case.workload, case.workload.failure_rules
    if rules is None or rules.backoff_limit > 0 or rules.ignores_disruptions or case.kubernetes < _POLICIES:
        return
    if workload.pod.restart_policy != "Never" or any(key in _HOOKS for key, _ in workload.annotations):
        return
    run = "this run of it" if workload.kind == "CronJob" else "it"
    yield Sighting(
        None,
        rules.backoff_limit_at,
        f"{workload.title} allows no failure (backoffLimit: 0), and a pod that is drained or evicted counts as one: "
        f"{run} has failed then",
        "Let a podFailurePolicy ignore DisruptionTarget, if the work may be started again",
    )


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    rules = case.workload.failure_rules
    if rules is None or rules.policy_at is not None or seen.at is None:
        return None
    # True is its default, but the API's published schema asks for it, and validators with it.
    condition: Json = {"type": "DisruptionTarget", "status": "True"}
    rule: Json = {"action": "Ignore", "onPodConditions": [condition]}
    change = SetField((*rules.at, "podFailurePolicy"), {"rules": [rule]}, "counts no drain as a failure")
    return Remedy((change,), safe=False, title="Start the pod again after a drain")


FINDING = Finding(
    "LD701",
    "drain-fails-job",
    Severity.INFO,
    facts=("T122", "T123"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
