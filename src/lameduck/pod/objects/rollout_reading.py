"""How many pods a workload keeps and how it replaces them, with each kind's own defaults (T114, T117, T119, T121)."""

from lameduck.pod.objects.templates import KNATIVE, KSERVE
from lameduck.pod.records import dataclass
from lameduck.pod.texts.fields import Fields
from lameduck.pod.workloads import OnDelete, Recreate, RollingUpdate, Strategy

__all__ = ["Rollout", "read_rollout"]

_NOBODY_REPLACES = OnDelete()
_DEPLOYMENT = RollingUpdate("25%", "25%")
_ONE_AFTER_THE_OTHER = RollingUpdate(0, 1)
_WHOLE_SET_BESIDE = RollingUpdate("100%", 0)
"""All new pods are ready before the first old one ends: blue-green, Knative's revisions."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What the workload says about its number of pods and their replacement."""

    replicas: int = 1
    strategy: Strategy = _NOBODY_REPLACES
    min_ready_s: int = 0


def read_rollout(obj: Fields, *, group: str, kind: str) -> Rollout:
    """Number of pods, strategy and minReadySeconds of a workload of that kind.

    A kind that nobody replaces pod by pod (Pod, Job, ReplicaSet) has OnDelete. Kinds that are not known are read like a
    Deployment.
    """
    spec = obj.fields("spec")
    if spec is None or kind in ("Pod", "PodTemplate"):
        return Rollout()
    if group in (KNATIVE, KSERVE):
        return Rollout(strategy=_WHOLE_SET_BESIDE)
    match kind:
        case "Job":
            return Rollout(_count(spec, "parallelism"))
        case "CronJob":
            job = spec.fields("jobTemplate")
            job_spec = job.fields("spec") if job is not None else None
            return Rollout() if job_spec is None else Rollout(_count(job_spec, "parallelism"))
        case "ScaledJob":
            job = spec.fields("jobTargetRef")
            return Rollout() if job is None else Rollout(_count(job, "parallelism"))
        case "DaemonSet":  # one pod on each node; one node is enough to see an ending
            return Rollout(1, _update(spec, "updateStrategy", _ONE_AFTER_THE_OTHER), _min_ready(spec))
        case "StatefulSet":
            return Rollout(_count(spec), _update(spec, "updateStrategy", _ONE_AFTER_THE_OTHER), _min_ready(spec))
        case "ReplicaSet" | "ReplicationController":
            return Rollout(_count(spec), OnDelete(), _min_ready(spec))
        case "Rollout":
            return Rollout(_count(spec), _argo(spec), _min_ready(spec))
        case _:
            key = "updateStrategy" if spec.has("updateStrategy") else "strategy"
            return Rollout(_count(spec), _update(spec, key, _DEPLOYMENT), _min_ready(spec))


def _count(spec: Fields, key: str = "replicas") -> int:
    number = spec.whole(key, wants="a whole number of pods")
    return 1 if number is None else number


def _min_ready(spec: Fields) -> int:
    return spec.whole("minReadySeconds", wants="whole seconds") or 0


def _update(spec: Fields, key: str, default: RollingUpdate) -> Strategy:
    """strategy or updateStrategy; OpenShift's DeploymentConfig says Rolling and rollingParams."""
    # OpenKruise and Volcano put other things below these keys: then there is nothing here for us.
    strategy = spec.fields(key)
    if strategy is None:
        return default
    kind = strategy.text("type")
    match kind:
        case "Recreate":
            return Recreate()
        case "OnDelete":
            return OnDelete()
        case None | "RollingUpdate" | "Rolling":
            params = strategy.fields("rollingParams" if kind == "Rolling" else "rollingUpdate")
            return default if params is None else _rolling(params, default)
        case "Custom" | "InPlaceIfPossible" | "InPlaceOnly":
            return default
        case _:
            meant: dict[str, Strategy] = {"recreate": Recreate(), "ondelete": OnDelete()}
            instead = meant.get(kind.lower(), default)
            strategy.say(
                "type", f'type is "{kind}", no strategy that Kubernetes knows: write {type(instead).__name__}.'
            )
            return instead


def _rolling(params: Fields, default: RollingUpdate) -> RollingUpdate:
    surge = params.number_or_percent("maxSurge", default.max_surge)
    unavailable = params.number_or_percent("maxUnavailable", default.max_unavailable)
    if surge in (0, "0%") and unavailable in (0, "0%"):
        params.say(
            "maxUnavailable",
            f"maxSurge is {surge} and maxUnavailable is {unavailable}: no pod could ever be replaced. "
            "Write maxUnavailable: 1.",
        )
        unavailable = 1
    return RollingUpdate(surge, unavailable)


def _argo(spec: Fields) -> Strategy:
    strategy = spec.fields("strategy")
    if strategy is None:
        return _DEPLOYMENT
    if strategy.has("blueGreen"):
        return _WHOLE_SET_BESIDE
    canary = strategy.fields("canary")
    return _DEPLOYMENT if canary is None else _rolling(canary, _DEPLOYMENT)
