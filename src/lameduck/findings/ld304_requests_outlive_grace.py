"""LD304: the Ingress allows requests that are far longer than the pod's grace, and nobody has chosen that grace."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting
from lameduck.pod.case import Case
from lameduck.pod.programs.hook_steps import hook_wait
from lameduck.pod.programs.receivers import receivers
from lameduck.pod.whole_numbers import written_number

__all__ = ["FINDING"]

PAGE = """
## What happens
Who raises an ingress's read timeout to many minutes has requests that stay silent for long: WebSockets, server-sent
events, long polls, exports, inference. When their pod ends, they get what the grace leaves behind the preStop hook
(T18), with the default of 30 s (T5) less than that, and are cut. Established connections are moved by nobody (T91).
## How to see it
`lameduck rehearse` with its WebSocket and slow clients shows them cut by SIGKILL. In a cluster: broken streams at every
rollout, and exit code 137.
## How to mend it
Either let the application close its streams when it begins to drain, so that clients come back to another pod, or give
it the time that its requests take: `terminationGracePeriodSeconds: 600`. Then write the number down, so that the next
reader knows that somebody has thought of it; this finding is silent then.
"""

_INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    nginx.ingress.kubernetes.io/proxy-read-timeout: "3600"
spec:
  ingressClassName: nginx
  rules:
    - http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: web, port: {number: 80}}}
"""
_DELAY = "lifecycle: {preStop: {sleep: {seconds: 5}}}"

BAD = (
    Example(
        "an hour for a WebSocket in the Ingress, and the default of 30 s in the pod",
        container=_DELAY,
        objects=f"{SERVICE}---{_INGRESS}",
    ),
)
GOOD = (
    Example(
        "a grace that somebody has chosen",
        pod="terminationGracePeriodSeconds: 45",
        container=_DELAY,
        objects=f"{SERVICE}---{_INGRESS}",
    ),
    Example(
        "a timeout for slow answers, not for streams",
        container=_DELAY,
        objects=f"{SERVICE}---{_INGRESS}".replace("3600", "120"),
    ),
    Example(
        "an Ingress that leads elsewhere",
        container=_DELAY,
        objects=f"{SERVICE}---{_INGRESS}".replace("{name: web, port", "{name: api, port"),
    ),
)

_READ_TIMEOUTS = ("nginx.ingress.kubernetes.io/proxy-read-timeout", "nginx.org/proxy-read-timeout")
_STREAMS_FROM_S = 600
"""Ten times nginx' default of 60 s: nobody waits so long for an ordinary answer."""


def in_files(case: Case) -> Iterator[Sighting]:
    spec = case.workload.pod
    if spec.grace_at is not None or case.workload.kind in ("Pod", "Job", "CronJob"):
        return
    for receiver in receivers(case):
        for ingress in case.ingresses:
            timeout_s = _read_timeout_s(dict(ingress.annotations))
            if timeout_s is None or timeout_s < _STREAMS_FROM_S or not ingress.leads_to(receiver.service):
                continue
            hook_s = hook_wait(receiver.container.pre_stop).least_s
            left_s = max(int(spec.termination_grace_period_s - hook_s), 2)
            yield Sighting(
                receiver.container.name,
                receiver.container.at,
                f"Ingress/{ingress.name} lets a request of {receiver.container.name} be silent for {timeout_s} s, and "
                f"the default grace of {spec.termination_grace_period_s} s leaves it {left_s} s when its pod ends",
                "Close long streams when the drain begins, or write a terminationGracePeriodSeconds that holds them",
            )
            break


def _read_timeout_s(annotations: dict[str, str]) -> int | None:
    value = next((annotations[name] for name in _READ_TIMEOUTS if name in annotations), "")
    return written_number(value.strip().removesuffix("s"))


FINDING = Finding(
    "LD304",
    "requests-outlive-grace",
    Severity.INFO,
    facts=("T5", "T18", "T91"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
)
