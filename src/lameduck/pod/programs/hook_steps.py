"""What an exec hook runs, step by step, as far as its words tell, and how long it waits."""

import math
from collections.abc import Iterator
from dataclasses import replace

from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Span
from lameduck.pod.handlers import Exec, Handler, HttpGet, Sleep, TcpSocket
from lameduck.pod.programs.program_names import SHELLS
from lameduck.pod.records import dataclass
from lameduck.pod.shells.commands import AndOr, Command, Group, Node, Sequence, Text, Word
from lameduck.pod.shells.grammar import read_script
from lameduck.pod.shells.sleep_words import RefusedSleep, sleep_length

__all__ = [
    "HookStep",
    "Wait",
    "expected_wait_s",
    "hook_script",
    "hook_steps",
    "hook_wait",
    "step_place",
    "steps_wait",
]


@dataclass(frozen=True, slots=True)
class HookStep:
    """One command of a hook. No words: something that is not followed here (a loop, a condition, a pipeline)."""

    words: tuple[str, ...] = ()
    """As written, quotes taken away; `$NAME` stays as it is."""
    conditional: bool = False
    """Whether it runs depends on the command before it (`&&`, `||`)."""
    background: bool = False
    redirected: bool = False
    start: int = 0
    end: int = 0
    """Where it begins and ends in the script, in characters."""
    literal: bool = True
    """Every word is what it will be: no variables, no substitutions."""
    expected: bool = True
    """It runs where the commands before it succeed, and none of them is there to ask a question (`[ -f x ] &&`)."""

    @property
    def program(self) -> str:
        """The program's name without its folder; empty where the step is not followed."""
        return self.words[0].rpartition("/")[2] if self.words else ""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long something takes: at least and at most, in seconds."""

    least_s: Seconds
    most_s: Seconds

    @property
    def exactly_s(self) -> Seconds | None:
        """The length, if it is certain."""
        return self.least_s if self.least_s == self.most_s else None


_NONE = Wait(Seconds(0.0), Seconds(0.0))
_UNKNOWN = Wait(Seconds(0.0), Seconds(math.inf))
# What does a thing and comes back within a moment, so that it delays no stop signal.
_MOMENT = frozenset(
    {
        *("[", ":", "cat", "cd", "chmod", "cp", "date", "echo", "exit", "export", "false", "kill", "killall", "ls"),
        *("mkdir", "mv", "pkill", "printf", "rm", "set", "test", "touch", "trap", "true"),
        *("apache2ctl", "apachectl", "httpd", "nginx"),
    }
)
_QUESTIONS = frozenset({"[", "[[", "command", "grep", "pgrep", "pidof", "test", "which"})
"""What is run for its answer: yes is as good as no."""
_QUICK_OPTIONS = {"nginx": "-s", "httpd": "-k"}
"""The programs above that would otherwise start a server in the foreground."""


def hook_script(command: tuple[str, ...]) -> str | None:
    """The script that a shell gets with -c; None if the command is no such thing."""
    words = _without_busybox(command)
    if len(words) < 3 or words[0].rpartition("/")[2] not in SHELLS:
        return None
    for number, word in enumerate(words[1:-1], start=1):
        if not word.startswith("-") or word.startswith("--"):
            return None
        if "c" in word:
            return words[number + 1]
    return None


def hook_steps(handler: Exec) -> tuple[HookStep, ...]:
    """The commands in the order in which they run. A script file that no file of the user's holds is one step."""
    script = hook_script(handler.command)
    if script is None and handler.script is not None:
        script = handler.script.text
    if script is None:
        return (HookStep(_without_busybox(handler.command)),)
    return tuple(_flat(read_script(script).body, HookStep()))


def step_place(handler: Exec, step: HookStep) -> Span | None:
    """Where the step stands in a script's file; None: the hook has no such file, but a value in the manifest."""
    if handler.script is None or hook_script(handler.command) is not None:
        return None
    return Span(handler.script.source, handler.script.start + step.start, handler.script.start + step.end)


def _without_busybox(words: tuple[str, ...]) -> tuple[str, ...]:
    return words[1:] if len(words) > 1 and words[0].rpartition("/")[2] == "busybox" else words


def _flat(node: Node, around: HookStep) -> Iterator[HookStep]:
    """The steps of a node; `around` says what is true of all of them."""
    match node:
        case Sequence(items=items):
            for item, behind in items:
                yield from _flat(item, replace(around, background=around.background or behind))
        case Command(words=words):
            if words:
                yield replace(
                    around,
                    words=tuple(_text(word) for word in words),
                    redirected=around.redirected or node.redirected,
                    start=node.start,
                    end=node.end,
                    literal=all(isinstance(part, Text) for word in words for part in word.parts),
                )
        case AndOr(left=left, right=right, both=both):
            before = tuple(_flat(left, around))
            yield from before
            expected = around.expected and both and all(step.words for step in before[-1:])
            expected = expected and not any(step.program in _QUESTIONS for step in before[-1:])
            yield from _flat(right, replace(around, conditional=True, expected=expected))
        case Group(body=body):
            yield from _flat(body, replace(around, redirected=around.redirected or node.redirected))
        case _:
            yield replace(around, literal=False)


def _text(word: Word) -> str:
    if all(isinstance(part, Text) for part in word.parts):
        return "".join(part.text for part in word.parts if isinstance(part, Text))
    return word.raw


def hook_wait(handler: Handler | None) -> Wait:
    """How long the hook keeps the stop signal back. No hook: not at all."""
    match handler:
        case Sleep(seconds=seconds):
            return Wait(Seconds(float(seconds)), Seconds(float(seconds)))
        case Exec():
            return steps_wait(hook_steps(handler))
        case HttpGet():
            return _UNKNOWN
        case TcpSocket() | None:
            return _NONE


def expected_wait_s(handler: Handler | None) -> Seconds:
    """How long it keeps the stop signal back at least, if all of its commands succeed."""
    if not isinstance(handler, Exec):
        return hook_wait(handler).least_s
    expected = [step for step in hook_steps(handler) if not step.conditional or step.expected]
    return steps_wait(tuple(replace(step, conditional=False) for step in expected)).least_s


def steps_wait(steps: tuple[HookStep, ...]) -> Wait:
    """How long these steps take together, up to an `exit`."""
    least = most = 0.0
    for step in steps:
        if step.program in ("exit", "exec") and not step.conditional:
            if step.program == "exec" and len(step.words) > 1:
                last = _step_wait(HookStep(step.words[1:], literal=step.literal))
                return Wait(Seconds(least + last.least_s), Seconds(most + last.most_s))
            return Wait(Seconds(least), Seconds(most))
        wait = _step_wait(step)
        least += 0.0 if step.conditional or step.background else wait.least_s
        most += wait.most_s
    return Wait(Seconds(least), Seconds(most))


def _step_wait(step: HookStep) -> Wait:
    program = step.program
    if program == "sleep":
        length = sleep_length(step.words[1:]) if step.literal else None
        if isinstance(length, RefusedSleep):
            return _NONE
        return _UNKNOWN if length is None else Wait(length, length)
    if program in _MOMENT and not step.background:
        option = _QUICK_OPTIONS.get(program)
        return _NONE if option is None or option in step.words else _UNKNOWN
    return _UNKNOWN
