"""What a pod's annotations say of the mesh's proxy."""

import pytest

from lameduck.pod.durations import Seconds
from lameduck.pod.mesh_proxies import MeshProxy, regular_proxy
from lameduck.pod.workloads import PodSpec

_ISTIO = "sidecar.istio.io/nativeSidecar"
_CONFIG = "proxy.istio.io/config"
_LINKERD = "config.beta.linkerd.io/proxy-enable-native-sidecar"
_WAIT = "config.alpha.linkerd.io/proxy-wait-before-exit-seconds"


def _proxy(labels: dict[str, str] | None = None, **annotations: str) -> MeshProxy | None:
    named = {"istio": _ISTIO, "config": _CONFIG, "linkerd": _LINKERD, "wait": _WAIT}
    said = tuple(
        (named.get(key, key.replace("__", "/").replace("_", ".")), value) for key, value in annotations.items()
    )
    return regular_proxy(PodSpec((), (), annotations=said, labels=tuple((labels or {}).items())))


@pytest.mark.parametrize(
    ("config", "serves_s"),
    [
        ("", 5.0),
        ("tracing: {}\n", 5.0),
        ("terminationDrainDuration: 30s\n", 30.0),
        ('{"terminationDrainDuration": "1m"}', 60.0),
    ],
)
def test_istio_ends_envoy_after_its_drain_duration(config: str, serves_s: float) -> None:
    assert _proxy(istio="false", config=config) == MeshProxy("Istio", Seconds(serves_s), _ISTIO)


@pytest.mark.parametrize(
    "config",
    [
        "proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'true'}",
        "terminationDrainDuration: [1]",
        "terminationDrainDuration: soon",
        "- a list",
        "{",
    ],
)
def test_what_waits_by_itself_or_cannot_be_read_is_not_judged(config: str) -> None:
    assert _proxy(istio="false", config=config) is None


def test_a_native_sidecar_or_none_at_all_is_not_judged() -> None:
    assert _proxy(istio="true") is None
    assert _proxy() is None
    assert _proxy({"sidecar.istio.io/inject": "false"}, istio="false") is None


def test_linkerds_proxy_refuses_at_once_unless_it_is_told_to_wait() -> None:
    assert _proxy(linkerd="false", linkerd_io__inject="enabled") == MeshProxy("Linkerd", Seconds(0.0), _LINKERD)
    assert _proxy(linkerd="false", linkerd_io__inject="enabled", wait="20") == MeshProxy(
        "Linkerd", Seconds(20.0), _LINKERD
    )
    assert _proxy(linkerd="false") is None
