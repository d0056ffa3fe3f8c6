"""LD204: the preStop hook is not over when the grace is."""

import math
from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.grace import MINIMUM_STOP_S
from lameduck.findings.finding import EndedHook, Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import command, in_pods, seconds
from lameduck.pod.case import Case
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, Handler, Sleep, in_words, plain_sleep
from lameduck.pod.programs.hook_steps import expected_wait_s, hook_steps, hook_wait
from lameduck.pod.programs.stop_requests import stop_request
from lameduck.pod.programs.stop_times import stop_time
from lameduck.remedies.pauses import CLEAN_UP_S, grace_for
from lameduck.remedies.remedy import Remedy

__all__ = ["FINDING"]

PAGE = """
## What happens
The grace includes the hook (T17). When the grace is over, the kubelet stops waiting for the hook without an event
(T19), sends the stop signal, and gives the process the minimum of 2 s until SIGKILL (T18). The server has no time to
drain. An exec hook goes on running beside it until the container dies.
## How to see it
`lameduck rehearse` shows the hook as outlasted and a stop signal with a time of 2 s. In a cluster: pods take exactly
the grace and two seconds more, and nothing says why.
## How to mend it
terminationGracePeriodSeconds must hold the hook and the drain: with `sleep: {seconds: 20}` and a drain of up to 25 s,
```yaml
terminationGracePeriodSeconds: 50
```
A sleep as long as the grace is legal and leaves the bare minimum; a longer sleep action is refused by the API (T37). A
delete with a shorter grace
(`--grace-period`, node shutdown, eviction: T103, T105) cuts the same hook short: keep hooks as short as the endpoints
allow. A hook that never ends often has a child that holds its output open (T30): redirect it,
`worker >/dev/null 2>&1 &`.
"""

BAD = (
    Example(
        "a sleep as long as the grace",
        pod="terminationGracePeriodSeconds: 10",
        container="lifecycle: {preStop: {sleep: {seconds: 10}}}",
        behaviour=Behaviour(drain_s=Seconds(1)),
    ),
    Example(
        "a hook that waits for connections to end, longer than the grace",
        container="lifecycle: {preStop: {exec: {command: [/wait-for-connections.sh]}}}",
        behaviour=Behaviour(hook_s=Seconds(120), drain_s=None),
        only=Witness.ENDING,
    ),
    Example(
        "a delete that gives less than the hook needs",
        container="lifecycle: {preStop: {sleep: {seconds: 10}}}",
        grace_s=5,
        only=Witness.ENDING,
    ),
    Example(
        "a sleep action that is longer than the grace: the API refuses the pod",
        container="lifecycle: {preStop: {sleep: {seconds: 45}}}",
        only=Witness.FILES,
    ),
    Example(
        "a script that sleeps longer than the default grace",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'touch /tmp/leaving && true; sleep 60']}}}",
        behaviour=Behaviour(hook_s=Seconds(60), drain_s=Seconds(1)),
    ),
    Example(
        "a sleep that runs if the first command works, as it should",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, '/app/deregister && sleep 60']}}}",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "hook and drain fit into the grace",
        pod="terminationGracePeriodSeconds: 20",
        container="lifecycle: {preStop: {sleep: {seconds: 10}}}",
        behaviour=Behaviour(drain_s=Seconds(5)),
        also=("LD903",),
    ),
    Example(
        "a hook that makes the server quit and waits for it: the container ends during the hook",
        container="image: nginx:1.27\n"
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; nginx -s quit; sleep 60']}}}",
        only=Witness.FILES,
    ),
    Example(
        "a sleep that runs only if the first command fails",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, '/app/deregister || sleep 60']}}}",
        only=Witness.FILES,
    ),
    Example(
        "a sleep that runs only if a file says so",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, '[ -f /app/busy ] && sleep 60; true']}}}",
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    spec = case.workload.pod
    grace_s = spec.termination_grace_period_s
    for container in spec.containers:
        handler = container.pre_stop
        if handler is None or (isinstance(handler, Exec) and _ends_container(handler)):
            continue
        certain = hook_wait(handler).least_s >= max(grace_s, 1)
        least_s = _least_s(handler, grace_s)
        if least_s < max(grace_s, 1):
            continue
        length = seconds(least_s)
        refused = isinstance(handler, Sleep) and least_s > grace_s
        waits = f"the preStop hook of {container.name} waits {length}"
        waits += f"{'' if certain else ' if all its commands succeed'}, and the grace is {grace_s} s"
        outcome = (
            "the API server refuses the pod"
            if refused
            else "its stop signal comes when the grace is over, and SIGKILL 2 s later"
        )
        yield Sighting(
            container.name,
            handler.at,
            f"{waits}: {outcome}",
            _mend_in_files(least_s),
            severity=None if certain else Severity.WARNING,
            uncertain=not certain,
        )


def _least_s(handler: Handler | None, grace_s: int) -> Seconds:
    """How long it waits at least; where that is less than the grace, how long it does if all its commands succeed."""
    certain_s = hook_wait(handler).least_s
    return certain_s if certain_s >= grace_s else expected_wait_s(handler)


def _ends_container(handler: Exec) -> bool:
    return any(stop_request(step) is not None for step in hook_steps(handler))


_A_DAY_S = 86_400


def _mend_in_files(hook_s: Seconds) -> str:
    if hook_s > _A_DAY_S:
        return "Let the hook end"
    return f"Set terminationGracePeriodSeconds to {math.ceil(hook_s)} and what the drain needs, or wait for less"


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    spec = case.workload.pod
    container = spec.container(seen.container or "")
    least_s = _least_s(container.pre_stop, spec.termination_grace_period_s)
    if least_s > _A_DAY_S:
        return None  # nobody means that
    limit = stop_time(case, container)
    # Without a limit that is known, the application gets behind the hook what the pod was meant to have.
    drain_s = (
        max(spec.termination_grace_period_s, CLEAN_UP_S) if limit is None else math.ceil(limit.seconds) + CLEAN_UP_S
    )
    grace_s = math.ceil(least_s) + drain_s
    # Which of the two numbers is wrong nobody can tell, unless the pod is refused as it is, or they are the same.
    equal = least_s == float(spec.termination_grace_period_s) and not seen.uncertain
    safe = isinstance(container.pre_stop, Sleep) or equal
    return Remedy(
        (grace_for(spec, grace_s, "holds the hook and the drain"),), safe=safe, title=f"Give the pod {grace_s} s"
    )


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    spec = witnessed.workload.pod
    spec_s = spec.termination_grace_period_s
    for hook in witnessed.hooks("outlasted"):
        ended = hook.container
        handler = spec.container(ended.name).pre_stop
        if handler is None:
            continue
        took_s = (ended.hook_end_s or 0) - (ended.hook_start_s or 0)
        given = "" if hook.grace_s == spec_s else f" that this delete gave (the spec's is {spec_s} s)"
        after = "killed 2 s after its stop signal" if ended.killed else "left with 2 s for its stop"
        yield Sighting(
            ended.name,
            handler.at,
            f"the preStop hook {command(in_words(handler))} is not over after {seconds(took_s)}, the grace of "
            f"{hook.grace_s} s{given}: {ended.name} is {after}{in_pods(hook.pods)}",
            _mend(hook, plain_sleep(handler), spec_s),
        )


def _mend(hook: EndedHook, wait_s: int | None, spec_s: int) -> str:
    if hook.grace_s < spec_s and (wait_s is None or wait_s < spec_s):
        return f"Shorten the hook to well below {hook.grace_s} s, if deletes with so little grace are to end well"
    if wait_s is None:
        return f"Make the hook end in less than {hook.grace_s} s, or raise terminationGracePeriodSeconds above {spec_s}"
    ended = hook.container
    drain_s = 0 if ended.killed else math.ceil((ended.exit_s or 0) - (ended.stop_signal_s or 0))
    grace_s = wait_s + max(drain_s, MINIMUM_STOP_S) + 1
    return f"Set terminationGracePeriodSeconds to {grace_s} or more, or sleep for less"


FINDING = Finding(
    "LD204",
    "hook-outlasts-grace",
    Severity.ERROR,
    facts=("T17", "T18", "T19", "T30", "T37", "T103", "T105"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
    in_files=in_files,
    remedy=remedy,
)
