"""LD203: the preStop hook runs a program that the image does not have, or cannot run."""

from collections.abc import Iterator

from lameduck.ending.happenings import HookFailure
from lameduck.ending.losses import Cause
from lameduck.ending.playing import Behaviour
from lameduck.ending.requests import Fate
from lameduck.findings.examples import request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import in_pods, requests
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, plain_sleep

__all__ = ["FINDING"]

PAGE = """
## What happens
The kubelet starts an exec hook as it is written, without a shell (T29). If the program is missing, or is no program,
the hook fails and the stop signal follows at once (T20): the pause you asked for does not take place, and only a vague
event says so. Distroless and scratch images have neither `sleep` nor `sh` (B16). A command written as one string
(`["sleep 5"]`) is a program with a space in its name.
## How to see it
`lameduck rehearse` says which program is missing. In a cluster: a `FailedPreStopHook` event at every deletion, and
`kubectl exec POD -- sleep 5` fails, too.
## How to mend it
If the hook only waits, let the kubelet wait. The sleep action needs nothing from the image (T36; on by default since
Kubernetes 1.30):
```yaml
lifecycle:
  preStop:
    sleep: {seconds: 5}
```
Otherwise use `httpGet` to the server itself, or put the program into the image and name it with its full path.
"""

BAD = (
    Example(
        "a distroless image has no sleep",
        container="image: gcr.io/distroless/static\nlifecycle: {preStop: {exec: {command: [sleep, '5']}}}",
        behaviour=Behaviour(hook_failure=HookFailure.NO_SUCH_PROGRAM),
        requests=(request(Fate.REFUSED, 0.2), request(Fate.REFUSED, 0.9)),
    ),
    Example(
        "a script without the x bit",
        container="lifecycle: {preStop: {exec: {command: [/drain.sh]}}}",
        behaviour=Behaviour(hook_failure=HookFailure.NOT_EXECUTABLE),
    ),
)
GOOD = (
    Example(
        "the kubelet waits by itself",
        container="image: gcr.io/distroless/static\nlifecycle: {preStop: {sleep: {seconds: 5}}}",
    ),
    Example(
        "an image that has sleep",
        container="image: debian:12\nlifecycle: {preStop: {exec: {command: [sleep, '5']}}}",
        behaviour=Behaviour(hook_s=Seconds(5)),
    ),
)

_WHY = {
    HookFailure.NO_SUCH_PROGRAM.value: "is not in the container",
    HookFailure.NOT_EXECUTABLE.value: "cannot be executed",
}


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    for hook in witnessed.hooks("failed"):
        match hook.cause, witnessed.workload.pod.container(hook.container.name).pre_stop:
            case str(cause), Exec(command=(program, *_), at=at) as handler if cause in _WHY:
                lost = sum(loss.request.pod in hook.pods for loss in witnessed.losses(Cause.BEFORE_ENDPOINTS))
                wait_s = plain_sleep(handler)
                yield Sighting(
                    hook.container.name,
                    at,
                    f"`{program}` {_WHY[cause]}: the preStop hook fails and the stop signal follows at once"
                    f"{in_pods(hook.pods)}"
                    + (f"; {requests(lost)} came before the endpoints were updated" if lost else ""),
                    f"Put {program} into the image, name it with its full path, or use httpGet"
                    if wait_s is None
                    else f"Write preStop: {{sleep: {{seconds: {wait_s}}}}}, which needs nothing from the image",
                )
            case _:
                pass


FINDING = Finding(
    "LD203",
    "hook-program-missing",
    Severity.ERROR,
    facts=("B16", "T20", "T29", "T36"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
)
