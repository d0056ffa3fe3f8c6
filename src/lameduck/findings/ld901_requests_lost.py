"""LD901: requests were lost to the ending in a way that no other finding explains."""

from collections import Counter
from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import Cause
from lameduck.ending.requests import Fate
from lameduck.findings.examples import request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import after_mark, requests, when
from lameduck.pod.durations import Seconds

__all__ = ["FINDING"]

PAGE = """
## What happens
Requests met a pod that was ending and got an error (5xx) or no answer at all. The application itself decides that:
some frameworks answer 503 as soon as they are told to stop, close the database before the last request is done, or go
on accepting and never answer. While the endpoints still send them requests (T76), each of those is lost.
## How to see it
`lameduck rehearse` counts them apart, with the time at which they came. The server's own log of these seconds says the
rest; `-v` shows it beside the timeline.
## How to mend it
Serve as always until new requests have stopped coming: a preStop delay (LD201) covers that time. Then stop in this
order: no new requests, finish those in flight, and only then close what they need (pools, caches, the database).
"""

BAD = (
    Example(
        "a framework that answers 503 from the signal on",
        behaviour=Behaviour(drain_s=Seconds(5)),
        requests=(request(Fate.SERVER_ERROR, 0.2), request(Fate.SERVER_ERROR, 0.8)),
    ),
    Example(
        "a server that goes on accepting and never answers",
        behaviour=Behaviour(drain_s=Seconds(12)),
        requests=(request(Fate.TIMEOUT, 0.4, 10.4),),
    ),
)
GOOD = (
    Example(
        "errors on a pod that is not ending are not the ending's",
        container="lifecycle: {preStop: {sleep: {seconds: 3}}}",
        requests=(request(Fate.SERVER_ERROR, 0.5, pod="web-a2"),),
    ),
    Example(
        "errors during a preStop sleep: the server does not know of any ending yet",
        container="lifecycle: {preStop: {sleep: {seconds: 3}}}",
        requests=(request(Fate.SERVER_ERROR, 0.5),),
    ),
)


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    losses = witnessed.losses(Cause.NEVER_ANSWERED, Cause.ANSWERED_5XX)
    killed = {ending.pod for ending in witnessed.verdict.endings if any(c.killed for c in ending.containers)}
    # What SIGKILL cut is told with the reason for the SIGKILL, where the witness saw whom it hit.
    losses += tuple(loss for loss in witnessed.losses(Cause.CUT_BY_KILL) if loss.request.pod not in killed)
    if not losses:
        return
    container = witnessed.serving
    causes = ", ".join(f"{count:,} {cause.value}" for cause, count in Counter(x.cause for x in losses).most_common())
    yield Sighting(
        container.name,
        container.at,
        f"{requests(len(losses))} lost {when(after_mark(losses, witnessed.verdict.endings))}: {causes}",
        f"Let {container.name} answer as always until no requests come any more, and close what it needs last",
    )


FINDING = Finding(
    "LD901",
    "requests-lost",
    Severity.ERROR,
    facts=("T76",),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
)
