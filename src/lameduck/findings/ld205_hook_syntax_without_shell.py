"""LD205: the preStop hook is written for a shell, and no shell reads it."""

import math
import re
import shlex
from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting
from lameduck.pod.case import Case
from lameduck.pod.handlers import Exec
from lameduck.pod.programs.hook_steps import hook_script, hook_wait
from lameduck.pod.programs.program_names import SHELLS
from lameduck.pod.programs.sound_hooks import is_sound
from lameduck.remedies.pauses import room_for_pause
from lameduck.remedies.remedy import Json, Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
The kubelet starts an exec hook as it is written, without a shell (T29). `&&`, `;`, `|` and `$NAME` are then plain words
for the first program: `sleep` refuses them and the hook fails, and the stop signal follows at once (T20); `echo` prints
them; what was meant to run behind them never does.
## How to see it
Run the words in the running container as they are: `kubectl exec POD -- sleep 5 '&&' /app/flush`. In a cluster a
`FailedPreStopHook` event, if the program minds.
## How to mend it
Let a shell read it:
```yaml
lifecycle:
  preStop:
    exec: {command: [sh, -c, "sleep 5 && /app/flush"]}
```
An image without a shell (B16) needs one program that does it all, or the sleep action.
"""

BAD = (
    Example(
        "two commands joined by &&",
        container="image: debian:12\ncommand: [/app/server]\n"
        "lifecycle: {preStop: {exec: {command: [sleep, '5', '&&', /app/flush]}}}",
    ),
    Example(
        "a semicolon at the end of a word",
        container="lifecycle: {preStop: {exec: {command: [/app/deregister, '--now;', sleep, '10']}}}",
    ),
    Example(
        "a variable that nobody replaces",
        container="image: python:3.12\ncommand: [python, app.py]\n"
        "lifecycle: {preStop: {exec: {command: [sleep, $DELAY]}}}\nenv: [{name: DELAY, value: '5'}]",
    ),
)
GOOD = (
    Example(
        "a shell reads it",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5 && /app/flush']}}}",
    ),
    Example(
        "a program that wants these words itself",
        container="lifecycle: {preStop: {exec: {command: "
        "[find, /tmp/uploads, -type, f, -exec, mv, '{}', /data, ';']}}}",
    ),
    Example(
        "a wrapper in front of the shell",
        container="lifecycle: {preStop: {exec: {command: [timeout, '20', sh, -c, 'sleep 5 && /app/flush']}}}",
    ),
)

_OPERATORS = frozenset({"&&", "||", ";", "|", "&", ">", ">>", "2>&1", ">/dev/null", "2>/dev/null"})
_VARIABLE = re.compile(r"\$(\{[A-Z_][A-Z0-9_]*\}|[A-Z_][A-Z0-9_]*)")
# Languages of their own, in which such words mean something.
_OWN_LANGUAGE = frozenset(
    {
        *(
            "[",
            "awk",
            "egrep",
            "expr",
            "find",
            "gawk",
            "grep",
            "jq",
            "mongo",
            "mongosh",
            "mysql",
            "node",
            "perl",
            "php",
        ),
        *("psql", "python", "python3", "redis-cli", "ruby", "sed", "test", "xargs"),
    }
)


def in_files(case: Case) -> Iterator[Sighting]:
    for container in case.workload.pod.containers:
        match container.pre_stop:
            case Exec(command=command, at=at) if (number := _sign(command)) is not None:
                word, program = command[number], command[0].rpartition("/")[2]
                yield Sighting(
                    container.name,
                    (*at, "command", number),
                    f"no shell reads the preStop hook of {container.name}: `{word}` is a plain word for {program}, "
                    f"{_consequence(program, word)}",
                    'Write it for a shell: command: [sh, -c, "..."]',
                )
            case _:
                pass


def _sign(command: tuple[str, ...]) -> int | None:
    """The number of the first word that only a shell understands; None: there is none, or the program may want it."""
    program = command[0].rpartition("/")[2]
    if program in SHELLS | _OWN_LANGUAGE or " " in command[0].strip() or hook_script(command) is not None:
        return None
    if any(word.rpartition("/")[2] in SHELLS for word in command):
        return None  # behind a wrapper there is a shell after all
    for number, word in enumerate(command[1:], start=1):
        if word in _OPERATORS or _VARIABLE.fullmatch(word) or (len(word) > 1 and word.endswith(";")):
            return number
    return None


def _consequence(program: str, word: str) -> str:
    if program == "sleep":
        return "which refuses it: the hook fails and the stop signal follows at once"
    if word.startswith("$"):
        return "which is not replaced by its value"
    return "and what stands behind it does not run"


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    container = case.workload.pod.container(seen.container or "")
    handler = container.pre_stop
    if not isinstance(handler, Exec):
        return None
    script = " ".join(_quoted(word) for word in handler.command)
    words: list[Json] = ["sh", "-c", script]
    hook = Exec(("sh", "-c", script), handler.at)
    if not is_sound(hook, case.workload.pod.termination_grace_period_s):
        return None
    image = case.images.get(container.name)
    return Remedy(
        (
            SetField((*handler.at, "command"), words, "a shell reads it now"),
            *room_for_pause(case, container, math.ceil(hook_wait(hook).least_s)),
        ),
        safe=image is not None and "sh" in image.programs,
        title="Let a shell read the hook",
    )


def _quoted(word: str) -> str:
    if word in _OPERATORS or _VARIABLE.fullmatch(word):
        return word
    return f"{_quoted(word[:-1])};" if len(word) > 1 and word.endswith(";") else shlex.quote(word)


FINDING = Finding(
    "LD205",
    "hook-syntax-without-shell",
    Severity.ERROR,
    facts=("B16", "T20", "T29"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
