"""What differs between Kubernetes versions: the feature gates that change an ending, and since when they are on.

Only what the facts date is here (section 11). The kubelet's older arithmetic, which gave the whole grace again after a
preStop hook (T26) or after a force delete (T9), is not: the releases that mended it are not known.
"""

from dataclasses import dataclass

__all__ = [
    "CONTAINER_STOP_SIGNALS",
    "SIDECAR_CONTAINERS",
    "SLEEP_ACTION",
    "V1_36",
    "KubernetesVersion",
    "gates_on",
]


@dataclass(frozen=True, slots=True, order=True)
class KubernetesVersion:
    """A minor release of Kubernetes, comparable: KubernetesVersion(1, 29) < V1_36."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


V1_36 = KubernetesVersion(1, 36)

SIDECAR_CONTAINERS = "SidecarContainers"
"""Init containers with restartPolicy Always have an order of their own (T41); without it they are plain ones."""
SLEEP_ACTION = "PodLifecycleSleepAction"
"""preStop sleep (T36)."""
CONTAINER_STOP_SIGNALS = "ContainerStopSignals"
"""lifecycle.stopSignal (T51); still off by default in 1.36."""

_ON_SINCE = {
    SIDECAR_CONTAINERS: KubernetesVersion(1, 29),
    SLEEP_ACTION: KubernetesVersion(1, 30),
}


def gates_on(version: KubernetesVersion, switched_on: frozenset[str] = frozenset()) -> frozenset[str]:
    """The gates that are on: those that the version has on by default, and those that somebody switched on."""
    return switched_on | {gate for gate, since in _ON_SINCE.items() if version >= since}
