"""LD208: a background child of the preStop hook holds its output open, so that the hook does not end."""

from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting
from lameduck.findings.words import brief
from lameduck.pod.case import Case
from lameduck.pod.handlers import Exec
from lameduck.pod.programs.hook_steps import HookStep, hook_script, hook_steps, step_place, steps_wait
from lameduck.remedies.remedy import Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
An exec hook is over when its output is closed, not when its shell has ended: containerd waits for every process that
holds stdout or stderr, without a limit (T30). A command in the background inherits both. So the hook lasts as long as
that command, at most the grace, and then only 2 s are left for the stop (T19, T18).
## How to see it
`lameduck rehearse` shows the hook as outlasted although its script ends at once. In a cluster the pod takes its whole
grace, and there is no event.
## How to mend it
Close the child's output: `/app/upload >/dev/null 2>&1 &`. Nothing is lost by it: a hook's output is in no log (T29). If
the hook is to wait for the command, take the `&` away.
"""

BAD = (
    Example(
        "a sleep in the background that is longer than the grace",
        pod="terminationGracePeriodSeconds: 20",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 60 & echo started']}}}",
    ),
    Example(
        "a command in the background, of which nobody knows how long it takes",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'nohup /app/upload-logs &']}}}",
    ),
)
GOOD = (
    Example(
        "its output goes elsewhere",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, '/app/upload-logs >/dev/null 2>&1 &']}}}",
    ),
    Example(
        "the hook waits for it on purpose",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, '/app/upload-logs & sleep 5; wait']}}}",
    ),
    Example(
        "it ends before the hook does",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 2 & sleep 5']}}}",
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    grace_s = case.workload.pod.termination_grace_period_s
    for container in case.workload.pod.containers:
        handler = container.pre_stop
        child = _child(handler) if isinstance(handler, Exec) else None
        if not isinstance(handler, Exec) or child is None:
            continue
        length = steps_wait((HookStep(child.words, literal=child.literal),)).exactly_s
        if length is not None and length < grace_s:
            continue
        words = f"`{brief(' '.join(child.words))} &`"
        until = f"until the grace of {grace_s} s is over" if length is not None else "as long as that runs"
        yield Sighting(
            container.name,
            handler.at,
            f"{words} holds the output of {container.name}'s preStop hook open: the hook lasts {until}",
            "Send its output elsewhere: >/dev/null 2>&1 before the &",
            uncertain=length is None,
            span=step_place(handler, child),
        )


def _child(handler: Exec) -> HookStep | None:
    """The first command in the background that inherits the hook's output; None also where the hook waits for it."""
    return next(iter(_children(handler)), None)


def _children(handler: Exec) -> tuple[HookStep, ...]:
    steps = hook_steps(handler)
    if any(step.program == "wait" for step in steps):
        return ()
    return tuple(step for step in steps if step.background and not step.redirected and step.words)


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    handler = case.workload.pod.container(seen.container or "").pre_stop
    script = hook_script(handler.command) if isinstance(handler, Exec) else None
    if not isinstance(handler, Exec) or script is None:
        return None
    mended = script
    for child in reversed(_children(handler)):
        behind = script[child.end :].lstrip(" ")
        if not behind.startswith("&") or behind.startswith("&&"):
            return None  # more than this command is in the background
        mended = f"{mended[: child.end]} >/dev/null 2>&1{mended[child.end :]}"
    change = SetField((*handler.at, "command", handler.command.index(script)), mended, "the hook ends with its shell")
    return Remedy((change,), safe=False, title="Close the child's output")


FINDING = Finding(
    "LD208",
    "hook-held-open",
    Severity.WARNING,
    facts=("T18", "T19", "T29", "T30"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
