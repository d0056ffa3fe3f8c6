"""What a trap's handler does for a background job: passes a signal on, waits for its end, ends the script."""

import re
from dataclasses import replace

from lameduck.pod.entry import Shell
from lameduck.pod.records import dataclass
from lameduck.pod.shells.grammar import read_script
from lameduck.pod.shells.paths import follow_script
from lameduck.pod.shells.short_commands import ends_by_itself
from lameduck.pod.shells.state import Job, Path, Step

__all__ = ["Handling", "handle"]

_OWN_GROUP = re.compile(r"^(0|-\$\$|-\$\{\$\}|-1)$")
_JOBS = re.compile(r"^\$\(\s*jobs -p\s*\)$|^`\s*jobs -p\s*`$|^%1$|^%%$|^%\+$")
_NUMBERS = {"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}
# They tell the service nothing.
_HARMLESS = frozenset(
    {"[", "[[", ":", "cat", "date", "echo", "false", "logger", "printf", "rm", "sleep", "sync", "test", "touch", "true"}
)


@dataclass(frozen=True, slots=True)
class Handling:
    """What comes of a handler. `sends`: the signal that the job gets, without SIG; None: none.

    `ends`: the script ends after it; `waits`: not before the job has ended.
    """

    sends: str | None = None
    waits: bool = False
    ends: bool = True
    doubt: str | None = None


def handle(
    text: str | None,
    job: Job,
    path: Path,
    waiting: Step,
    shell: Shell,
    *,
    exit_trap: str | None,
    ends: bool = False,
) -> Handling:
    """What a handler does that interrupts the step `waiting`, and what the script does after it.

    `ends`: the shell ends after the handler, whatever it says (bash's trap for EXIT). The trap for EXIT runs last.
    """
    if text is None:
        return Handling(doubt="what the trap does is known only when the script runs")
    handlers = _paths(text, path)
    leaving = _paths(exit_trap, path) if exit_trap else ()
    if any(one.doubt for one in (*handlers, *leaving)):
        return Handling(doubt="a part of the trap could not be read")
    handlings = {
        _until_the_end(handler, last, job, path, waiting, shell, ends=ends)
        for handler in handlers
        for last in leaving or (None,)
    }
    if len(handlings) == 1:
        return handlings.pop()
    # `[ -n "$pid" ] && kill "$pid"`: by the time the signal comes, the job runs and the test holds
    sending = {one for one in handlings if one.sends is not None}
    if len(sending) == 1:
        return sending.pop()
    return Handling(doubt="what the trap does depends on what only running it tells")


def _paths(text: str, path: Path) -> tuple[Path, ...]:
    return follow_script(
        read_script(text),
        arguments=path.variables.positional,
        environment=path.variables.named,
        functions=path.functions,
        every_step=True,
    )


def _until_the_end(
    handler: Path, leaving: Path | None, job: Job, path: Path, waiting: Step, shell: Shell, *, ends: bool
) -> Handling:
    """The handler, and where the script ends after it, the trap for EXIT."""
    found = _one(handler, job, path, waiting, shell, ends=ends)
    if leaving is None or not found.ends or found.waits:
        return found
    both = replace(handler, steps=handler.steps + leaving.steps, ends="exit")
    return _one(both, job, path, waiting, shell, ends=True)


def _one(handler: Path, job: Job, path: Path, waiting: Step, shell: Shell, *, ends: bool) -> Handling:
    sends: str | None = None
    waits = False
    doubt: str | None = None
    for step in handler.steps:
        if step.program in ("kill", "pkill", "killall"):
            signal, found = _kill(step, job, shell)
            if found is None:
                doubt = "which process the trap sends a signal to is not known"
            elif found:
                sends, waits = signal, False
        elif step.program == "wait":
            waits = True
        elif step.program == "sleep" and sends is not None:
            doubt = "whether the service ends while the trap sleeps is not known"
        elif step.program not in _HARMLESS:
            doubt = f"what {step.program} in the trap does to the service is not known"
    if sends is not None and not job.plain:
        doubt = doubt or "the signal goes to a shell of its own around the service"
    if handler.ends == "exec":
        doubt = doubt or "the trap execs another program"
    ended = True
    if handler.ends not in ("exit", "failed") and not waits and not ends:
        waits, ended, guess = _afterwards(path, waiting)
        doubt = doubt or guess
    return Handling(sends, waits, ended, doubt)


def _afterwards(path: Path, waiting: Step) -> tuple[bool, bool, str | None]:
    """After the handler, the interrupted `wait` returns and the script goes on: whether it waits again, and ends."""
    if waiting.where.loop:
        if waiting.program == "wait":
            return True, True, None  # while kill -0 $pid; do wait $pid; done
        return False, False, "whether the loop ends with the service is not known"
    after = path.steps[path.steps.index(waiting) + 1 :]
    if waiting.errexit and not waiting.where.guarded:
        return False, True, None  # wait returns 143, and set -e ends the script
    again = any(step.program == "wait" and step.where.job is None for step in after)
    if not again and any(not ends_by_itself(step.words) for step in after):
        return False, True, "what the script does after the signal is not known"
    return again, True, None


def _kill(step: Step, job: Job, shell: Shell) -> tuple[str, bool | None]:
    """The signal of a kill command, and whether it goes to the job; None: not known."""
    if step.program != "kill":
        return "TERM", None
    signal = "TERM"
    words = list(step.words[1:])
    while words and words[0].text.startswith("-"):
        text = words[0].text
        if text == "--":
            words.pop(0)
            break
        if text in ("-s", "-n") and len(words) > 1:
            signal = words[1].text
            words = words[2:]
        elif text[1:].isalnum() and not _OWN_GROUP.match(text):
            signal = text[1:]
            words.pop(0)
        else:
            break
    signal = signal.upper().removeprefix("SIG")
    signal = _NUMBERS.get(signal, signal)
    if signal == "0":
        return signal, False
    targets = [word.text for word in words if word.text or not word.known]
    if not targets:
        return signal, False  # kill "" or kill: an error, and no signal
    if any(target == job.name or _OWN_GROUP.match(target) for target in targets):
        return signal, True
    if any(_JOBS.match(target) for target in targets):
        return signal, None if shell is Shell.DASH else True  # in a script, dash knows no job by number
    if all(target.startswith("@job") for target in targets) and targets:
        return signal, False
    return signal, None
