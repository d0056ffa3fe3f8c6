"""LD202: the preStop hook fails; the stop signal follows at once."""

from collections.abc import Iterator

from lameduck.ending.chronicle import in_words
from lameduck.ending.happenings import HookFailure
from lameduck.ending.losses import Cause
from lameduck.ending.playing import Behaviour
from lameduck.ending.requests import Fate
from lameduck.findings.examples import request
from lameduck.findings.finding import EndedHook, Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import command, in_pods, requests, seconds
from lameduck.pod.durations import Seconds

__all__ = ["FINDING"]

PAGE = """
## What happens
A hook that fails keeps nothing waiting: the stop signal follows at once (T20), and the delay or the drain that the
hook was there for does not take place. An exec hook fails by its exit status. An httpGet hook fails only when no
answer comes: any status is a success (T33), but it asks the pod's own address, where a server bound to 127.0.0.1
refuses (T32), and on hostNetwork without a `host` it has no address at all (T35). A tcpSocket hook is accepted by the
API and always fails (T28).
## How to see it
`lameduck rehearse` shows the hook's end and its own words. In a cluster there is one event, `FailedPreStopHook`, which
says no more than "PreStopHook failed". The same event appears when the container ends by itself during its exec hook
(T20): then nothing is wrong, and this finding is silent.
## How to mend it
Run the hook's command in the running container (`kubectl exec`) and make it exit 0. Where it only has to wait, let the
kubelet wait: `preStop: {sleep: {seconds: 5}}`. Where one of several steps may fail, say so:
`sh -c "deregister || true; sleep 5"`.
"""

BAD = (
    Example(
        "a script that exits 1 before its sleep",
        container="lifecycle: {preStop: {exec: {command: [/drain.sh]}}}",
        behaviour=Behaviour(hook_s=Seconds(0.1), hook_failure=HookFailure.EXIT_STATUS),
        requests=(request(Fate.REFUSED, 0.4),),
    ),
    Example(
        "httpGet to a server that listens on 127.0.0.1 only",
        container="lifecycle: {preStop: {httpGet: {port: 8081, path: /drain}}}",
        behaviour=Behaviour(hook_failure=HookFailure.CONNECTION),
    ),
    Example(
        "a tcpSocket hook",
        container="lifecycle: {preStop: {tcpSocket: {port: 8080}}}",
    ),
)
GOOD = (
    Example(
        "a script that waits and exits 0",
        container="lifecycle: {preStop: {exec: {command: [/drain.sh]}}}",
        behaviour=Behaviour(hook_s=Seconds(5)),
    ),
    Example(
        "a hook that makes the server quit and waits: cut short by the end it asked for",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'nginx -s quit; sleep 20']}}}",
        behaviour=Behaviour(hook_s=Seconds(20), exits_in_hook_s=Seconds(2)),
    ),
)

_ELSEWHERE = (HookFailure.KILLED.value, HookFailure.NO_SUCH_PROGRAM.value, HookFailure.NOT_EXECUTABLE.value)
_MENDS = {
    HookFailure.CONNECTION.value: "The kubelet asks the pod's own address: let the server listen on 0.0.0.0, at the "
    "port that the hook names",
    HookFailure.NO_SUCH_PORT.value: "Name a port that this container declares, or write its number",
    HookFailure.NO_ADDRESS.value: "On hostNetwork, write host: 127.0.0.1 into the hook",
    HookFailure.NOT_IMPLEMENTED.value: "tcpSocket never works as a hook: use sleep, exec or httpGet",
}


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    for hook in witnessed.hooks("failed"):
        handler = witnessed.workload.pod.container(hook.container.name).pre_stop
        if hook.cause in _ELSEWHERE or handler is None:
            continue
        lost = sum(loss.request.pod in hook.pods for loss in witnessed.losses(Cause.BEFORE_ENDPOINTS))
        yield Sighting(
            hook.container.name,
            handler.at,
            f"the preStop hook {command(in_words(handler))} fails after {_length(hook)}{_why(hook)}, and the stop "
            f"signal follows at once{in_pods(hook.pods)}"
            + (f"; {requests(lost)} came before the endpoints were updated" if lost else ""),
            _MENDS.get(
                hook.cause or "", "Run it in the container and make it exit 0; if it only waits, use the sleep action"
            ),
        )


def _length(hook: EndedHook) -> str:
    return seconds((hook.container.hook_end_s or 0) - (hook.container.hook_start_s or 0))


def _why(hook: EndedHook) -> str:
    words = hook.detail or (hook.cause or "").replace("-", " ")
    return f" ({words})" if words else ""


FINDING = Finding(
    "LD202",
    "hook-fails",
    Severity.ERROR,
    facts=("T20", "T28", "T32", "T33", "T35"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
)
