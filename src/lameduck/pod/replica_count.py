"""How many pods a workload has, as far as its files tell, and whether others may stand beside them."""

from lameduck.pod.case import Autoscaler, Case, DisruptionBudget
from lameduck.pod.records import dataclass
from lameduck.pod.selectors import LabelSelector
from lameduck.pod.workloads import Service

__all__ = ["ONE_FOR_ANOTHER", "ReplicaCount", "counts_only_these", "replica_count", "serves_only_these"]

ONE_FOR_ANOTHER = frozenset(
    {"CloneSet", "Deployment", "DeploymentConfig", "ReplicaSet", "ReplicationController", "Rollout"}
)
"""Kinds whose pods are all the same, so that any may take another's place."""


@dataclass(frozen=True, slots=True)
class ReplicaCount:
    """At least and at most so many pods."""

    least: int
    most: int
    autoscaler: Autoscaler | None = None
    is_written: bool = True
    """False: nothing says how many, and the API makes it one; whoever scales it by hand is not overruled."""


def replica_count(case: Case) -> ReplicaCount:
    """What the autoscaler allows, if there is one; otherwise what the workload says."""
    if case.autoscalers:
        scaler = case.autoscalers[0]
        return ReplicaCount(scaler.min_replicas, scaler.max_replicas, scaler)
    workload = case.workload
    return ReplicaCount(workload.replicas, workload.replicas, is_written=workload.replicas_at is not None)


def serves_only_these(case: Case, service: Service) -> bool:
    """Whether nobody but this workload can have pods behind that Service.

    It is so if the Service asks for every label by which the workload knows its own; where it asks for less, another
    Deployment (a second version, a canary) may be behind it, too.
    """
    own = _labels(case.workload.selector)
    return own is not None and own <= set(service.selector)


def counts_only_these(case: Case, budget: DisruptionBudget) -> bool:
    """Whether that budget can count nobody's pods but this workload's."""
    own = _labels(case.workload.selector)
    return own is not None and own <= set(budget.selector.labels)


def _labels(selector: LabelSelector | None) -> set[tuple[str, str]] | None:
    if selector is None or selector.expressions or not selector.labels:
        return None
    return set(selector.labels)
