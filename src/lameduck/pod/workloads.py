"""Workloads and the Services before them: the typed form of what a manifest says about an ending."""

from dataclasses import field
from typing import Protocol, TypeAlias

from lameduck.pod.containers import Container, Role
from lameduck.pod.place import FieldPath, Place
from lameduck.pod.records import dataclass
from lameduck.pod.selectors import LabelSelector
from lameduck.pod.sysctls.sysctl import Setting

__all__ = [
    "Document",
    "FailureRules",
    "OnDelete",
    "PodSpec",
    "Recreate",
    "RollingUpdate",
    "Service",
    "ServicePort",
    "Strategy",
    "Workload",
]


class Document(Protocol):
    """One YAML or JSON document of a user's file: knows where each of its values stands."""

    @property
    def file(self) -> str: ...

    def place(self, at: FieldPath) -> Place:
        """The place of the value at that path, or of its nearest parent that is written down."""
        ...


@dataclass(frozen=True, slots=True)
class PodSpec:
    """The pod, or the pod template of a workload. Containers stand in spec order, init containers first."""

    containers: tuple[Container, ...]
    at: FieldPath
    termination_grace_period_s: int = 30
    """Default 30, filled in by the API (T5)."""
    grace_at: FieldPath | None = None
    """None: not written in the file."""
    restart_policy: str = "Always"
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    """Those that the pods will have."""
    host_network: bool = False
    host_ipc: bool = False
    host_pid: bool = False
    share_process_namespace: bool = False
    active_deadline_s: int | None = None
    os_name: str | None = None
    sysctls: tuple[Setting, ...] = ()
    """securityContext.sysctls."""
    claims: tuple[str, ...] = ()
    """Its volumes that are persistent volume claims."""
    node_labels: tuple[tuple[str, str], ...] = ()
    """Labels that its node has for certain: nodeSelector, and what a required affinity leaves no choice about."""

    @property
    def main_is_pid1(self) -> bool:
        """Whether each container's main process is PID 1 of a namespace of its own (T54)."""
        return not (self.share_process_namespace or self.host_pid)

    def container(self, name: str) -> Container:
        """The container of that name. Raises KeyError."""
        for container in self.containers:
            if container.name == name:
                return container
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class RollingUpdate:
    """maxSurge and maxUnavailable as written: a number, or a percentage like "25%" (T114)."""

    max_surge: int | str = "25%"
    max_unavailable: int | str = "25%"


@dataclass(frozen=True, slots=True)
class Recreate:
    """All old pods end before the first new one is created (T117)."""


@dataclass(frozen=True, slots=True)
class OnDelete:
    """Nothing is replaced until somebody deletes a pod."""


Strategy: TypeAlias = RollingUpdate | Recreate | OnDelete


@dataclass(frozen=True, slots=True)
class FailureRules:
    """What a Job makes of pods that fail (T122, T123)."""

    backoff_limit: int = 6
    backoff_limit_at: FieldPath | None = None
    """None: not written in the file."""
    policy_at: FieldPath | None = None
    """podFailurePolicy; None: not written."""
    ignores_disruptions: bool = False
    """Whether a rule ignores pods with the condition DisruptionTarget."""
    at: FieldPath = ()
    """The Job's spec."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Anything that holds a pod template, or a Pod itself; `kind` is kept by name, also when it is not known here."""

    kind: str
    name: str
    pod: PodSpec
    document: Document = field(repr=False, compare=False)
    api_version: str = "v1"
    namespace: str | None = None
    replicas: int = 1
    strategy: Strategy = RollingUpdate()
    min_ready_s: int = 0
    at: FieldPath = ()
    """Where the object stands in its document; not at the top inside a List."""
    annotations: tuple[tuple[str, str], ...] = ()
    """Those of the object itself; the pod's own are `pod.annotations`."""
    replicas_at: FieldPath | None = None
    """None: not written in the file."""
    selector: LabelSelector | None = None
    """By which it finds its own pods; None: none is written."""
    progress_deadline_s: int | None = None
    """None: not written; a Deployment has 600 then (T116)."""
    failure_rules: FailureRules | None = None
    """Jobs and CronJobs only."""

    @property
    def is_complete(self) -> bool:
        """Whether it could run: a patch (kustomize) names containers without an image, or no containers at all."""
        own = [container for container in self.pod.containers if container.role is Role.REGULAR]
        return bool(own) and all(container.image is not None for container in own)

    @property
    def title(self) -> str:
        """How messages name it: Deployment/web."""
        return f"{self.kind}/{self.name}"

    def place(self, at: FieldPath) -> Place:
        """Where in the file the value at that path stands."""
        return self.document.place(at)


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service and the container port (number or name) behind it."""

    number: int
    target_port: int | str
    name: str | None = None
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Service:
    """A Service with a selector."""

    name: str
    selector: tuple[tuple[str, str], ...]
    document: Document = field(repr=False, compare=False)
    namespace: str | None = None
    ports: tuple[ServicePort, ...] = ()
    publish_not_ready_addresses: bool = False
    external_traffic_policy: str = "Cluster"
    headless: bool = False
    at: FieldPath = ()
    """Where the object stands in its document; not at the top inside a List."""
    type: str = "ClusterIP"
    annotations: tuple[tuple[str, str], ...] = ()

    def selects(self, workload: Workload) -> bool:
        """Whether its selector matches the pods of that workload; an empty selector matches none."""
        if not self.selector or (self.namespace or "default") != (workload.namespace or "default"):
            return False
        return set(self.selector) <= set(workload.pod.labels)

    def place(self, at: FieldPath) -> Place:
        """Where in the file the value at that path stands."""
        return self.document.place(at)
