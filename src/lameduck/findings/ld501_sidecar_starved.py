"""LD501: a sidecar's turn to stop comes when the regular containers have used up the grace."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lameduck.ending.behaviour import Behaviour
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import seconds
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Role
from lameduck.pod.durations import Seconds
from lameduck.pod.programs.hook_steps import hook_wait
from lameduck.pod.programs.stop_times import stop_time
from lameduck.pod.workloads import PodSpec
from lameduck.remedies.pauses import CLEAN_UP_S, grace_for
from lameduck.remedies.remedy import Remedy

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
`lameduck rehearse` shows the sidecar's signal at the end of the grace, with a time of 2 s. `lameduck check` adds up
what is written: hook and own limit of the slowest regular container, then the sidecar's own limit.
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

_BESIDE = """
terminationGracePeriodSeconds: {grace}
initContainers:
  - name: auth
    image: registry.example/auth:1
    restartPolicy: Always
    command: [uvicorn, 'auth:app', --timeout-graceful-shutdown, '20']
"""
_APP = """
command: [uvicorn, 'app:app', --timeout-graceful-shutdown, '{limit}']
lifecycle: {{preStop: {{sleep: {{seconds: 5}}}}}}
"""

BAD = (
    Example(
        "the app drains until just before the deadline; the proxy is killed after 2 s",
        pod=_SIDECAR.format(grace=30),
        behaviour={"app": Behaviour(drain_s=Seconds(29.5)), "proxy": Behaviour(drain_s=Seconds(5))},
        only=Witness.ENDING,
    ),
    Example(
        "the proxy ends in its 2 s, this time",
        pod=_SIDECAR.format(grace=30),
        behaviour={"app": Behaviour(drain_s=Seconds(28.5)), "proxy": Behaviour(drain_s=Seconds(1))},
        only=Witness.ENDING,
    ),
    Example(
        "25 s for the application and 20 s for the server beside it, in a grace of 30",
        container=_APP.format(limit=20),
        pod=_BESIDE.format(grace=30),
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "a grace that holds one after the other",
        container=_APP.format(limit=20),
        pod=_BESIDE.format(grace=60),
        only=Witness.FILES,
    ),
    Example(
        "a sidecar of which nobody knows how long it needs",
        container=_APP.format(limit=20),
        pod=_SIDECAR.format(grace=30),
        only=Witness.FILES,
    ),
    Example(
        "an application that needs more than the grace: that is the cause, and said",
        container=_APP.format(limit=40),
        pod=_BESIDE.format(grace=30),
        also=("LD301",),
        only=Witness.FILES,
    ),
    Example(
        "a grace that holds both",
        only=Witness.ENDING,
        pod=_SIDECAR.format(grace=60),
        behaviour={"app": Behaviour(drain_s=Seconds(29.5)), "proxy": Behaviour(drain_s=Seconds(5))},
    ),
    Example(
        "the app is killed at its deadline: that is the cause, the sidecar only follows",
        pod=_SIDECAR.format(grace=30),
        behaviour={"app": Behaviour(drain_s=None), "proxy": Behaviour(drain_s=Seconds(5))},
        also=("LD301",),
        only=Witness.ENDING,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    spec = case.workload.pod
    grace_s = spec.termination_grace_period_s
    before_s, slowest = _before(case)
    if slowest is None or not 0 < before_s <= grace_s:
        return  # LD204 and LD301 speak of those that need more than there is
    for sidecar in spec.containers:
        limit = stop_time(case, sidecar) if sidecar.role is Role.SIDECAR else None
        if limit is None or limit.is_default or before_s + limit.seconds <= grace_s:
            continue
        needed_s = math.ceil(before_s + limit.seconds) + CLEAN_UP_S
        yield Sighting(
            sidecar.name,
            spec.grace_at or sidecar.at,
            f"the sidecar {sidecar.name} is stopped when {slowest.name} has ended, which may take {seconds(before_s)}: "
            f"of the grace of {grace_s} s that leaves {seconds(grace_s - before_s)}, and its own limit is "
            f"{seconds(limit.seconds)} ({limit.says})",
            f"Set terminationGracePeriodSeconds: {needed_s}, which holds one after the other",
        )


def _before(case: Case) -> tuple[Seconds, Container | None]:
    """How long regular containers may take by what is written, hook and stop, and the slowest of them."""
    found: list[tuple[Seconds, Container | None]] = [(Seconds(0.0), None)]
    for container in case.workload.pod.containers:
        if container.role is Role.REGULAR and (limit := stop_time(case, container)) and not limit.is_default:
            found.append((Seconds(hook_wait(container.pre_stop).least_s + limit.seconds), container))
    return max(found, key=lambda pair: pair[0])


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    spec = case.workload.pod
    limit = stop_time(case, spec.container(seen.container or ""))
    if limit is None:
        return None
    grace_s = math.ceil(_before(case)[0] + limit.seconds) + CLEAN_UP_S
    change = grace_for(spec, grace_s, f"holds the regular containers, and {seen.container} after them")
    return Remedy((change,), safe=True, title=f"Give the pod {grace_s} s")


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
    in_files=in_files,
    remedy=remedy,
)
