"""LD209: hook and application both wait for the endpoints, one after the other."""

from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting
from lameduck.findings.words import seconds
from lameduck.pod.case import Case
from lameduck.pod.handlers import plain_sleep
from lameduck.pod.programs.own_delay import own_delay
from lameduck.remedies.remedy import Remedy, RemoveField

__all__ = ["FINDING"]

PAGE = """
## What happens
The preStop hook waits, then the stop signal comes (T16), then the application waits once more by its own setting before
it stops accepting. Both waits are there for the same thing, the time until everybody has learnt that the pod is leaving
(T97), and both are paid for with the grace (T17).
## How to see it
`lameduck rehearse` shows idle seconds on both sides of the signal. In a cluster each pod takes longer to end than its
requests need.
## How to mend it
Keep one of them. The application's own also works where hooks do not run, such as a plain SIGTERM from outside.
"""

BAD = (
    Example(
        "a hook of 10 s in front of an API server that delays its shutdown",
        container="args: [--shutdown-delay-duration=15s]\nlifecycle: {preStop: {sleep: {seconds: 10}}}",
    ),
    Example(
        "Traefik with a hook and its own time of grace",
        container="image: traefik:3.1\nargs: [--entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout=10]\n"
        "lifecycle: {preStop: {sleep: {seconds: 10}}}",
    ),
)
GOOD = (
    Example("only the application waits", container="args: [--shutdown-delay-duration=15s]"),
    Example(
        "a setting of which nobody knows what it does",
        container="env: [{name: SHUTDOWN_DELAY, value: '5'}]\nlifecycle: {preStop: {sleep: {seconds: 10}}}",
    ),
    Example(
        "its own delay is switched off",
        container="args: [--shutdown-delay-duration=0s]\nlifecycle: {preStop: {sleep: {seconds: 10}}}",
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    for container in case.workload.pod.containers:
        handler = container.pre_stop
        wait_s, own = plain_sleep(handler), own_delay(case, container)
        if handler is None or not wait_s or own is None or own.seconds is None:
            continue
        yield Sighting(
            container.name,
            handler.at,
            f"{container.name} waits twice before it stops accepting: {wait_s} s in its preStop hook, and "
            f"{seconds(own.seconds)} by {own.says}",
            "Keep one of the two",
        )


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    handler = case.workload.pod.container(seen.container or "").pre_stop
    if handler is None:
        return None
    gone = RemoveField(handler.at[:-1], "the application waits by itself")
    return Remedy((gone,), safe=False, title="Remove the hook")


FINDING = Finding(
    "LD209",
    "delay-twice",
    Severity.INFO,
    facts=("T16", "T17", "T97"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
