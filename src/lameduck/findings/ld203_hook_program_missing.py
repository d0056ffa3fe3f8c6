"""LD203: the preStop hook runs a program that the image does not have, or cannot run."""

import math
import shlex
from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import Cause, HookFailure
from lameduck.ending.requests import Fate
from lameduck.findings.examples import request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import brief, in_pods, requests
from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Span
from lameduck.pod.handlers import Exec, plain_sleep
from lameduck.pod.images.container_files import ContainerFiles
from lameduck.pod.programs.hook_files import interpreter_of
from lameduck.pod.programs.hook_steps import hook_wait
from lameduck.pod.programs.program_names import SHELLS
from lameduck.pod.programs.sound_hooks import is_sound
from lameduck.remedies.pauses import pause, room_for_pause
from lameduck.remedies.remedy import Json, Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
The kubelet starts an exec hook as it is written, without a shell (T29). If the program is missing, or is no program,
the hook fails and the stop signal follows at once (T20): the pause you asked for does not take place, and only a vague
event says so. Distroless and scratch images have neither `sleep` nor `sh` (B16). A command written as one string
(`["sleep 5"]`) is a program with a space in its name. Files of a ConfigMap are mounted with the mode 0644 unless their
volume says something else: nobody, root neither, may execute a script then.
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

_SCRIPT = """
lifecycle: {preStop: {exec: {command: [/scripts/stop.sh]}}}
volumeMounts: [{name: scripts, mountPath: /scripts}]
"""
_VOLUME = "volumes: [{name: scripts, configMap: {name: web}}]"
_CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data:
  stop.sh: |
    #!/bin/sh
    sleep 5
"""

BAD = (
    Example(
        "a script from a ConfigMap, whose files nobody may execute by default",
        container=_SCRIPT,
        pod=_VOLUME,
        objects=_CONFIG_MAP,
        only=Witness.FILES,
    ),
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
        only=Witness.ENDING,
    ),
    Example(
        "a command and its argument in one string",
        container="lifecycle: {preStop: {exec: {command: [sleep 5]}}}",
        behaviour=Behaviour(hook_failure=HookFailure.NO_SUCH_PROGRAM),
    ),
    Example(
        "a shell and its script in one string",
        container="image: debian:12\ncommand: [/app/server]\n"
        "lifecycle: {preStop: {exec: {command: ['/bin/sh -c \"sleep 5; /app/flush\"']}}}",
        behaviour=Behaviour(hook_failure=HookFailure.NO_SUCH_PROGRAM),
    ),
    Example(
        "bash in an Alpine image",
        container="image: nginx:1.27-alpine\nlifecycle: {preStop: {exec: {command: [/bin/bash, -c, sleep 5]}}}",
        behaviour=Behaviour(hook_failure=HookFailure.NO_SUCH_PROGRAM),
    ),
)
GOOD = (
    Example(
        "a script from a ConfigMap that may be executed",
        container=_SCRIPT,
        pod="volumes: [{name: scripts, configMap: {name: web, defaultMode: 0755}}]",
        objects=_CONFIG_MAP,
        only=Witness.FILES,
    ),
    Example(
        "a shell reads the script from a ConfigMap, which needs no permission for that",
        container=_SCRIPT.replace("[/scripts", "[sh, /scripts"),
        pod=_VOLUME,
        objects=_CONFIG_MAP,
        only=Witness.FILES,
    ),
    Example(
        "the kubelet waits by itself",
        container="image: gcr.io/distroless/static\nlifecycle: {preStop: {sleep: {seconds: 5}}}",
    ),
    Example(
        "an image that has sleep",
        container="image: debian:12\nlifecycle: {preStop: {exec: {command: [sleep, '5']}}}",
        behaviour=Behaviour(hook_s=Seconds(5)),
    ),
    Example(
        "an image that nobody knows anything of",
        container="lifecycle: {preStop: {exec: {command: [sleep, '5']}}}",
        only=Witness.FILES,
    ),
    Example(
        "the debug variant of a distroless image, which has busybox",
        container="image: gcr.io/distroless/base:debug\nlifecycle: {preStop: {exec: {command: [sleep, '5']}}}",
        only=Witness.FILES,
    ),
    Example(
        "a program in a folder with a space in its name",
        container="lifecycle: {preStop: {exec: {command: ['/opt/My App/stop']}}}",
        only=Witness.FILES,
    ),
)

_WHY = {
    HookFailure.NO_SUCH_PROGRAM.value: "is not in the container",
    HookFailure.NOT_EXECUTABLE.value: "cannot be executed",
}


def in_files(case: Case) -> Iterator[Sighting]:
    for container in case.workload.pod.containers:
        match container.pre_stop:
            case Exec(command=(program, *_), at=at, script=Span() as script) if _is_no_program(
                case, container, program
            ):
                yield Sighting(
                    container.name,
                    (*at, "command", 0),
                    f"{program} has no permission to be executed, as its ConfigMap is mounted: the preStop hook of "
                    f"{container.name} fails at once, and the stop signal follows",
                    f"Let a shell read it: command: [{', '.join((*interpreter_of(script.text), program))}]; or set "
                    "defaultMode: 0755 on the volume",
                )
            case Exec(command=(program, *_), at=at) as handler:
                why = _missing(case, container, program)
                if why is not None:
                    yield Sighting(
                        container.name,
                        (*at, "command", 0),
                        f"{why}: the preStop hook of {container.name} fails at once, and the stop signal follows",
                        _mend_in_files(case, container, handler),
                    )
            case _:
                pass


def _mend_in_files(case: Case, container: Container, handler: Exec) -> str:
    program, wait_s = handler.command[0], _meant_wait(handler)
    if wait_s is not None and "sleep" in (pause(case, container, wait_s) or {}):
        return f"Write preStop: {{sleep: {{seconds: {wait_s}}}}}, which needs nothing from the image"
    if _one_string(program):
        return "Write each word as an item of its own"
    return f"Put {program} into the image, or use httpGet"


def _is_no_program(case: Case, container: Container, program: str) -> bool:
    """Whether it is a file of a ConfigMap that nobody may execute, root neither."""
    mode = ContainerFiles(container, config_maps=case.config_maps).mode(program) if program[:1] == "/" else None
    return mode is not None and not mode & 0o111


def _missing(case: Case, container: Container, program: str) -> str | None:
    """Why that program cannot be there, as a sentence's beginning; None: it may be."""
    if _one_string(program):
        return f"`{brief(program)}` is taken as the name of one program, spaces and all"
    image = case.images.get(container.name)
    if image is None or program.rpartition("/")[2] not in image.lacks:
        return None
    return f"{image.name} has no {program}"


def _one_string(program: str) -> bool:
    first, space, _ = program.strip().partition(" ")
    name = first.rpartition("/")[2]
    # A path may have a space in it, unless what stands before the space is a program that everybody knows.
    return bool(space) and ("/" not in program or name in _COMMON)


_COMMON = SHELLS | {"cat", "curl", "echo", "kill", "nginx", "python", "python3", "sleep", "touch", "wget"}


def _split(program: str) -> tuple[str, ...] | None:
    """The words that one string was meant to be; None: it needs a shell, or cannot be told."""
    try:
        words = tuple(shlex.split(program))
    except ValueError:
        return None
    has_signs = any(sign in program for sign in "|&;<>$`") and words[0].rpartition("/")[2] not in SHELLS
    return None if not words or has_signs else words


def _meant_wait(handler: Exec) -> int | None:
    words = handler.command
    if len(words) == 1 and _one_string(words[0]):
        words = _split(words[0]) or ()
    return plain_sleep(Exec(words, handler.at)) if words else None


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    container = case.workload.pod.container(seen.container or "")
    handler = container.pre_stop
    if not isinstance(handler, Exec):
        return None
    if handler.script is not None and _is_no_program(case, container, handler.command[0]):
        words: list[Json] = [*interpreter_of(handler.script.text), *handler.command]
        change = SetField((*handler.at, "command"), words, "the shell may read what nobody may execute")
        return Remedy((change,), safe=False, title="Let its shell read the script")
    wait_s = _meant_wait(handler)
    grace_s = case.workload.pod.termination_grace_period_s
    if wait_s is not None and 0 < wait_s < grace_s:  # T37
        action = pause(case, container, wait_s)
        if action is not None:
            change = SetField(handler.at[:-1], action, "needs no program from the image")
            room = room_for_pause(case, container, wait_s)
            return Remedy((change, *room), safe=True, title=f"Let the kubelet wait {wait_s} s")
    program = handler.command[0]
    split = _split(program) if len(handler.command) == 1 and _one_string(program) else None
    if split is None or _missing(case, container, split[0]) is not None:
        return None
    hook = Exec(split, handler.at)
    if not is_sound(hook, grace_s):
        return None
    words = [*split]
    change = SetField((*handler.at, "command"), words, "each word is an item of its own (T29)")
    room = room_for_pause(case, container, math.ceil(hook_wait(hook).least_s))
    return Remedy((change, *room), safe=True, title="Write the command as separate words")


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
    in_files=in_files,
    remedy=remedy,
)
