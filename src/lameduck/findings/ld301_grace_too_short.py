"""LD301: the process drains, but needs longer than the hook has left of the grace."""

import math
from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import KillCause
from lameduck.ending.requests import ClientKind, Fate
from lameduck.findings.examples import request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import cost, seconds
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Role
from lameduck.pod.durations import Seconds
from lameduck.pod.programs.drain_times import before_drain_s
from lameduck.pod.programs.stop_times import StopTime, stop_time
from lameduck.remedies.pauses import CLEAN_UP_S, grace_for
from lameduck.remedies.remedy import Remedy

__all__ = ["FINDING"]

PAGE = """
## What happens
The process caught the stop signal and was still busy when its time was over. That time is the grace less the preStop
hook, in whole seconds, and never below 2 (T17, T18): with the default of 30 s and a hook of 10 s it is 20 s. What was
in flight is cut, and clean-up at the end (flushing, deregistering, closing the database) does not happen.
## How to see it
`lameduck rehearse` shows SIGKILL although the signal was caught, and how much time the hook had left. In a cluster:
exit code 137 without an OOM, in pods with long requests only. `lameduck check` adds up what the files say: the hook's
wait, the application's own limit (`--graceful-timeout` and its like), the grace.
## How to mend it
Make hook + drain + clean-up fit into the grace, with a margin:
```yaml
terminationGracePeriodSeconds: 90      # preStop 10 + longest request 60 + clean-up 5, and a margin
```
Or give the drain an end of its own that is earlier than the kubelet's: `gunicorn --graceful-timeout`,
`uvicorn --timeout-graceful-shutdown`, `server.closeAllConnections()`. Long-lived streams and WebSockets do not end by
themselves: the server must close them when it drains.
"""

BAD = (
    Example(
        "a hook of 10 s leaves 20 s for requests of up to a minute",
        container="lifecycle: {preStop: {sleep: {seconds: 10}}}",
        behaviour=Behaviour(drain_s=Seconds(45), main="gunicorn app:app"),
        requests=(request(Fate.CUT, 9.5, 30.0, kind=ClientKind.SLOW),),
        only=Witness.ENDING,
    ),
    Example(
        "a server that waits for its WebSockets for ever",
        behaviour=Behaviour(drain_s=None, main="uvicorn app:app"),
        requests=(request(Fate.CUT, -5.0, 30.0, kind=ClientKind.WEBSOCKET),),
        only=Witness.ENDING,
    ),
    Example(
        "a graceful server behind an init that passes the signal on",
        behaviour=Behaviour(drain_s=Seconds(40), reception="blocked", main="tini -- /app", below=("/app",)),
        only=Witness.ENDING,
    ),
    Example(
        "gunicorn is told that it may take a minute, and the pod gets 30 s",
        container="command: [gunicorn, --graceful-timeout, '60', 'app:app']",
        behaviour=Behaviour(drain_s=Seconds(60), main="gunicorn app:app"),
    ),
    Example(
        "a hook of 15 s and uvicorn's limit of 20 s, in a script",
        container="command: [sh, -c, 'exec uvicorn --timeout-graceful-shutdown 20 app:app']\n"
        "lifecycle: {preStop: {sleep: {seconds: 15}}}",
        behaviour=Behaviour(drain_s=Seconds(20), main="uvicorn app:app"),
        requests=(request(Fate.CUT, 14.5, 30.0, kind=ClientKind.SLOW),),
    ),
    Example(
        "Spring Boot's limit in the environment, behind a hook",
        pod="terminationGracePeriodSeconds: 60",
        container="env: [{name: SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE, value: 55s}]\n"
        "lifecycle: {preStop: {sleep: {seconds: 10}}}",
        only=Witness.FILES,
    ),
    Example(
        "nginx' limit in a ConfigMap that is mounted",
        container="image: nginx:1.27\nvolumeMounts: [{name: conf, mountPath: /etc/nginx/nginx.conf, "
        "subPath: nginx.conf}]",
        pod="volumes: [{name: conf, configMap: {name: web}}]",
        objects="""
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: web}
            data:
              nginx.conf: |
                worker_shutdown_timeout 120s;
                events {}
        """,
        only=Witness.FILES,
    ),
    Example(
        "gunicorn's limit in its settings file, from a ConfigMap",
        container="command: [gunicorn, -c, /etc/gunicorn/conf.py, 'app:app']\n"
        "volumeMounts: [{name: conf, mountPath: /etc/gunicorn}]",
        pod="volumes: [{name: conf, configMap: {name: web}}]",
        objects="""
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: web}
            data:
              conf.py: |
                workers = 4
                graceful_timeout = 90
        """,
        only=Witness.FILES,
    ),
    Example(
        "gunicorn's own 30 s behind a hook of 5 s: only a gunicorn.conf.py in the image could say otherwise",
        container="command: [gunicorn, 'app:app']\nlifecycle: {preStop: {sleep: {seconds: 5}}}",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "a grace that holds the hook and the drain",
        pod="terminationGracePeriodSeconds: 60",
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        behaviour=Behaviour(drain_s=Seconds(45), main="gunicorn app:app"),
        requests=(request(Fate.OK, 4.5, 49.0, kind=ClientKind.SLOW),),
    ),
    Example(
        "hook and limit are as long as the grace together",
        container="command: [gunicorn, --graceful-timeout=20, 'app:app']\nlifecycle: {preStop: {sleep: {seconds: 10}}}",
        only=Witness.FILES,
    ),
    Example(
        "gunicorn without a hook: its own 30 s are those of the grace",
        container="command: [gunicorn, 'app:app']",
        only=Witness.FILES,
    ),
    Example(
        "an option of the same name that another program has",
        container="command: [/app/server, --graceful-timeout, '600']",
        only=Witness.FILES,
    ),
    Example(
        "Spring Boot's plain number: milliseconds",
        container="env: [{name: SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE, value: '20000'}]",
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    spec = case.workload.pod
    grace_s = spec.termination_grace_period_s
    for container in spec.containers:
        limit = stop_time(case, container)
        before_s = before_drain_s(case, container)
        # A hook that takes all of the grace is LD204, a grace of 0 or 1 s LD302.
        if limit is None or container.role is not Role.REGULAR or before_s >= grace_s or grace_s <= 1:
            continue
        if before_s + limit.seconds <= grace_s:
            continue
        yield Sighting(
            container.name,
            spec.grace_at or limit.at or container.at,
            _sum(container, limit, before_s, grace_s),
            f"Set terminationGracePeriodSeconds to {_needed_s(before_s, limit)}, or let it give up earlier",
            severity=Severity.INFO if limit.is_default else Severity.WARNING,
            uncertain=limit.is_default,
        )


def _needed_s(before_s: Seconds, limit: StopTime) -> int:
    return math.ceil(before_s) + math.ceil(limit.seconds) + CLEAN_UP_S


def _sum(container: Container, limit: StopTime, before_s: Seconds, grace_s: int) -> str:
    hook = f"after {seconds(before_s)} before its drain" if before_s else "without any hook"
    return (
        f"{container.name} may go on for {seconds(limit.seconds)} ({limit.says}), but {hook} the grace of {grace_s} s "
        f"leaves it {seconds(grace_s - before_s)}: longer requests are cut by SIGKILL"
    )


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    container = case.workload.pod.container(seen.container or "")
    limit = stop_time(case, container)
    if limit is None or math.isinf(limit.seconds):
        return None
    needed_s = _needed_s(before_drain_s(case, container), limit)
    change = grace_for(case.workload.pod, needed_s, f"holds the hook and {container.name}'s drain")
    return Remedy((change,), safe=not limit.is_default, title=f"Give the pod {needed_s} s")


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    spec = witnessed.workload.pod
    for killed in witnessed.kills(KillCause.TOO_SLOW):
        kill = killed.first
        ended = kill.container
        container = spec.container(ended.name)
        hook_s = (ended.hook_end_s or 0) - (ended.hook_start_s or 0)
        hook = f" after a preStop hook of {seconds(hook_s)}" if ended.hook_start_s is not None else ""
        spec_s = spec.termination_grace_period_s
        given = "" if kill.grace_s == spec_s else f" (this delete gave a grace of {kill.grace_s} s, not {spec_s} s)"
        yield Sighting(
            ended.name,
            spec.at if spec.grace_at is None else spec.grace_at,
            f"{container.name} catches {ended.stop_signal}, but {ended.stop_timeout_s} s{hook} are not enough for it"
            f"{given}: {cost(killed)}",
            f"Raise terminationGracePeriodSeconds above {spec_s}, or let {container.name} end its drain within "
            f"{ended.stop_timeout_s} s",
        )


FINDING = Finding(
    "LD301",
    "grace-too-short",
    Severity.ERROR,
    facts=("T17", "T18"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
    in_files=in_files,
    remedy=remedy,
)
