"""A PodDisruptionBudget from a manifest (T98-T100)."""

from lameduck.pod.case import DisruptionBudget
from lameduck.pod.selectors import read_selector
from lameduck.pod.texts.fields import Fields

__all__ = ["read_budget"]


def read_budget(obj: Fields, *, api_version: str, name: str, namespace: str | None) -> DisruptionBudget | None:
    """The budget, or None if it selects no pods: without a selector, or with an empty one in policy/v1beta1."""
    spec = obj.fields("spec")
    selector = read_selector(spec) if spec is not None else None
    if spec is None or selector is None:
        return None
    if api_version == "policy/v1beta1" and not selector.labels and not selector.expressions:
        return None  # in policy/v1 an empty selector takes every pod of the namespace
    return DisruptionBudget(
        name=name,
        selector=selector,
        document=obj.complaints.document,
        at=obj.at,
        namespace=namespace,
        min_available=spec.number_or_percent("minAvailable", 1) if spec.has("minAvailable") else None,
        max_unavailable=spec.number_or_percent("maxUnavailable", 1) if spec.has("maxUnavailable") else None,
        unhealthy_pod_eviction_policy=spec.text("unhealthyPodEvictionPolicy"),
    )
