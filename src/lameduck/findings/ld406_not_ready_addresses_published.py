"""LD406: a Service with a cluster IP goes on sending requests to pods that end, because it publishes pods not ready."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case
from lameduck.pod.programs.receivers import client_services
from lameduck.remedies.remedy import Beside, Remedy, RemoveField

__all__ = ["FINDING"]

PAGE = """
## What happens
With publishNotReadyAddresses a pod is ready in the EndpointSlice whatever its probes say, and it stays so while it
terminates (T81): the mark that otherwise takes a pod out of the ready endpoints (T82) does nothing. kube-proxy sends it
new connections until the pod is over. No preStop helps: from the moment in which the server stops accepting until the
last container has exited, its share of the requests is refused; and so it is while a new pod starts.
## How to see it
`lameduck rehearse` does not play this field. In a cluster: `kubectl get endpointslices -o yaml` shows `ready: true`
beside `terminating: true`, and each rollout refuses requests however long the hook waits.
## How to mend it
Remove the field from the Service that clients use. It is meant for headless Services, by which peers find one another
before they are ready; where both are needed, write two Services:
```yaml
kind: Service
metadata: {name: web-peers}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
```
"""

_WAITS = "lifecycle: {preStop: {sleep: {seconds: 5}}}"
_PUBLISHES = "spec:\n  publishNotReadyAddresses: true"
BAD = (
    Example(
        "the field stands in the Service that clients use",
        container=_WAITS,
        objects=SERVICE.replace("spec:", _PUBLISHES),
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "a headless Service for peers beside the one for clients",
        container=_WAITS,
        objects=SERVICE
        + "---"
        + SERVICE.replace("name: web", "name: web-peers").replace("spec:", f"{_PUBLISHES}\n  clusterIP: None"),
        only=Witness.FILES,
    ),
    Example(
        "written, and false",
        container=_WAITS,
        objects=SERVICE.replace("spec:", _PUBLISHES.replace("true", "false")),
        only=Witness.FILES,
    ),
    Example(
        "a Service for metrics: who starts slowly is to be watched meanwhile",
        container="ports: [{name: metrics, containerPort: 9090}]",
        objects=SERVICE.replace("name: web", "name: web-metrics")
        .replace("8080", "metrics")
        .replace("spec:", _PUBLISHES),
        only=Witness.FILES,
    ),
)


_FIELD = ("spec", "publishNotReadyAddresses")


def in_files(case: Case) -> Iterator[Sighting]:
    workload = case.workload
    if workload.kind in ("Pod", "Job", "CronJob"):
        return
    for service in client_services(case):
        if service.publish_not_ready_addresses and not service.headless:
            yield Sighting(
                None,
                (*service.at, *_FIELD),
                f"Service/{service.name} publishes pods that are not ready: it sends requests to those of "
                f"{workload.title} that end, until their last process has exited",
                "Remove publishNotReadyAddresses; if peers need it, give them a headless Service of their own",
                document=service.document,
            )


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    service = next((each for each in client_services(case) if (*each.at, *_FIELD) == seen.at), None)
    if service is None or service.document is not seen.document:
        return None
    gone = RemoveField((*service.at, *_FIELD), "a pod that ends is to lose its requests")
    return Remedy((gone,), safe=False, title="Remove the field", beside=Beside(service.document, service.at))


FINDING = Finding(
    "LD406",
    "not-ready-addresses-published",
    Severity.WARNING,
    facts=("T81", "T82"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
