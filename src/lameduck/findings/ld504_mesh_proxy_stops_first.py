"""LD504: the mesh's proxy, a regular container by its annotations, stops while the application still serves."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.findings.words import seconds
from lameduck.pod.case import Case
from lameduck.pod.durations import Seconds
from lameduck.pod.mesh_proxies import LINKERD_WAIT, regular_proxy
from lameduck.pod.programs.hook_steps import hook_wait
from lameduck.pod.programs.receivers import receivers

__all__ = ["FINDING"]

PAGE = """
## What happens
All that reaches a meshed pod goes through its proxy. Where that is a regular container, it gets its stop signal beside
the application (T40), also while the application's preStop hook waits. Linkerd's proxy refuses new requests from then
on; Istio's agent ends Envoy after terminationDrainDuration, 5 s by default. The application serves on, and nobody
reaches it; nor does it reach anybody.
New versions of both meshes inject a native sidecar, which is stopped after the application (T41). So lameduck says this
only of pods whose own annotations ask for a regular container.
## How to see it
Requests that fail at the proxy in the first seconds after a deletion, though the application's hook waits:
`kubectl logs` of the proxy shows that it shuts down before the application does.
## How to mend it
Remove the annotation that keeps the proxy a regular container. Where it must stay one, let it wait for as long as the
application:
```yaml
config.alpha.linkerd.io/proxy-wait-before-exit-seconds: "20"     # Linkerd: a preStop hook of the proxy
proxy.istio.io/config: |                                         # Istio
  terminationDrainDuration: 20s
```
"""

_WAITS = "lifecycle: {preStop: {sleep: {seconds: 20}}}"


def _pod(annotations: str, hook: str = _WAITS) -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: web}}
  template:
    metadata:
      labels: {{app: web}}
      annotations:
        {annotations}
    spec:
      containers:
        - name: app
          image: registry.example/app:1
          ports: [{{containerPort: 8080}}]
          readinessProbe: {{httpGet: {{port: 8080}}}}
          {hook}
"""


_ISTIO_REGULAR = "sidecar.istio.io/nativeSidecar: 'false'"
_LINKERD = "linkerd.io/inject: enabled"
_LINKERD_REGULAR = f"{_LINKERD}\n        config.beta.linkerd.io/proxy-enable-native-sidecar: 'false'"
BAD = (
    Example(
        "Istio ends Envoy after its default of 5 s, and the application serves for 20",
        whole=_pod(_ISTIO_REGULAR),
        objects=SERVICE,
        also=("LD405",),
        only=Witness.FILES,
    ),
    Example(
        "Linkerd's proxy refuses at once what the application would still take",
        whole=_pod(_LINKERD_REGULAR),
        objects=SERVICE,
        also=("LD405",),
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "a native sidecar",
        whole=_pod("sidecar.istio.io/nativeSidecar: 'true'"),
        objects=SERVICE,
        also=("LD405",),
        only=Witness.FILES,
    ),
    Example(
        "nothing is said of the kind of sidecar: the mesh's own default is not in these files",
        whole=_pod(_LINKERD),
        objects=SERVICE,
        also=("LD405",),
        only=Witness.FILES,
    ),
    Example(
        "Envoy is drained for as long as the application waits",
        whole=_pod(f"{_ISTIO_REGULAR}\n        proxy.istio.io/config: '{{terminationDrainDuration: 25s}}'"),
        objects=SERVICE,
        also=("LD405",),
        only=Witness.FILES,
    ),
    Example(
        "Envoy stays until its connections are closed",
        whole=_pod(
            f"{_ISTIO_REGULAR}\n        proxy.istio.io/config: "
            "'{proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: \"true\"}}'"
        ),
        objects=SERVICE,
        also=("LD405",),
        only=Witness.FILES,
    ),
    Example(
        "Linkerd's proxy waits, too",
        whole=_pod(f"{_LINKERD_REGULAR}\n        config.alpha.linkerd.io/proxy-wait-before-exit-seconds: '20'"),
        objects=SERVICE,
        also=("LD405",),
        only=Witness.FILES,
    ),
    Example(
        "a pod that Istio passes by",
        whole=_pod(f"{_ISTIO_REGULAR}\n        sidecar.istio.io/inject: 'false'"),
        objects=SERVICE,
        also=("LD405",),
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    spec = case.workload.pod
    proxy = regular_proxy(spec)
    if proxy is None or case.workload.kind in ("Job", "CronJob"):
        return
    waits = [(hook_wait(each.container.pre_stop).least_s, each.container) for each in receivers(case)]
    wait_s, container = max(waits, key=lambda pair: pair[0], default=(Seconds(0.0), None))
    if container is None or not proxy.serves_s < wait_s < spec.termination_grace_period_s:
        return
    stops = "refuses new requests at once" if not proxy.serves_s else f"ends after {seconds(proxy.serves_s)}"
    instead = (
        f"set terminationDrainDuration: {wait_s:.0f}s in proxy.istio.io/config"
        if proxy.mesh == "Istio"
        else f"set {LINKERD_WAIT}: '{wait_s:.0f}'"
    )
    yield Sighting(
        container.name,
        (*spec.at[:-1], "metadata", "annotations", proxy.annotation),
        f"{container.name} serves for {seconds(wait_s)} after the deletion, and {proxy.mesh}'s proxy, by this "
        f"annotation a regular container, {stops}",
        f"Remove the annotation, or {instead}",
    )


FINDING = Finding(
    "LD504",
    "mesh-proxy-stops-first",
    Severity.ERROR,
    facts=("T40", "T41"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
)
