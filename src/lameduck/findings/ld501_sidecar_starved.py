"""LD501: a sidecar's turn to stop comes when the regular containers have used up the grace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lameduck.ending.behaviour import Behaviour
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import seconds
from lameduck.pod.containers import Role
from lameduck.pod.durations import Seconds
from lameduck.pod.workloads import PodSpec

if TYPE_CHECKING:
    from lameduck.ending.verdict import PodEnding

__all__ = ["FINDING"]

PAGE = """
## What happens
Native sidecars (init containers with `restartPolicy: Always`) get their stop signal only when all regular containers
have stopped (T41). The wait is taken from the sidecar's own grace; when that is used up, it is signalled nevertheless
and gets 2 s, together with all other waiting sidecars, in no order (T43). A proxy that drains or a log shipper that
flushes is cut. It is an error where the sidecar was killed, and a warning where 2 s happened to be enough.
## How to see it
`lameduck rehearse` shows the sidecar's signal at the end of the grace, with a time of 2 s.
## How to mend it
Set terminationGracePeriodSeconds to what the regular containers need (hook and drain) plus what the sidecar needs
after them:
```yaml
terminationGracePeriodSeconds: 60      # app: 5 s preStop + 30 s drain; proxy: 10 s; margin
```
A sidecar's preStop hook starts at once, beside the others (T42): a sleep there does not add to its time.
"""

_SIDECAR = """
terminationGracePeriodSeconds: {grace}
initContainers:
  - {{name: proxy, image: registry.example/proxy:1, restartPolicy: Always}}
"""

BAD = (
    Example(
        "the app drains until just before the deadline; the proxy is killed after 2 s",
        pod=_SIDECAR.format(grace=30),
        behaviour={"app": Behaviour(drain_s=Seconds(29.5)), "proxy": Behaviour(drain_s=Seconds(5))},
    ),
    Example(
        "the proxy ends in its 2 s, this time",
        pod=_SIDECAR.format(grace=30),
        behaviour={"app": Behaviour(drain_s=Seconds(28.5)), "proxy": Behaviour(drain_s=Seconds(1))},
    ),
)
GOOD = (
    Example(
        "a grace that holds both",
        pod=_SIDECAR.format(grace=60),
        behaviour={"app": Behaviour(drain_s=Seconds(29.5)), "proxy": Behaviour(drain_s=Seconds(5))},
    ),
    Example(
        "the app is killed at its deadline: that is the cause, the sidecar only follows",
        pod=_SIDECAR.format(grace=30),
        behaviour={"app": Behaviour(drain_s=None), "proxy": Behaviour(drain_s=Seconds(5))},
        also=("LD301",),
    ),
)


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    from lameduck.ending.kills import turn_came_too_late

    spec = witnessed.workload.pod
    told: set[str] = set()
    for ending in witnessed.verdict.endings:
        if _others_are_to_blame(ending, spec):
            continue
        for container in ending.containers:
            if container.name in told or not turn_came_too_late(ending, container, spec):
                continue
            told.add(container.name)
            killed = "and was killed 2 s later" if container.killed else "and had 2 s left"
            signalled = f"{container.stop_signal} {seconds(container.stop_signal_s or 0)}"
            yield Sighting(
                container.name,
                spec.container(container.name).at,
                f"the sidecar {container.name} got {signalled} after the deletion, when the others had used up the "
                f"grace of {ending.grace_s} s, {killed}",
                f"Raise terminationGracePeriodSeconds above {ending.grace_s} by what {container.name} needs for itself",
                severity=Severity.ERROR if container.killed else None,
            )


def _others_are_to_blame(ending: PodEnding, spec: PodSpec) -> bool:
    """Whether a regular container ran into its deadline, or its hook did: other findings say why."""
    return any(
        (container.killed or container.hook_outcome == "outlasted")
        and spec.container(container.name).role is Role.REGULAR
        for container in ending.containers
    )


FINDING = Finding(
    "LD501",
    "sidecar-starved",
    Severity.WARNING,
    facts=("T41", "T42", "T43"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
)
