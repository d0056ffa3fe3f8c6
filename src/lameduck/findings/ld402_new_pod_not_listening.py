"""LD402: a replacement gets requests before it listens."""

from collections.abc import Iterator

from lameduck.ending.reasons import Cause
from lameduck.ending.requests import Fate
from lameduck.findings.examples import BUDGET, REPLACEMENT, SERVICE, request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import after_mark, requests, when
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Probe
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import HttpGet, TcpSocket
from lameduck.pod.programs.receivers import receivers
from lameduck.pod.programs.stores import is_store
from lameduck.pod.replica_count import ONE_FOR_ANOTHER, replica_count
from lameduck.pod.rolling import fenceposts
from lameduck.pod.workloads import RollingUpdate, ServicePort
from lameduck.remedies.remedy import Json, Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
A container without a readiness probe counts as ready as soon as its process runs. The new pod enters the endpoints
(T79) while its server still loads, and refuses what it is sent. In a rollout it is worse: an old pod is deleted the
moment the new one counts as available (T115).
## How to see it
`lameduck rehearse` counts requests that went to a new pod before it listened; each rollout has them, however well the
old pods end. `lameduck check` warns of containers that clients reach through a Service and that nothing asks whether
they listen: neither a readiness nor a startup probe. It is quiet where no other pod could take the requests meanwhile.
## How to mend it
Let the kubelet ask the port that the Service sends to:
```yaml
readinessProbe:
  httpGet: {path: /healthz, port: 8080}
  periodSeconds: 1
```
Where a liveness probe asks that port, `--fix` repeats its question: a container that never answered it would not live.
A probe without that witness is offered as `--fix --unsafe` only, for a pod of which only the leader listens would never
be ready.
A probe that looks at something else (a file, another port) can be ready too early in the same way. minReadySeconds
does not help: it delays the end of old pods, not the requests to the new one.
"""

_WAITS = "lifecycle: {preStop: {sleep: {seconds: 5}}}"
_BUDGET = f"---{BUDGET}"

BAD = (
    Example(
        "no readiness probe, and a server that needs three seconds to listen",
        container="ports: [{containerPort: 8080}]\nlifecycle: {preStop: {sleep: {seconds: 3}}}",
        replacement_ready_s=Seconds(0.2),
        requests=(
            request(Fate.REFUSED, 1.4, pod=REPLACEMENT),
            request(Fate.REFUSED, 2.6, pod=REPLACEMENT),
            request(Fate.OK, 3.5, pod=REPLACEMENT),
        ),
        objects=SERVICE + _BUDGET,
        bare=True,
    ),
    Example(
        "a probe that looks at a file, which is written before the server listens",
        container="ports: [{containerPort: 8080}]\nreadinessProbe: {exec: {command: [test, -e, /ready]}}\n"
        "lifecycle: {preStop: {sleep: {seconds: 3}}}",
        replacement_ready_s=Seconds(0.2),
        requests=(request(Fate.REFUSED, 1.4, pod=REPLACEMENT),),
        only=Witness.ENDING,
    ),
    Example(
        "a liveness probe that asks the port, but nothing holds the traffic back until it is answered",
        container="ports: [{name: http, containerPort: 8080}]\n"
        "livenessProbe: {httpGet: {path: /healthz, port: http}, initialDelaySeconds: 30, failureThreshold: 5}\n"
        + _WAITS,
        objects=SERVICE + _BUDGET,
        bare=True,
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "a readiness probe that asks the server",
        container="ports: [{containerPort: 8080}]\nreadinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}\n"
        "lifecycle: {preStop: {sleep: {seconds: 3}}}",
        replacement_ready_s=Seconds(3),
        requests=(request(Fate.OK, 1.4, pod="web-a2"), request(Fate.OK, 4.5, pod=REPLACEMENT)),
    ),
    Example(
        "a replacement that loses a request later on: it did listen",
        container="ports: [{containerPort: 8080}]\nlifecycle: {preStop: {sleep: {seconds: 3}}}",
        replacement_ready_s=Seconds(0.2),
        requests=(request(Fate.OK, 1.4, pod=REPLACEMENT), request(Fate.RESET, 2.0, 2.5, pod=REPLACEMENT)),
        only=Witness.ENDING,
    ),
    Example(
        "a startup probe: until it succeeds, the container does not count as ready",
        container=f"startupProbe: {{tcpSocket: {{port: 8080}}}}\n{_WAITS}",
        objects=SERVICE + _BUDGET,
        bare=True,
        only=Witness.FILES,
    ),
    Example(
        "a postStart hook, which may wait for the server",
        container="lifecycle: {postStart: {exec: {command: [/wait-for-it.sh]}}, preStop: {sleep: {seconds: 5}}}",
        objects=SERVICE + _BUDGET,
        bare=True,
        only=Witness.FILES,
    ),
    Example(
        "an Istio gateway, which the injector fills in with image and probe",
        container=f"image: auto\nports: [{{containerPort: 8080}}]\n{_WAITS}",
        objects=SERVICE + _BUDGET,
        bare=True,
        only=Witness.FILES,
    ),
    Example(
        "a sidecar without a port of the Service",
        container=f"ports: [{{containerPort: 8080}}]\nreadinessProbe: {{httpGet: {{port: 8080}}}}\n{_WAITS}",
        beside="- {name: logs, image: registry.example/logs:1, ports: [{containerPort: 2020}]}",
        objects=SERVICE + _BUDGET,
        bare=True,
        only=Witness.FILES,
    ),
    Example(
        "a name server that speaks UDP only: no probe could ask it",
        container=f"ports: [{{containerPort: 8080, protocol: UDP}}]\n{_WAITS}",
        objects=SERVICE.replace("targetPort: 8080", "targetPort: 8080\n      protocol: UDP") + _BUDGET,
        bare=True,
        only=Witness.FILES,
    ),
    Example(
        "no Service, so no requests",
        container="ports: [{containerPort: 8080}]",
        only=Witness.FILES,
    ),
    Example(
        "the only pod of its kind, which ends before its replacement starts: refused or not, there is nobody else",
        replicas=1,
        workload="strategy: {type: Recreate}",
        pod="volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]",
        objects=SERVICE,
        bare=True,
        only=Witness.FILES,
    ),
    Example(
        "peers that find one another by a headless Service, ready or not",
        container=_WAITS,
        objects=SERVICE.replace("spec:", "spec:\n  clusterIP: None\n  publishNotReadyAddresses: true") + _BUDGET,
        bare=True,
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    workload = case.workload
    if workload.kind not in (*ONE_FOR_ANOTHER, "StatefulSet", "DaemonSet") or not _another_could_answer(case):
        return
    for receiver in receivers(case):
        container = receiver.container
        if any((container.readiness, container.startup, container.post_start)) or receiver.port.protocol != "TCP":
            continue
        if container.image == "auto":
            continue  # a gateway that Istio's injector fills in, probe included
        if receiver.service.headless and (
            receiver.service.publish_not_ready_addresses or workload.kind == "StatefulSet"
        ):
            continue
        same = _asks_the_port(container, receiver.port)
        yield Sighting(
            container.name,
            container.at,
            f"{container.name} gets requests from Service/{receiver.service.name} as soon as its process runs: "
            + ("only its liveness probe asks whether it listens" if same else "no probe asks whether it listens"),
            "Ask with a readinessProbe what the livenessProbe asks"
            if same
            else f"Write readinessProbe: {{tcpSocket: {{port: {receiver.port.target_port}}}}}, or better an httpGet",
            # The only pod of a database is missed at each of its ends, whatever a probe asks: said, but no debt.
            severity=Severity.INFO if replica_count(case).most == 1 and is_store(container) else Severity.WARNING,
        )


def _another_could_answer(case: Case) -> bool:
    workload = case.workload
    count = replica_count(case)
    if workload.kind == "DaemonSet":
        return True
    # Of one pod, the old one serves until the new one is ready only where that comes first.
    strategy = workload.strategy
    comes_first = (
        workload.kind in ONE_FOR_ANOTHER and isinstance(strategy, RollingUpdate) and fenceposts(1, strategy)[0] > 0
    )
    return count.most > 1 or (count.most == 1 and comes_first)


def _asks_the_port(container: Container, port: ServicePort) -> bool:
    """Whether its liveness probe asks the port that the Service sends to."""
    handler = container.liveness.handler if container.liveness is not None else None
    if not isinstance(handler, HttpGet | TcpSocket) or handler.host is not None:
        return False
    return _number(container, handler.port) == _number(container, port.target_port)


def _number(container: Container, port: int | str) -> int | str:
    return next((each.number for each in container.ports if each.name == port), port)


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    receiver = next((each for each in receivers(case) if each.container.name == seen.container), None)
    if receiver is None:
        return None
    container, port = receiver.container, receiver.port
    safe = _asks_the_port(container, port)
    probe: dict[str, Json] = {"tcpSocket": {"port": port.target_port}, "periodSeconds": 5}
    if safe and container.liveness is not None:
        probe = _same_question(container.liveness)
    change = SetField((*container.at, "readinessProbe"), probe, "holds requests back until it listens")
    return Remedy((change,), safe=safe, title=f"Ask {container.name} whether it listens before it gets requests")


def _same_question(probe: Probe) -> dict[str, Json]:
    """The liveness probe as a readiness probe: at once, and otherwise with the same patience."""
    match probe.handler:
        case HttpGet(port=port, url_path=url_path, scheme=scheme, headers=headers):
            get: dict[str, Json] = {"path": url_path, "port": port}
            if scheme != "HTTP":
                get["scheme"] = scheme
            if headers:
                get["httpHeaders"] = [{"name": name, "value": value} for name, value in headers]
            question: dict[str, Json] = {"httpGet": get}
        case TcpSocket(port=port):
            question = {"tcpSocket": {"port": port}}
        case _:
            raise ValueError("only questions to a port are repeated")
    if probe.period_s != 10:
        question["periodSeconds"] = probe.period_s
    if probe.timeout_s != 1:
        question["timeoutSeconds"] = probe.timeout_s
    if probe.failure_threshold != 3:
        question["failureThreshold"] = probe.failure_threshold
    return question


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    losses = witnessed.losses(Cause.NOT_LISTENING_YET)
    if not losses:
        return
    container = witnessed.serving
    times = when(after_mark(losses, witnessed.verdict.endings))
    came = f"{requests(len(losses))} went to a new pod that did not listen yet, {times}"
    if container.readiness is not None:
        yield Sighting(
            container.name,
            container.readiness.at,
            f"{came}: the readiness probe of {container.name} succeeds before the server listens",
            "Let the readiness probe ask the port that the Service sends to",
        )
        return
    port = container.ports[0].number if container.ports else 8080
    yield Sighting(
        container.name,
        container.at,
        f"{came}: {container.name} has no readiness probe and counts as ready from its start",
        f"Write readinessProbe: {{tcpSocket: {{port: {port}}}, periodSeconds: 1}}, or better an httpGet",
    )


FINDING = Finding(
    "LD402",
    "new-pod-not-listening",
    Severity.ERROR,
    facts=("T79", "T115"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
    in_files=in_files,
    remedy=remedy,
)
