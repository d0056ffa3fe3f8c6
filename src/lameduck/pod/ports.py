"""Port names to numbers: within a container for probes and hooks, within a pod for a Service (T32)."""

from lameduck.pod.containers import Container, Role
from lameduck.pod.records import dataclass
from lameduck.pod.workloads import PodSpec, ServicePort

__all__ = ["Target", "container_port", "service_target"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a Service's port leads. `container` None: several containers, and none declares that number."""

    number: int
    container: Container | None


def container_port(container: Container, port: int | str) -> int | None:
    """The number of a probe's or hook's port: names are looked up in that container alone. None: no such name."""
    if isinstance(port, int):
        return port
    return next((declared.number for declared in container.ports if declared.name == port), None)


def service_target(pod: PodSpec, port: ServicePort) -> Target | None:
    """The port of the pod behind a Service's port, and the container that serves it.

    A number leads there whether or not anybody declares it. A name leads to the first container, sidecars included,
    that declares it with the same protocol; None if there is none.
    """
    serving = [c for c in pod.containers if c.role is Role.REGULAR] + [
        c for c in pod.containers if c.role is Role.SIDECAR
    ]
    for container in serving:
        for declared in container.ports:
            if declared.protocol == port.protocol and port.target_port in (declared.number, declared.name):
                return Target(declared.number, container)
    if isinstance(port.target_port, str):
        return None
    return Target(port.target_port, serving[0] if len(serving) == 1 else None)
