"""Documents to workloads and Services: what the files say about endings, and what of it could not be read."""

from collections.abc import Iterable

from lameduck.pod.case import Autoscaler, ConfigMap, DisruptionBudget, Ingress
from lameduck.pod.containers import Container, Role
from lameduck.pod.objects.autoscaler_reading import AUTOSCALER_KINDS, read_autoscaler
from lameduck.pod.objects.budget_reading import read_budget
from lameduck.pod.objects.config_map_reading import read_config_map
from lameduck.pod.objects.ingress_reading import read_ingress
from lameduck.pod.objects.job_reading import read_failure_rules
from lameduck.pod.objects.pod_reading import read_container, read_pod
from lameduck.pod.objects.rollout_reading import read_rollout
from lameduck.pod.objects.service_reading import read_service
from lameduck.pod.objects.templates import KNATIVE, KSERVE, PodTemplate, pod_templates
from lameduck.pod.place import FieldPath, Problem
from lameduck.pod.records import dataclass
from lameduck.pod.selectors import LabelSelector, read_selector
from lameduck.pod.texts.documents import SourceDocument
from lameduck.pod.texts.fields import Complaints, Fields
from lameduck.pod.texts.nodes import Mapping, Scalar, Sequence, follow
from lameduck.pod.workloads import Service, Workload

__all__ = ["Manifests", "read_manifests"]

_API_VERSIONS = {
    **dict.fromkeys(("Pod", "Service", "PodTemplate", "ReplicationController"), "v1"),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"), "apps/v1"),
    **dict.fromkeys(("Job", "CronJob"), "batch/v1"),
}
_SURROUNDINGS = {
    "PodDisruptionBudget": ("policy",),
    "Ingress": ("networking.k8s.io", "extensions"),
    "ConfigMap": ("",),
    **{kind: (group,) for kind, group in AUTOSCALER_KINDS.items()},
}
"""Kinds that are read beside workloads, and their API groups."""
# KServe's frameworks; "model" is the newer way to write any of them.
_MODEL_SERVERS = (
    *("model", "huggingface", "lightgbm", "onnx", "paddle", "pmml"),
    *("pytorch", "sklearn", "tensorflow", "triton", "xgboost"),
)
_WITH_LABEL_SELECTOR = ("apps", "argoproj.io", "apps.kruise.io")
_WITH_PLAIN_SELECTOR = ("DeploymentConfig", "ReplicationController")
_CONTAINER_NAMES = {KNATIVE: "user-container", KSERVE: "kserve-container"}
_KNATIVE_TIMEOUT_S = 300  # config-defaults, revision-timeout-seconds; Knative's controller makes it the pod's grace


@dataclass(frozen=True, slots=True)
class Manifests:
    """All that was read, in the order of the files; problems by place."""

    workloads: tuple[Workload, ...] = ()
    services: tuple[Service, ...] = ()
    budgets: tuple[DisruptionBudget, ...] = ()
    autoscalers: tuple[Autoscaler, ...] = ()
    ingresses: tuple[Ingress, ...] = ()
    config_maps: tuple[ConfigMap, ...] = ()
    problems: tuple[Problem, ...] = ()
    documents: int = 0
    """Documents that hold something."""
    passed_over: int = 0
    """Objects that say nothing about a pod's end: Secrets, kustomization.yaml, values, patches without pods."""

    def services_of(self, workload: Workload) -> tuple[Service, ...]:
        """The Services that lead to the pods of that workload."""
        return tuple(service for service in self.services if service.selects(workload))


def read_manifests(documents: Iterable[SourceDocument], problems: Iterable[Problem] = ()) -> Manifests:
    """The workloads and Services in these documents. `problems`: those found before there was a document."""
    reading = _Reading(list(problems))
    for document in documents:
        reading.document(document)
    return Manifests(
        workloads=tuple(reading.workloads),
        services=tuple(reading.services),
        budgets=tuple(reading.budgets),
        autoscalers=tuple(reading.autoscalers),
        ingresses=tuple(reading.ingresses),
        config_maps=tuple(reading.config_maps),
        problems=tuple(sorted(set(reading.problems))),
        documents=reading.documents,
        passed_over=reading.passed_over,
    )


class _Reading:
    """Collects while the documents go by."""

    def __init__(self, problems: list[Problem]) -> None:
        self.workloads: list[Workload] = []
        self.services: list[Service] = []
        self.budgets: list[DisruptionBudget] = []
        self.autoscalers: list[Autoscaler] = []
        self.ingresses: list[Ingress] = []
        self.config_maps: list[ConfigMap] = []
        self.problems = problems
        self.documents = 0
        self.passed_over = 0

    def document(self, document: SourceDocument) -> None:
        self.documents += 1
        complaints = Complaints(document, list(document.problems))
        root = follow(document.root)
        if isinstance(root, Mapping):
            self._object(Fields(root, (), complaints))
        else:
            self.passed_over += 1  # a JSON patch is a list; values.yaml may be anything
        self.problems += complaints.problems

    def _object(self, obj: Fields, *, kind: str | None = None, api_version: str | None = None) -> None:
        """An object, or a list of them; kind and version come from the list (PodList) if the item has none."""
        kind = obj.text("kind") if obj.has("kind") and obj.has("apiVersion") else (_quiet_text(obj, "kind") or kind)
        api_version = _quiet_text(obj, "apiVersion") or api_version
        items = obj.mapping.get("items")
        if kind is not None and kind.endswith("List") and isinstance(items, Sequence):
            item_kind = kind.removesuffix("List") or None
            for item in obj.list_of_fields("items"):
                self._object(item, kind=item_kind, api_version=api_version if item_kind else None)
            return
        if kind is None or not self._recognised(obj, kind, api_version):
            self.passed_over += 1

    def _recognised(self, obj: Fields, kind: str, api_version: str | None) -> bool:
        group = (api_version or "").rpartition("/")[0]
        if group in _SURROUNDINGS.get(kind, ()):
            return self._surrounding(obj, kind, api_version or "")
        is_core_service = kind == "Service" and not group
        if not is_core_service and not (templates := pod_templates(obj, group=group, kind=kind)):
            return False
        if api_version is None and kind in _API_VERSIONS:
            wanted = _API_VERSIONS[kind]
            obj.complaints.say(obj.at, f"This {kind} has no apiVersion. Kubernetes wants one: write {wanted}.")
        metadata = obj.fields("metadata")
        name, namespace = _name(obj, metadata, kind), metadata.text("namespace") if metadata is not None else None
        annotations = metadata.text_pairs("annotations") if metadata is not None else ()
        if is_core_service:
            service = read_service(obj, name=name, namespace=namespace)
            self.services += [service] if service is not None else []
            return service is not None
        rollout = read_rollout(obj, group=group, kind=kind)
        spec = obj.fields("spec")
        for template in templates:
            self.workloads.append(
                Workload(
                    kind=kind,
                    name=f"{name}-{template.part}" if template.part else name,
                    pod=read_pod(
                        template.spec,
                        labels=template.labels,
                        annotations=template.annotations,
                        default_grace_s=_default_grace(template, group),
                        default_name=_CONTAINER_NAMES.get(group),
                        extra=_models(template) if group == KSERVE else (),
                    ),
                    document=obj.complaints.document,
                    api_version=api_version or "v1",
                    namespace=namespace,
                    replicas=rollout.replicas,
                    strategy=rollout.strategy,
                    min_ready_s=rollout.min_ready_s,
                    at=obj.at,
                    annotations=annotations,
                    replicas_at=spec.path("replicas") if spec is not None and spec.has("replicas") else None,
                    selector=_own_selector(spec, group=group, kind=kind),
                    progress_deadline_s=_progress_deadline(spec, group=group, kind=kind),
                    failure_rules=read_failure_rules(obj, group=group, kind=kind),
                )
            )
        return True

    def _surrounding(self, obj: Fields, kind: str, api_version: str) -> bool:
        """An object that stands beside workloads; False if it has no bearing on any."""
        metadata = obj.fields("metadata")
        name, namespace = _name(obj, metadata, kind), metadata.text("namespace") if metadata is not None else None
        match kind:
            case "PodDisruptionBudget":
                budget = read_budget(obj, api_version=api_version, name=name, namespace=namespace)
                self.budgets += [budget] if budget is not None else []
                return budget is not None
            case "Ingress":
                self.ingresses.append(read_ingress(obj, name=name, namespace=namespace))
                return True
            case "ConfigMap":
                self.config_maps.append(read_config_map(obj, name=name, namespace=namespace))
                return True
            case _:
                autoscaler = read_autoscaler(obj, kind=kind, name=name, namespace=namespace)
                self.autoscalers += [autoscaler] if autoscaler is not None else []
                return autoscaler is not None


def _quiet_text(obj: Fields, key: str) -> str | None:
    """The text at that key of something that may not be a Kubernetes object at all."""
    node = obj.mapping.get(key)
    return node.text if isinstance(node, Scalar) and isinstance(node.value, str) else None


def _name(obj: Fields, metadata: Fields | None, kind: str) -> str:
    name = metadata.text("name") or metadata.text("generateName") if metadata is not None else None
    if name is None:
        at: FieldPath = obj.at if metadata is None else metadata.at
        obj.complaints.say(at, f"This {kind} has no name. Kubernetes wants one: write it as metadata.name.")
    return name or "unnamed"


def _default_grace(template: PodTemplate, group: str) -> int:
    if group != KNATIVE:
        return 30  # T5
    timeout = template.spec.whole("timeoutSeconds", wants="whole seconds", least=1)
    return _KNATIVE_TIMEOUT_S if timeout is None else timeout


def _own_selector(spec: Fields | None, *, group: str, kind: str) -> LabelSelector | None:
    if spec is None or not spec.has("selector"):
        return None
    if group in _WITH_LABEL_SELECTOR and kind not in _WITH_PLAIN_SELECTOR:
        return read_selector(spec)
    return LabelSelector(spec.text_pairs("selector")) if kind in _WITH_PLAIN_SELECTOR else None


def _progress_deadline(spec: Fields | None, *, group: str, kind: str) -> int | None:
    if spec is None or (group, kind) != ("apps", "Deployment"):
        return None
    return spec.whole("progressDeadlineSeconds", wants="whole seconds", least=1, example=600)


def _models(template: PodTemplate) -> tuple[Container, ...]:
    """KServe's model server: a container that stands beside the list, under its framework's name."""
    servers = (template.spec.fields(key) for key in _MODEL_SERVERS if template.spec.has(key))
    return tuple(
        read_container(server, Role.REGULAR, default_name=_CONTAINER_NAMES[KSERVE])
        for server in servers
        if server is not None
    )
