"""Containers and their probes, as the pod spec states them, with the API's defaults filled in."""

from enum import Enum

from lameduck.pod.handlers import Handler, ProbeHandler
from lameduck.pod.place import FieldPath
from lameduck.pod.records import dataclass

__all__ = ["ConfigMount", "Container", "ContainerPort", "Probe", "Role"]


class Role(Enum):
    """What a container is to its pod's ending (T40, T41, T46, T47)."""

    REGULAR = "regular"
    SIDECAR = "sidecar"  # an init container with restartPolicy Always
    INIT = "init"
    EPHEMERAL = "ephemeral"


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe with the API's defaults (T72); whole seconds, as the API stores them."""

    handler: ProbeHandler
    at: FieldPath
    initial_delay_s: int = 0
    timeout_s: int = 1
    period_s: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_s: int | None = None
    """Liveness and startup only; the grace of the kill that this probe causes (T73)."""


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A declared port. Declaring is documentation only, except for names that probes, hooks and Services use."""

    number: int
    name: str | None = None
    protocol: str = "TCP"
    host_port: int | None = None
    """The port of the node that it takes as well: no second pod of the kind can stand on that node."""


@dataclass(frozen=True, slots=True)
class ConfigMount:
    """A ConfigMap that stands in the container's file system: each key a file below `path`, or one key at `path`."""

    config_map: str
    path: str
    sub_path: str | None = None
    """The one key that is mounted, as a file at `path` itself."""
    items: tuple[tuple[str, str], ...] = ()
    """Key and file name, where the volume chooses; empty: each key is a file of its own name."""
    mode: int = 0o644
    """The permissions of its files, where their items say nothing else (defaultMode)."""
    modes: tuple[tuple[str, int], ...] = ()
    """Of single keys."""

    def key_at(self, path: str) -> str | None:
        """The key whose value is the file at that absolute path; None: it is none of this ConfigMap's."""
        below = path.removeprefix(self.path.rstrip("/")).lstrip("/")
        name = below if self.sub_path is None else f"{self.sub_path.strip('/')}/{below}".rstrip("/")
        if not self.items:
            return name if name and "/" not in name else None
        return next((key for key, file in self.items if file == name), None)

    def path_of(self, key: str) -> str | None:
        """The absolute path of the file that holds that key; None: it is not shown."""
        name = dict(self.items).get(key) if self.items else key
        if name is None or self.sub_path is None:
            return None if name is None else f"{self.path.rstrip('/')}/{name}"
        below = self.sub_path.strip("/")
        if name == below:
            return self.path
        return f"{self.path.rstrip('/')}/{name.removeprefix(below + '/')}" if name.startswith(f"{below}/") else None

    def covers(self, path: str) -> bool:
        """Whether it hides what the image has at that absolute path."""
        mounted = self.path.rstrip("/")
        return path == mounted or path.startswith(f"{mounted}/")

    def mode_of(self, key: str) -> int:
        """The permissions of the file that holds that key."""
        return dict(self.modes).get(key, self.mode)


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod. None for command or args: the image decides."""

    name: str
    at: FieldPath
    role: Role = Role.REGULAR
    image: str | None = None
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    env: tuple[tuple[str, str | None], ...] = ()
    """Name and value; None where the value comes from elsewhere (valueFrom)."""
    env_from: tuple[str, ...] = ()
    """ConfigMaps whose keys become variables (envFrom, or valueFrom of single ones)."""
    config_mounts: tuple[ConfigMount, ...] = ()
    working_dir: str | None = None
    ports: tuple[ContainerPort, ...] = ()
    privileged: bool = False
    pre_stop: Handler | None = None
    post_start: Handler | None = None
    stop_signal: str | None = None
    """lifecycle.stopSignal; counts only with the gate ContainerStopSignals on (T51)."""
    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None

    @property
    def config_maps(self) -> frozenset[str]:
        """The names of the ConfigMaps that it uses in any way."""
        return frozenset((*self.env_from, *(mount.config_map for mount in self.config_mounts)))
