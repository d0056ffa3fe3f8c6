"""LD303: a probe's own grace is over before the preStop hook that runs in it."""

import math
from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting
from lameduck.findings.words import seconds
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Probe
from lameduck.pod.programs.hook_steps import hook_wait
from lameduck.remedies.remedy import Remedy, RemoveField

__all__ = ["FINDING"]

PAGE = """
## What happens
A liveness or startup probe may bring a terminationGracePeriodSeconds of its own for the kill that it causes (T73). That
kill runs the preStop hook, too (T22, T74), and the hook is charged to that grace (T17). If the hook alone takes all of
it, the process gets its signal when the grace is over, and SIGKILL 2 s later (T18): the restart that was to be quick is
not, and is not graceful either.
## How to see it
In a cluster: an `Unhealthy` event, then exactly the probe's grace and two seconds until the container is started again.
## How to mend it
Give the probe a grace that holds the hook, or none, so that the pod's counts.
"""

BAD = (
    Example(
        "a probe's grace of 5 s and a hook of 10 s",
        container="""
            lifecycle: {preStop: {sleep: {seconds: 10}}}
            livenessProbe: {httpGet: {port: 8080}, terminationGracePeriodSeconds: 5}
        """,
    ),
    Example(
        "the startup probe gives exactly what the hook takes",
        container="""
            lifecycle: {preStop: {exec: {command: [sleep, '15']}}}
            startupProbe: {httpGet: {port: 8080}, terminationGracePeriodSeconds: 15}
        """,
    ),
)
GOOD = (
    Example(
        "a probe's grace that is shorter than the pod's, and holds the hook",
        container="""
            lifecycle: {preStop: {sleep: {seconds: 5}}}
            livenessProbe: {httpGet: {port: 8080}, terminationGracePeriodSeconds: 15}
        """,
    ),
    Example(
        "a quick end for a process that hangs, without any hook",
        container="livenessProbe: {httpGet: {port: 8080}, terminationGracePeriodSeconds: 1}",
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    for container in case.workload.pod.containers:
        hook_s = hook_wait(container.pre_stop).least_s
        for name, probe in _probes(container):
            grace_s = probe.termination_grace_period_s
            if grace_s is not None and hook_s > 0 and hook_s >= grace_s:
                yield Sighting(
                    container.name,
                    (*probe.at, "terminationGracePeriodSeconds"),
                    f"when its {name} fails, {container.name} gets {grace_s} s, and its preStop hook alone waits "
                    f"{seconds(hook_s)}: SIGKILL comes 2 s after the signal",
                    "Let the hook end"
                    if math.isinf(hook_s)
                    else f"Give the probe more than {seconds(hook_s)}, or leave it to the pod's "
                    f"{case.workload.pod.termination_grace_period_s} s",
                )


def _probes(container: Container) -> Iterator[tuple[str, Probe]]:
    if container.liveness is not None:
        yield "livenessProbe", container.liveness
    if container.startup is not None:
        yield "startupProbe", container.startup


def remedy(_case: Case, seen: Sighting) -> Remedy | None:
    if seen.at is None:
        return None
    gone = RemoveField(seen.at, "the pod's own grace counts then")
    return Remedy((gone,), safe=False, title="Leave the probe's kill to the pod's grace")


FINDING = Finding(
    "LD303",
    "probe-grace-too-short",
    Severity.WARNING,
    facts=("T17", "T18", "T22", "T73", "T74"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
