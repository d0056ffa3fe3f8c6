"""LD402: a replacement gets requests before it listens."""

from collections.abc import Iterator

from lameduck.ending.reasons import Cause
from lameduck.ending.requests import Fate
from lameduck.findings.examples import REPLACEMENT, request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import after_mark, requests, when
from lameduck.pod.durations import Seconds

__all__ = ["FINDING"]

PAGE = """
## What happens
A container without a readiness probe counts as ready as soon as its process runs. The new pod enters the endpoints
(T79) while its server still loads, and refuses what it is sent. In a rollout it is worse: an old pod is deleted the
moment the new one counts as available (T115).
## How to see it
`lameduck rehearse` counts requests that went to a new pod before it listened; each rollout has them, however well the
old pods end.
## How to mend it
Let the kubelet ask the port that the Service sends to:
```yaml
readinessProbe:
  httpGet: {path: /healthz, port: 8080}
  periodSeconds: 1
```
A probe that looks at something else (a file, another port) can be ready too early in the same way. minReadySeconds
does not help: it delays the end of old pods, not the requests to the new one.
"""

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
    ),
    Example(
        "a probe that looks at a file, which is written before the server listens",
        container="ports: [{containerPort: 8080}]\nreadinessProbe: {exec: {command: [test, -e, /ready]}}\n"
        "lifecycle: {preStop: {sleep: {seconds: 3}}}",
        replacement_ready_s=Seconds(0.2),
        requests=(request(Fate.REFUSED, 1.4, pod=REPLACEMENT),),
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
    ),
)


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
)
