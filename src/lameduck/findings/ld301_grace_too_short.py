"""LD301: the process drains, but needs longer than the hook has left of the grace."""

from collections.abc import Iterator

from lameduck.ending.kills import KillCause
from lameduck.ending.playing import Behaviour
from lameduck.ending.requests import ClientKind, Fate
from lameduck.findings.examples import request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import cost, seconds
from lameduck.pod.durations import Seconds

__all__ = ["FINDING"]

PAGE = """
## What happens
The process caught the stop signal and was still busy when its time was over. That time is the grace less the preStop
hook, in whole seconds, and never below 2 (T17, T18): with the default of 30 s and a hook of 10 s it is 20 s. What was
in flight is cut, and clean-up at the end (flushing, deregistering, closing the database) does not happen.
## How to see it
`lameduck rehearse` shows SIGKILL although the signal was caught, and how much time the hook had left. In a cluster:
exit code 137 without an OOM, in pods with long requests only.
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
    ),
    Example(
        "a server that waits for its WebSockets for ever",
        behaviour=Behaviour(drain_s=None, main="uvicorn app:app"),
        requests=(request(Fate.CUT, -5.0, 30.0, kind=ClientKind.WEBSOCKET),),
    ),
    Example(
        "a graceful server behind an init that passes the signal on",
        behaviour=Behaviour(drain_s=Seconds(40), reception="blocked", main="tini -- /app", below=("/app",)),
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
)


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
)
