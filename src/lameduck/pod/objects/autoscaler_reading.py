"""What scales a workload: a HorizontalPodAutoscaler, or KEDA's ScaledObject, which makes one."""

from lameduck.pod.case import Autoscaler
from lameduck.pod.texts.fields import Fields

__all__ = ["AUTOSCALER_KINDS", "read_autoscaler"]

AUTOSCALER_KINDS = {"HorizontalPodAutoscaler": "autoscaling", "ScaledObject": "keda.sh"}
"""Kind to API group."""
_KEDA_MOST = 100  # maxReplicaCount, where none is written


def read_autoscaler(obj: Fields, *, kind: str, name: str, namespace: str | None) -> Autoscaler | None:
    """The autoscaler, or None if it names nothing to scale. A ScaledObject may go down to no pod at all."""
    spec = obj.fields("spec")
    target = spec.fields("scaleTargetRef") if spec is not None else None
    target_name = target.text("name") if target is not None else None
    if spec is None or target is None or target_name is None:
        return None
    if kind == "ScaledObject":
        least, most = spec.whole("minReplicaCount"), spec.whole("maxReplicaCount")
        least, most = least or 0, _KEDA_MOST if most is None else most
    else:
        least, most = spec.whole("minReplicas"), spec.whole("maxReplicas", least=1)
        least = 1 if least is None else least
        most = max(least, 1) if most is None else most
    return Autoscaler(
        name=name,
        kind=target.text("kind") or "Deployment",
        target=target_name,
        document=obj.complaints.document,
        at=obj.at,
        namespace=namespace,
        min_replicas=least,
        max_replicas=most,
    )
