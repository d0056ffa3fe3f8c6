"""A case: one workload with everything that the files say about its surroundings, judged as one."""

from collections.abc import Mapping
from dataclasses import field

from lameduck.pod.entry import Entry, Span
from lameduck.pod.place import FieldPath, Place
from lameduck.pod.records import dataclass
from lameduck.pod.selectors import LabelSelector
from lameduck.pod.workloads import Document, Service, Workload

__all__ = ["Autoscaler", "Case", "ConfigMap", "DisruptionBudget", "Image", "Ingress"]


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """A PodDisruptionBudget: numbers or percentages as written (T98-T100)."""

    name: str
    selector: LabelSelector
    document: Document = field(repr=False, compare=False)
    at: FieldPath = ()
    namespace: str | None = None
    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    unhealthy_pod_eviction_policy: str | None = None

    def selects(self, workload: Workload) -> bool:
        """Whether it counts the pods of that workload."""
        return _same_namespace(self.namespace, workload) and self.selector.matches(dict(workload.pod.labels))

    def place(self, at: FieldPath) -> Place:
        """Where the value at that path stands."""
        return self.document.place(at)


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """A HorizontalPodAutoscaler (or KEDA ScaledObject) and what it scales."""

    name: str
    kind: str
    target: str
    document: Document = field(repr=False, compare=False)
    at: FieldPath = ()
    namespace: str | None = None
    min_replicas: int = 1
    max_replicas: int = 1

    def scales(self, workload: Workload) -> bool:
        """Whether it decides how many pods that workload has."""
        return (self.kind, self.target) == (workload.kind, workload.name) and _same_namespace(self.namespace, workload)

    def place(self, at: FieldPath) -> Place:
        """Where the value at that path stands."""
        return self.document.place(at)


@dataclass(frozen=True, slots=True)
class Ingress:
    """An Ingress: its class, its annotations, the Services behind it."""

    name: str
    services: tuple[str, ...]
    document: Document = field(repr=False, compare=False)
    at: FieldPath = ()
    namespace: str | None = None
    class_name: str | None = None
    annotations: tuple[tuple[str, str], ...] = ()

    def leads_to(self, service: Service) -> bool:
        """Whether that Service is one of its backends."""
        same = (self.namespace or "default") == (service.namespace or "default")
        return same and service.name in self.services

    def place(self, at: FieldPath) -> Place:
        """Where the value at that path stands."""
        return self.document.place(at)


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """A ConfigMap's text values, by key."""

    name: str
    data: tuple[tuple[str, str], ...]
    document: Document = field(repr=False, compare=False)
    at: FieldPath = ()
    namespace: str | None = None

    def is_used_by(self, workload: Workload) -> bool:
        """Whether a container of that workload mounts it or takes its environment from it."""
        return _same_namespace(self.namespace, workload) and any(
            self.name in container.config_maps for container in workload.pod.containers
        )

    def place(self, at: FieldPath) -> Place:
        """Where the value at that path stands."""
        return self.document.place(at)


@dataclass(frozen=True, slots=True)
class Image:
    """What is known of a container's image: from its Dockerfile in the same repository, or because it is well known.

    `programs`: those it has for certain; `lacks`: those it has not for certain; in neither: unknown.
    """

    name: str
    stop_signal: str | None = None
    """STOPSIGNAL; None: unknown, or SIGTERM by default where `stop_signal_known`."""
    stop_signal_known: bool = False
    software: str | None = None
    """nginx, httpd, php-fpm, postgres, ... where that is known."""
    programs: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    working_dir: str | None = None
    stop_signal_at: Span | None = None
    """The signal's name in its Dockerfile; None: it names none, or there is no Dockerfile."""
    last: Span | None = None
    """The last instruction of its stage in its Dockerfile, behind which further ones may stand."""


@dataclass(frozen=True, slots=True)
class Case:
    """One workload and its surroundings.

    `images` and `entries` go by container name; a container that nothing is known of is absent. `config_maps` go by
    their own names; they are those that the workload uses, as far as the files hold them.
    """

    workload: Workload
    services: tuple[Service, ...] = ()
    budgets: tuple[DisruptionBudget, ...] = ()
    autoscalers: tuple[Autoscaler, ...] = ()
    ingresses: tuple[Ingress, ...] = ()
    config_maps: Mapping[str, ConfigMap] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    kubernetes: tuple[int, int] = (1, 36)
    """The minor version of the cluster that the files are for."""


def _same_namespace(namespace: str | None, workload: Workload) -> bool:
    # Where none is written, the files are for whichever namespace they are applied to.
    return (namespace or "default") == (workload.namespace or "default")
