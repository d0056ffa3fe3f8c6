"""Where an object keeps its pods: by the kind's rule where the kind is known, by the shape of the thing otherwise.

A kind that is not known here is a workload if it holds a pod template: a `spec` with a list of containers, below a key
that ends in "template", or a "podSpec". Rollouts, CloneSets, LeaderWorkerSets, PyTorchJobs are found like that.
"""

from collections.abc import Iterator

from lameduck.pod.records import dataclass
from lameduck.pod.texts.fields import Fields
from lameduck.pod.texts.nodes import Mapping, Sequence, Written, follow

__all__ = ["KNATIVE", "KSERVE", "PodTemplate", "pod_templates"]

KNATIVE = "serving.knative.dev"
KSERVE = "serving.kserve.io"

_PATHS: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Revision": (),  # Knative: its spec is the pod's
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "ScaledJob": ("spec", "jobTargetRef", "template"),
    **dict.fromkeys(
        (
            "Configuration",
            "DaemonSet",
            "Deployment",
            "DeploymentConfig",
            "Job",
            "ReplicaSet",
            "ReplicationController",
            "Rollout",
            "Service",
            "StatefulSet",
        ),
        ("spec", "template"),
    ),
}
"""From the object to what holds `metadata` and `spec` of the pod."""

_KSERVE_PARTS = ("predictor", "transformer", "explainer")

# Their patterns, schemas and values look like pods and are none.
_NO_WORKLOADS = (
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "gatekeeper.sh",
    "helm.toolkit.fluxcd.io",
    "kustomize.config.k8s.io",
    "kyverno.io",
)
_MAX_SEARCH_DEPTH = 12


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """A pod spec inside an object. `part` tells several of one object apart; empty if there is only one."""

    spec: Fields
    labels: tuple[tuple[str, str], ...]
    part: str = ""
    annotations: tuple[tuple[str, str], ...] = ()


def pod_templates(obj: Fields, *, group: str, kind: str) -> tuple[PodTemplate, ...]:
    """The pod specs that an object holds, in the order written; none if it is no workload."""
    if group.endswith(_NO_WORKLOADS):
        return ()
    if group == KSERVE and kind == "InferenceService":
        return tuple(_kserve(obj))
    if kind in _PATHS and (known := _follow(obj, _PATHS[kind])) is not None:
        return (known,)
    found = [spec for key in ("spec", "template") for spec in _search(obj.mapping.get(key), (*obj.at, key), key)]
    templates = []
    for number, (mapping, at) in enumerate(found):
        spec = Fields(mapping, at, obj.complaints)
        holder = _at(obj, at[:-1]) if at[-1] == "spec" else None
        part = _part(obj, at, number) if len(found) > 1 else ""
        templates.append(PodTemplate(spec, _labels(holder), part, _annotations(holder)))
    return tuple(templates)


def _follow(obj: Fields, path: tuple[str, ...]) -> PodTemplate | None:
    holder: Fields | None = obj
    for key in path:
        holder = holder.fields(key) if holder is not None else None
    spec = holder.fields("spec") if holder is not None else None
    if holder is None or spec is None:
        return None
    return PodTemplate(spec, _labels(holder), annotations=_annotations(holder))


def _kserve(obj: Fields) -> Iterator[PodTemplate]:
    """Each part of an InferenceService is a pod spec itself, beside settings of its own."""
    spec = obj.fields("spec")
    if spec is None:
        return
    parts = [part for part in _KSERVE_PARTS if spec.has(part)]
    for part in parts:
        if (pod := spec.fields(part)) is not None:
            yield PodTemplate(pod, _labels(obj), part if len(parts) > 1 else "", _annotations(obj))


def _labels(holder: Fields | None) -> tuple[tuple[str, str], ...]:
    metadata = holder.fields("metadata") if holder is not None else None
    return () if metadata is None else metadata.text_pairs("labels")


def _annotations(holder: Fields | None) -> tuple[tuple[str, str], ...]:
    metadata = holder.fields("metadata") if holder is not None and holder.has("metadata") else None
    return () if metadata is None else metadata.text_pairs("annotations")


def _search(
    node: Written | None, at: tuple[str | int, ...], parent: str, depth: int = 0
) -> Iterator[tuple[Mapping, tuple[str | int, ...]]]:
    if depth > _MAX_SEARCH_DEPTH:
        return
    if isinstance(node, Sequence):
        for number, item in enumerate(node.items):
            yield from _search(follow(item), (*at, number), "", depth + 1)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if key in ("metadata", "status"):
                continue
            is_pod = (key == "spec" and parent.lower().endswith("template")) or key.endswith("odSpec")
            if is_pod and isinstance(value, Mapping) and _has_containers(value):
                yield value, (*at, key)
            else:
                yield from _search(value, (*at, key), key, depth + 1)


def _has_containers(spec: Mapping) -> bool:
    containers = spec.get("containers")
    return isinstance(containers, Sequence) and any(isinstance(follow(item), Mapping) for item in containers.items)


def _at(obj: Fields, at: tuple[str | int, ...]) -> Fields | None:
    """The mapping at that path of the document, which lies below the object."""
    here: Written | None = obj.mapping
    for step in at[len(obj.at) :]:
        if isinstance(here, Mapping) and isinstance(step, str):
            here = here.get(step)
        elif isinstance(here, Sequence) and isinstance(step, int):
            here = follow(here.items[step])
    return Fields(here, at, obj.complaints) if isinstance(here, Mapping) else None


def _part(obj: Fields, at: tuple[str | int, ...], number: int) -> str:
    """What tells this template from its neighbours: the name in its list, or the key it stands under."""
    for end in range(len(at), len(obj.at), -1):
        step = at[end - 1]
        if isinstance(step, int):
            item = _at(obj, at[:end])
            name = item.mapping.get("name") if item is not None else None
            return str(getattr(name, "text", "")) or str(step)
        if step not in ("spec", "template"):
            return step.lower()
    return str(number)
