"""LD204: the preStop hook is not over when the grace is."""

import math
from collections.abc import Iterator

from lameduck.ending.chronicle import in_words
from lameduck.ending.grace import MINIMUM_STOP_S
from lameduck.ending.playing import Behaviour
from lameduck.findings.finding import EndedHook, Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import command, in_pods, seconds
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import plain_sleep

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
A sleep as long as the grace is legal and leaves the bare minimum (T37). A delete with a shorter grace
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
    ),
    Example(
        "a delete that gives less than the hook needs",
        container="lifecycle: {preStop: {sleep: {seconds: 10}}}",
        grace_s=5,
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
)
