"""What a Job or CronJob makes of pods that fail (T122, T123)."""

from lameduck.pod.texts.fields import Fields
from lameduck.pod.workloads import FailureRules

__all__ = ["read_failure_rules"]

_DEFAULT_BACKOFF_LIMIT = 6


def read_failure_rules(obj: Fields, *, group: str, kind: str) -> FailureRules | None:
    """Its backoffLimit and podFailurePolicy; None for what is no Job."""
    if group != "batch" or kind not in ("Job", "CronJob"):
        return None
    spec = obj.fields("spec")
    if kind == "CronJob":
        template = spec.fields("jobTemplate") if spec is not None else None
        spec = template.fields("spec") if template is not None else None
    if spec is None or spec.has("backoffLimitPerIndex"):
        return None  # an Indexed Job counts for each index by itself
    limit = spec.whole("backoffLimit")
    policy = spec.fields("podFailurePolicy") if spec.has("podFailurePolicy") else None
    return FailureRules(
        backoff_limit=_DEFAULT_BACKOFF_LIMIT if limit is None else limit,
        backoff_limit_at=spec.path("backoffLimit") if limit is not None else None,
        policy_at=policy.at if policy is not None else None,
        ignores_disruptions=policy is not None and _ignores_disruptions(policy),
        at=spec.at,
    )


def _ignores_disruptions(policy: Fields) -> bool:
    return any(
        condition.text("type") == "DisruptionTarget" and condition.text("status") in (None, "True")
        for rule in policy.list_of_fields("rules")
        if rule.text("action") == "Ignore"
        for condition in rule.list_of_fields("onPodConditions")
    )
