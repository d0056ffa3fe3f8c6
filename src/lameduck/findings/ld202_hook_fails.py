"""LD202: the preStop hook fails; the stop signal follows at once."""

import re
from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import Cause, HookFailure
from lameduck.ending.requests import Fate
from lameduck.findings.examples import SERVICE, request
from lameduck.findings.finding import EndedHook, Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import command, in_pods, requests, seconds
from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, Handler, HttpGet, TcpSocket, in_words
from lameduck.pod.place import FieldPath
from lameduck.pod.programs.hook_steps import hook_steps
from lameduck.pod.programs.receivers import receivers
from lameduck.pod.shells.sleep_words import RefusedSleep, sleep_length
from lameduck.remedies.pauses import DELAY_S, pause, room_for_pause
from lameduck.remedies.remedy import Change, Remedy, RemoveField, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
A hook that fails keeps nothing waiting: the stop signal follows at once (T20), and the delay or the drain that the
hook was there for does not take place. An exec hook fails by its exit status. An httpGet hook fails only when no
answer comes: any status is a success (T33), but it asks the pod's own address, where a server bound to 127.0.0.1
refuses (T32), a port's name that the container does not declare leads nowhere (T20), and on hostNetwork without a
`host` it has no address at all (T35). A tcpSocket hook is accepted by the API and always fails (T28). `sleep 5sec` is
understood by no `sleep` (B17).
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
        only=Witness.ENDING,
    ),
    Example(
        "httpGet to a server that listens on 127.0.0.1 only",
        container="lifecycle: {preStop: {httpGet: {port: 8081, path: /drain}}}",
        behaviour=Behaviour(hook_failure=HookFailure.CONNECTION),
        only=Witness.ENDING,
    ),
    Example(
        "a tcpSocket hook",
        container="lifecycle: {preStop: {tcpSocket: {port: 8080}}}",
    ),
    Example(
        "a tcpSocket hook of a container behind a Service",
        container="lifecycle: {preStop: {tcpSocket: {port: 8080}}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "httpGet to a port by a name that nobody declares",
        container="ports: [{name: http, containerPort: 8080}]\n"
        "lifecycle: {preStop: {httpGet: {port: admin, path: /drain}}}",
        behaviour=Behaviour(hook_failure=HookFailure.NO_SUCH_PORT),
    ),
    Example(
        "httpGet without a host on hostNetwork",
        pod="hostNetwork: true",
        container="lifecycle: {preStop: {httpGet: {port: 8081, path: /drain}}}",
        behaviour=Behaviour(hook_failure=HookFailure.NO_ADDRESS),
    ),
    Example(
        "a length of time that no sleep understands",
        container="lifecycle: {preStop: {exec: {command: [sleep, 5sec]}}}",
        behaviour=Behaviour(hook_failure=HookFailure.EXIT_STATUS),
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
        only=Witness.ENDING,
    ),
    Example(
        "httpGet to a port by the name that it has",
        container="ports: [{name: admin, containerPort: 8081}]\n"
        "lifecycle: {preStop: {httpGet: {port: admin, path: /drain}}}",
        behaviour=Behaviour(hook_s=Seconds(1)),
    ),
    Example(
        "httpGet to a number that is declared nowhere: declaring is not needed",
        container="lifecycle: {preStop: {httpGet: {port: 8081, path: /drain}}}",
        behaviour=Behaviour(hook_s=Seconds(1)),
    ),
    Example(
        "httpGet with a host on hostNetwork",
        pod="hostNetwork: true",
        container="lifecycle: {preStop: {httpGet: {host: 127.0.0.1, port: 8081, path: /drain}}}",
        behaviour=Behaviour(hook_s=Seconds(1)),
    ),
    Example(
        "sleep 5s, which GNU's and busybox' sleep both take",
        container="lifecycle: {preStop: {exec: {command: [sleep, 5s]}}}",
        behaviour=Behaviour(hook_s=Seconds(5)),
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


def in_files(case: Case) -> Iterator[Sighting]:
    for container in case.workload.pod.containers:
        handler = container.pre_stop
        why = None if handler is None else _fails(case, container, handler)
        if handler is not None and why is not None:
            cause, words = why
            yield Sighting(
                container.name,
                handler.at,
                f"the preStop hook of {container.name} fails at once, and the stop signal follows: {words}",
                _MENDS.get(cause, "Write the seconds as a plain number, or use the sleep action"),
            )


def _fails(case: Case, container: Container, handler: Handler) -> tuple[str, str] | None:
    """The cause (a HookFailure's value) and its words, if failing is certain."""
    match handler:
        case TcpSocket():
            return HookFailure.NOT_IMPLEMENTED.value, "tcpSocket is not implemented for hooks"
        case HttpGet(port=str(name)) if all(port.name != name for port in container.ports):
            return HookFailure.NO_SUCH_PORT.value, f"{container.name} declares no port of the name {name}"
        case HttpGet(host=None) if case.workload.pod.host_network:
            return HookFailure.NO_ADDRESS.value, "on hostNetwork an httpGet hook without a host has no address"
        case Exec():
            refused = _refused_sleep(handler)
            if refused is not None:
                return HookFailure.EXIT_STATUS.value, f"`sleep {refused}`".rstrip() + " is understood by no sleep"
        case _:
            pass
    return None


def _refused_sleep(handler: Exec) -> str | None:
    """The words of a sleep that refuses them; None: there is none. In a script it must be all that runs."""
    steps = hook_steps(handler)
    if len(steps) != 1 or steps[0].program != "sleep" or not steps[0].literal:
        return None
    words = steps[0].words[1:]
    return " ".join(words) if isinstance(sleep_length(words), RefusedSleep) else None


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    container = case.workload.pod.container(seen.container or "")
    handler = container.pre_stop
    match handler:
        case TcpSocket(at=at):
            return _instead_of(case, container, at[:-1], DELAY_S)
        case HttpGet():
            return _reachable(case, container, handler)
        case Exec(at=at) if (refused := _refused_sleep(handler)) is not None:
            meant = _SECONDS.fullmatch(refused)
            return None if meant is None else _instead_of(case, container, at[:-1], int(meant[1]))
        case _:
            return None


def _reachable(case: Case, container: Container, handler: HttpGet) -> Remedy | None:
    """The hook with a port that there is, and with an address: both at once, where both are missing."""
    changes: list[Change] = []
    guessed = isinstance(handler.port, str) and all(port.name != handler.port for port in container.ports)
    if guessed and len(container.ports) != 1:
        return None
    if guessed:
        number = container.ports[0].number
        changes.append(SetField((*handler.at, "port"), number, f"the only port that {container.name} declares"))
    if handler.host is None and case.workload.pod.host_network:
        changes.append(SetField((*handler.at, "host"), "127.0.0.1", "the node itself is the pod's network"))
    return Remedy(tuple(changes), safe=not guessed, title="Ask a port that there is" if guessed else "Ask 127.0.0.1")


_SECONDS = re.compile(r"(\d{1,9})\s*(s|secs?|seconds?)", re.ASCII)


def _instead_of(case: Case, container: Container, hook: FieldPath, seconds: int) -> Remedy | None:
    """A wait in place of the hook that never worked; or no hook, where nothing sends requests."""
    if seconds == DELAY_S and isinstance(container.pre_stop, TcpSocket) and not _receives(case, container):
        gone = RemoveField(hook, "it never did anything but fail")
        return Remedy((gone,), safe=True, title="Remove the hook that always fails")
    handler = pause(case, container, seconds)
    if handler is None or not 0 < seconds < case.workload.pod.termination_grace_period_s:
        return None
    change = SetField(hook, handler, "needs nothing from the image")
    room = room_for_pause(case, container, seconds)
    return Remedy((change, *room), safe=True, title=f"Let the kubelet wait {seconds} s")


def _receives(case: Case, container: Container) -> bool:
    return any(receiver.container.name == container.name for receiver in receivers(case))


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
    facts=("B17", "T20", "T28", "T32", "T33", "T35"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
    in_files=in_files,
    remedy=remedy,
)
