"""LD904: the server closes kept-alive connections in the moment in which clients use them again."""

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
Established connections are never moved or cut when endpoints change (T91): clients keep their kept-alive connections
to the pod until one side closes. When the server stops, it closes them; a request that is on its way in that moment
meets a closed connection. The further away the clients are, the more requests are on their way.
## How to see it
`lameduck rehearse` counts resets on reused connections before the first byte of an answer. On loopback they are rare;
`--rtt 50ms` shows what clients at a distance meet.
## How to mend it
Let the clients close: answer with `Connection: close` while the pod drains (during the delay before the stop), so that
by the time the server closes, nobody holds a connection any more. For HTTP/2 and gRPC the same is GOAWAY. Clients and
proxies that retry idempotent requests on a reused connection hide it for GET, not for POST.
"""

BAD = (
    Example(
        "a server that closes its idle connections at the signal",
        container="lifecycle: {preStop: {sleep: {seconds: 3}}}",
        behaviour=Behaviour(drain_s=Seconds(1)),
        requests=(request(Fate.RESET, 3.001, reused=True), request(Fate.RESET, 3.004, reused=True)),
    ),
)
GOOD = (
    Example(
        "clients were told to close during the delay",
        container="lifecycle: {preStop: {sleep: {seconds: 3}}}",
        behaviour=Behaviour(drain_s=Seconds(1)),
        requests=(request(Fate.OK, 2.9, reused=True), request(Fate.OK, 3.1, pod="web-a2")),
    ),
    Example(
        "a reset on a reused connection before the server knew of any ending",
        container="lifecycle: {preStop: {sleep: {seconds: 3}}}",
        behaviour=Behaviour(drain_s=Seconds(1)),
        requests=(request(Fate.RESET, 1.0, reused=True),),
    ),
    Example(
        "a request in flight on a reused connection is cut, not raced",
        container="lifecycle: {preStop: {sleep: {seconds: 3}}}",
        requests=(request(Fate.RESET, 2.0, 3.01, reused=True),),
        also=("LD104",),
    ),
)


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    losses = witnessed.losses(Cause.KEEPALIVE_RACE)
    if not losses:
        return
    container = witnessed.serving
    yield Sighting(
        container.name,
        container.at,
        f"{requests(len(losses))} on kept-alive connections met the server closing them, "
        f"{when(after_mark(losses, witnessed.verdict.endings))}",
        f"Let {container.name} answer with Connection: close before it closes, or clients retry on reused connections",
    )


FINDING = Finding(
    "LD904",
    "keepalive-reuse",
    Severity.ERROR,
    facts=("T91",),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
)
