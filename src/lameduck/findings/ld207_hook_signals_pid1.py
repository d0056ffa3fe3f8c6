"""LD207: the preStop hook itself sends the stop signal to PID 1."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting
from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.handlers import Exec
from lameduck.pod.programs.hook_steps import HookStep, hook_steps, step_place, steps_wait
from lameduck.pod.programs.receivers import receivers
from lameduck.pod.programs.stop_requests import stop_request
from lameduck.remedies.pauses import DELAY_S, pause, room_for_pause
from lameduck.remedies.remedy import Remedy, RemoveField, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
When the hook is over the kubelet sends the stop signal by itself (T16). A hook that begins with `kill 1` does it at
once instead: it is there to hold the signal back, and hurries it. Clients still come, for nothing has waited for the
endpoints (T76), and the application gets the signal a second time when the hook ends; some take that as "now at once".
If the container ends meanwhile, the hook dies with it and leaves a `FailedPreStopHook` event (T20). `kill -9 1` does
nothing at all: from inside, PID 1 cannot be killed (T54).
## How to see it
`lameduck rehearse` shows the end of the process before its stop signal. In a cluster: the application logs the
beginning of its shutdown in the second of the deletion, and twice.
## How to mend it
Take the signal out of the hook, and let it only wait:
```yaml
lifecycle:
  preStop:
    sleep: {seconds: 5}
```
"""

BAD = (
    Example(
        "it sends SIGTERM and then sleeps",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'kill -TERM 1; sleep 5']}}}",
        objects=SERVICE,
    ),
    Example("a bare kill 1", container="lifecycle: {preStop: {exec: {command: [kill, '1']}}}"),
    Example(
        "kill -9, which PID 1 never gets",
        container="lifecycle: {preStop: {exec: {command: [/bin/sh, -c, kill -9 1]}}}",
    ),
)
GOOD = (
    Example(
        "another signal, which is not the stop signal",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'kill -USR2 1; sleep 5']}}}",
    ),
    Example(
        "it waits before the signal: the application gets it twice, which most do not mind",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 10; kill -TERM 1']}}}",
        objects=SERVICE,
    ),
    Example(
        "a signal to another process than PID 1",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'kill -TERM $(pidof worker); sleep 5']}}}",
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    for container in case.workload.pod.containers:
        handler = container.pre_stop
        step = _sends_at_once(container)
        request = stop_request(step) if step is not None else None
        if step is None or request is None or not isinstance(handler, Exec):
            continue
        signal = request.signal
        if signal == "SIGKILL":
            words = "sends SIGKILL to PID 1, which the kernel discards inside a container: it does nothing"
        else:
            words = f"sends {signal} to PID 1 in its first moment, instead of holding the stop signal back"
        yield Sighting(
            container.name,
            handler.at,
            f"the preStop hook of {container.name} {words}",
            "Take the signal out of the hook: the kubelet sends it when the hook is over",
            span=step_place(handler, step),
            severity=_severity(case, container, signal),
        )


def _sends_at_once(container: Container) -> HookStep | None:
    """The step of its hook that sends a stop signal to PID 1 before any wait; None: none does."""
    handler = container.pre_stop
    if not isinstance(handler, Exec):
        return None
    steps = hook_steps(handler)
    for number, step in enumerate(steps):
        request = stop_request(step)
        if request is not None and request.to_pid1 and request.signal in ("SIGINT", "SIGKILL", "SIGTERM"):
            return step if steps_wait(steps[:number]).most_s == 0.0 else None
    return None


def _severity(case: Case, container: Container, signal: str) -> Severity:
    """What nobody gets costs nothing; otherwise it depends on whether clients still come."""
    if signal == "SIGKILL":
        return Severity.INFO
    return Severity.ERROR if _receives(case, container) else Severity.WARNING


def _receives(case: Case, container: Container) -> bool:
    return any(receiver.container.name == container.name for receiver in receivers(case))


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    container = case.workload.pod.container(seen.container or "")
    handler = container.pre_stop
    if not isinstance(handler, Exec):
        return None
    others = {step.program for step in hook_steps(handler)} - {"kill", "sleep"}
    if others:
        return None  # it does something else as well
    if not _receives(case, container):
        gone = RemoveField(handler.at[:-1], "the kubelet sends the stop signal by itself")
        return Remedy((gone,), safe=False, title="Remove the hook")
    action = pause(case, container, DELAY_S)
    if action is None:
        return None
    hook = SetField(handler.at[:-1], action, "holds the stop signal back until clients have left")
    return Remedy((hook, *room_for_pause(case, container, DELAY_S)), safe=True, title=f"Only wait {DELAY_S} s")


FINDING = Finding(
    "LD207",
    "hook-signals-pid1",
    Severity.WARNING,
    facts=("T16", "T20", "T54", "T76"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
