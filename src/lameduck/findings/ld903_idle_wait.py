"""LD903: the pod waits for much longer than its endpoints need, with nothing to do."""

import math
from collections.abc import Iterator

from lameduck.ending.requests import Fate
from lameduck.findings.examples import request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import seconds

__all__ = ["FINDING"]

PAGE = """
## What happens
Before the stop signal the pod waited for seconds in which nobody sent it a new connection any more and it was
answering nothing. Nothing is lost by that; but each pod of a rollout, a node drain and a scale-down takes that much
longer, and the hook's seconds are missing in the drain, because both share the grace (T17). A sleep action does not
end early, even when the process does (T36).
## How to see it
`lameduck rehearse` shows the seconds as idle in the bar of the grace.
## How to mend it
Make the delay as long as your cluster's endpoint lag needs, and a second more (T97). This finding knows the lag of the
rehearsal (`--lag`): measure yours before you shorten a delay. It speaks only when the idle time is more than twice the
delay that was needed.
"""

BAD = (
    Example(
        "twenty seconds of sleep where the endpoints need one",
        container="lifecycle: {preStop: {sleep: {seconds: 20}}}",
        requests=(request(Fate.OK, 0.9),),
    ),
)
GOOD = (
    Example(
        "five seconds of sleep where the endpoints need one: a margin",
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
    ),
    Example(
        "a long sleep that is not idle: a download goes on",
        container="lifecycle: {preStop: {sleep: {seconds: 20}}}",
        requests=(request(Fate.OK, 0.5, 19.0),),
    ),
    Example(
        "the only replica is needed until the end",
        replicas=1,
        container="lifecycle: {preStop: {sleep: {seconds: 20}}}",
    ),
)


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    for ending in witnessed.verdict.endings:
        needed_s = ending.delay_needed_s
        idle_s = ending.use.idle_s
        if needed_s is None or ending.endpoints_updated_s is None or math.floor(idle_s) <= 2 * needed_s:
            continue
        if any(container.hook_outcome == "outlasted" for container in ending.containers):
            continue  # LD204 says it
        container = witnessed.serving
        yield Sighting(
            container.name,
            container.at if container.pre_stop is None else container.pre_stop.at,
            f"{seconds(idle_s)} of the wait before the stop signal are idle: the endpoints were updated after "
            f"{seconds(ending.endpoints_updated_s)}",
            f"If your cluster's endpoint lag is like the one here, a delay of {needed_s} s is enough",
        )
        return  # the other pods of a rollout wait alike


FINDING = Finding(
    "LD903",
    "idle-wait",
    Severity.INFO,
    facts=("T17", "T36", "T97"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
)
