"""The mesh's proxy of a pod, as far as the pod's own annotations tell: a regular container, and for how long it serves.

Istio: resource annotations (sidecar.istio.io/nativeSidecar, proxy.istio.io/config) and ProxyConfig's
terminationDrainDuration. Linkerd: "Proxy Configuration". What the mesh does by default is in no manifest.
"""

from lameduck.pod.durations import Seconds, parse_duration
from lameduck.pod.place import InputError
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source
from lameduck.pod.texts.documents import read_documents
from lameduck.pod.texts.nodes import Mapping, Scalar, follow
from lameduck.pod.workloads import PodSpec

__all__ = ["LINKERD_WAIT", "MeshProxy", "regular_proxy"]

LINKERD_WAIT = "config.alpha.linkerd.io/proxy-wait-before-exit-seconds"
"""The seconds that a preStop hook of Linkerd's proxy waits; none by default."""
_NATIVE_ISTIO = "sidecar.istio.io/nativeSidecar"
_NATIVE_LINKERD = (
    "config.beta.linkerd.io/proxy-enable-native-sidecar",
    "config.alpha.linkerd.io/proxy-enable-native-sidecar",
)
_ISTIO_DRAINS = Seconds(5.0)
_IDLE = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS"


@dataclass(frozen=True, slots=True)
class MeshProxy:
    """A proxy that is stopped beside the application."""

    mesh: str
    """Istio or Linkerd."""
    serves_s: Seconds
    """Seconds from the deletion until it takes no request any more."""
    annotation: str
    """The one that makes it a regular container."""


def regular_proxy(pod: PodSpec) -> MeshProxy | None:
    """The proxy that these annotations make a regular container; None if they do not, or say something unknown."""
    said = dict(pod.annotations)
    if said.get(_NATIVE_ISTIO) == "false":
        inject = (said.get("sidecar.istio.io/inject"), dict(pod.labels).get("sidecar.istio.io/inject"))
        serves_s = None if "false" in inject else _istio_drains(said.get("proxy.istio.io/config", ""))
        return None if serves_s is None else MeshProxy("Istio", serves_s, _NATIVE_ISTIO)
    native = next((key for key in _NATIVE_LINKERD if said.get(key) in ("false", "disabled")), None)
    wait = said.get(LINKERD_WAIT, "0")
    if native is None or said.get("linkerd.io/inject") != "enabled" or not wait.isdecimal():
        return None
    return MeshProxy("Linkerd", Seconds(float(wait)), native)


def _istio_drains(config: str) -> Seconds | None:
    """terminationDrainDuration of a ProxyConfig; None if it cannot be read, or if the proxy waits to be idle."""
    if not config:
        return _ISTIO_DRAINS
    try:
        documents = read_documents(Source("proxy.istio.io/config", config)).documents
        root = follow(documents[0].root) if documents else None
        if not isinstance(root, Mapping):
            return None
        metadata = root.get("proxyMetadata")
        if isinstance(metadata, Mapping) and metadata.get(_IDLE) is not None:
            return None
        duration = root.get("terminationDrainDuration")
        if duration is None:
            return _ISTIO_DRAINS
        return parse_duration(duration.text, option="") if isinstance(duration, Scalar) else None
    except InputError:
        return None
