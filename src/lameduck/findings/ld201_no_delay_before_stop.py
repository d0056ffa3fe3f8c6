"""LD201: the process stops accepting before everybody has learnt that the pod is leaving."""

import math
from collections.abc import Iterator

from lameduck.ending.happenings import HookFailure
from lameduck.ending.losses import Cause
from lameduck.ending.playing import Behaviour
from lameduck.ending.requests import Fate
from lameduck.ending.verdict import PodEnding
from lameduck.findings.examples import request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import after_mark, requests, seconds, when
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import plain_sleep

__all__ = ["FINDING"]

PAGE = """
## What happens
A deletion starts two things at once, and neither waits for the other (T76): the node begins to stop the pod, and the
endpoints change. Until the change has reached every kube-proxy, ingress controller, balancer and client (T84, T85,
T94), new connections go to the old pod. A process that stops accepting at the signal refuses them. The grace does not
help: it is spent after the signal.
## How to see it
`lameduck rehearse` counts requests that came before the endpoints were updated, all in the first seconds after the
deletion. In a cluster: a handful of refused connections or 502 at every rollout. The lag is a property of the cluster
(T97): give the rehearsal yours with `--lag`.
## How to mend it
Keep serving for the lag, then stop. The sleep action needs nothing from the image (T36):
```yaml
lifecycle:
  preStop:
    sleep: {seconds: 5}
```
The seconds are part of the grace (T17): terminationGracePeriodSeconds must hold the delay and the drain after it. A
hook that does something else as well (`nginx -s quit`) should sleep first:
`command: [sh, -c, "sleep 5; nginx -s quit"]`.
"""

BAD = (
    Example(
        "no preStop, and a server that exits at the signal",
        requests=(
            request(Fate.OK, -0.2),
            request(Fate.REFUSED, 0.3),
            request(Fate.REFUSED, 0.7),
            request(Fate.OK, 1.2, pod="web-a2"),
        ),
    ),
    Example(
        "a delay that is shorter than the lag",
        container="lifecycle: {preStop: {exec: {command: [sleep, '2']}}}",
        behaviour=Behaviour(hook_s=Seconds(2.05), drain_s=Seconds(0.5)),
        lag_s=Seconds(4),
        requests=(request(Fate.OK, 1.0), request(Fate.REFUSED, 2.8), request(Fate.REFUSED, 3.9)),
    ),
    Example(
        "a hook that makes the server stop accepting at once",
        container="lifecycle: {preStop: {exec: {command: [nginx, -s, quit]}}}",
        behaviour=Behaviour(hook_s=Seconds(0.05), drain_s=Seconds(3)),
        requests=(request(Fate.REFUSED, 0.4),),
    ),
    Example(
        "no room in the grace for the delay that is missing",
        pod="terminationGracePeriodSeconds: 5",
        behaviour=Behaviour(drain_s=Seconds(3)),
        lag_s=Seconds(4),
        requests=(request(Fate.REFUSED, 0.5), request(Fate.RESET, 1.5, 3.0)),
    ),
)
GOOD = (
    Example(
        "the kubelet waits five seconds before the signal",
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        requests=(request(Fate.OK, 0.3), request(Fate.OK, 0.7), request(Fate.OK, 1.2, pod="web-a2")),
    ),
    Example(
        "the process itself serves on for two seconds after the signal",
        behaviour=Behaviour(drain_s=Seconds(2.5)),
        requests=(request(Fate.OK, 0.3), request(Fate.OK, 0.9)),
    ),
    Example(
        "the delay is there, but its program is not: that is another finding",
        container="lifecycle: {preStop: {exec: {command: [drain, '--wait', '5']}}}",
        behaviour=Behaviour(hook_failure=HookFailure.NO_SUCH_PROGRAM),
        requests=(request(Fate.REFUSED, 0.3),),
        also=("LD203",),
    ),
)


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    # Where a hook failed, the delay may have been meant: LD202 and LD203 say it.
    failed = {pod for hook in witnessed.hooks("failed") if hook.cause != HookFailure.KILLED.value for pod in hook.pods}
    losses = tuple(loss for loss in witnessed.losses(Cause.BEFORE_ENDPOINTS) if loss.request.pod not in failed)
    if not losses:
        return
    times = after_mark(losses, witnessed.verdict.endings)
    endings = [ending for ending in witnessed.verdict.endings if any(ending.pod == x.request.pod for x in losses)]
    updated_s = [ending.endpoints_updated_s for ending in endings if ending.endpoints_updated_s is not None]
    lag_s = max((*updated_s, *times))
    container = witnessed.serving
    hook = container.pre_stop
    delay_s = plain_sleep(hook)
    came = f"{requests(len(losses))} came {when(times)} to a pod that accepted no more"
    until = f"the endpoints were updated after {seconds(lag_s)}"
    match hook, delay_s:
        case None, _:
            message = f"{came}: nothing delays its stop, and {until}"
        case _, None:
            message = f"{came}: its preStop hook does not wait, and {until}"
        case _:
            message = f"{came}: its preStop hook waits {delay_s} s, and {until}"
    wait_s = max((ending.delay_needed_s or 0 for ending in endings), default=0) or math.ceil(lag_s) + 1
    needed_s = wait_s + max(_after_the_signal_s(ending) for ending in endings)
    grace_s = witnessed.workload.pod.termination_grace_period_s
    room = f", and set terminationGracePeriodSeconds: {needed_s + 1}" if needed_s >= grace_s else ""
    how = (
        f"Let the hook wait {wait_s} s before it does anything else"
        if hook is not None and delay_s is None
        else f"Write lifecycle: {{preStop: {{sleep: {{seconds: {wait_s}}}}}}}"
    )
    yield Sighting(container.name, container.at if hook is None else hook.at, message, how + room)


def _after_the_signal_s(ending: PodEnding) -> int:
    """Whole seconds that it needed once it was told to stop; all of the grace, where that was not enough."""
    if any(container.killed for container in ending.containers):
        return ending.grace_s
    return math.ceil(ending.use.draining_s + ending.use.cleaning_up_s)


FINDING = Finding(
    "LD201",
    "no-delay-before-stop",
    Severity.ERROR,
    facts=("T17", "T36", "T76", "T84", "T85", "T94", "T97"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
)
