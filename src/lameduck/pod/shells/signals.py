"""What the stop signal meets in a shell: which command of a path is the service, and how it hangs on the shell.

The rules were recorded from pods (G bash-*, busybox-*, dash-*, entry-*, pipeline) and measured with dash 0.5.12, bash
5.2.15 and busybox 1.35 as PID 1 and below tini and dumb-init; a test starts them again where they are installed.
"""

from dataclasses import replace

from lameduck.pod.entry import Passes, Shell, WhyKept
from lameduck.pod.records import dataclass
from lameduck.pod.shells.short_commands import ends_by_itself, holds_open, starts_daemon
from lameduck.pod.shells.state import Path, Step
from lameduck.pod.shells.traps import Handling, handle

__all__ = ["Standing", "Verdict", "judge", "service_of"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the shell itself stands: what reaches it, and what else does."""

    stop_signal: str = "TERM"
    """Without SIG."""
    pid1: bool = True
    """Signals without a handler are discarded (T54); elsewhere they end the shell."""
    group: bool = False
    """The whole process group gets the signal (tini -g, dumb-init): the children of the shell hear it themselves."""
    past_shells: bool = False
    """Without a trap the shell is passed by, and all that it has started is waited for (lameduck run)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the signal between a shell and its service."""

    service: Step | None
    passes: Passes
    why: WhyKept | None = None
    sends: str | None = None
    doubt: str | None = None


def service_of(path: Path) -> Step | None:
    """The command that the script is there for: the last that does not end by itself.

    A background job counts where nothing runs on in front of it, or where the script waits for it.
    """
    able = [
        step
        for step in path.steps
        # What a script execs is what it is there for, unless it only keeps time for a job.
        if not step.where.condition and (not ends_by_itself(step.words) or (step.execs and step.program != "sleep"))
    ]
    long = [step for step in able if not holds_open(step.words) and not starts_daemon(step.words)]
    front = [step for step in long if step.where.job is None]
    behind = [step for step in long if step.where.job is not None]
    if front and behind:
        after = path.steps[path.steps.index(front[-1]) + 1 :]
        if any(step.program == "wait" for step in after):
            return behind[-1]
    if front:
        return _first_of_pipeline(front)
    if behind:
        return _first_of_pipeline(behind)
    daemons = [step for step in path.steps if starts_daemon(step.words)]
    return daemons[-1] if daemons else (able[-1] if able else None)


def _first_of_pipeline(steps: list[Step]) -> Step:
    """`server | filter`: the server stands first."""
    last = steps[-1]
    if not last.where.pipeline:
        return last
    for step in reversed(steps):
        if not step.where.pipeline or step.where.job != last.where.job:
            break
        last = step
    return last


def judge(path: Path, shell: Shell, standing: Standing) -> Verdict:
    """What the signal meets on this path."""
    service = service_of(path)
    if service is None:
        return Verdict(None, Passes.UNKNOWN, doubt=path.doubt or "no command of the script is known to run on")
    if shell is not Shell.UNKNOWN:
        return _judge(service, path, shell, standing)
    verdicts = {_judge(service, path, one, standing) for one in (Shell.DASH, Shell.BASH, Shell.BUSYBOX)}
    if len(verdicts) == 1:
        return verdicts.pop()
    return Verdict(service, Passes.UNKNOWN, doubt="which shell sh is in this image is not known, and it matters here")


def _judge(service: Step, path: Path, shell: Shell, standing: Standing) -> Verdict:
    verdict = _in_background(service, path, shell, standing) if service.where.job else None
    if verdict is None:
        verdict = _in_front(service, path, shell, standing)
    if standing.past_shells and verdict.passes is Passes.CUTS:
        verdict = Verdict(service, Passes.FORWARDS)  # what the shell leaves behind is told, and has its time
    return replace(verdict, doubt=verdict.doubt or path.doubt)


def _in_front(service: Step, path: Path, shell: Shell, standing: Standing) -> Verdict:
    traps = _traps(service, shell)
    replaces = (service.execs and not _forked(service, shell)) or _execs_by_itself(service, shell)
    if replaces:
        doubt = "the service inherits that the signal is ignored" if traps.get(standing.stop_signal) == "" else None
        return Verdict(service, Passes.REPLACED, doubt=doubt)
    why = _why(service)
    if starts_daemon(service.words):
        return _daemon(service, path, standing)
    after = path.steps[path.steps.index(service) + 1 :]
    holders = [step for step in after if _holds(step)]
    if (holders and not service.where.loop) or (service.where.loop and _pauses(path, service)):
        return Verdict(service, Passes.UNKNOWN, doubt=f"whether {service.program} runs on is not known")
    if standing.stop_signal in traps and not service.where.subshell:
        ignores = traps[standing.stop_signal] == ""
        if standing.group and not ignores:
            return Verdict(service, Passes.FORWARDS)
        if ignores:
            if standing.group:
                return Verdict(service, Passes.UNKNOWN, doubt="the service inherits that the signal is ignored")
            return Verdict(service, Passes.KEEPS, WhyKept.TRAP_NO_FORWARD)
        return Verdict(service, Passes.KEEPS, WhyKept.TRAP_BLOCKED)
    return _no_trap(service, traps, why, shell, standing)


def _holds(step: Step) -> bool:
    """What comes after a command that runs on is never reached: where this stands, the command has come back."""
    return (holds_open(step.words) or step.where.endless) and not step.where.pipeline and step.where.job is None


def _pauses(path: Path, service: Step) -> bool:
    """The loop sleeps for long in each turn: what it starts is an errand at intervals, not a service."""
    at = path.steps.index(service)
    return any(
        step.program == "sleep"
        and _seconds(step) >= _LONG_PAUSE_S
        and (step.where.loop if n > at else step.where.endless)
        for n, step in enumerate(path.steps)  # before it, the sleep of a loop that waits for something is another's
    )


_LONG_PAUSE_S = 10
"""Nobody lets a service that fell over lie for so long."""


def _traps(step: Step, shell: Shell) -> dict[str, str | None]:
    """The traps that are set, by names without SIG; dash refuses `trap ... SIGTERM` and goes on without it."""
    return {
        name.removeprefix("SIG"): handler
        for name, handler in step.traps
        if shell is not Shell.DASH or not name.startswith("SIG")
    }


def _why(service: Step) -> WhyKept:
    if service.where.pipeline:
        return WhyKept.PIPELINE
    return WhyKept.LOOP if service.where.loop else WhyKept.NOT_EXEC


def _no_trap(service: Step, traps: dict[str, str | None], why: WhyKept, shell: Shell, standing: Standing) -> Verdict:
    """The shell has no handler for the signal: as PID 1 it does not hear it, elsewhere it dies of it (T54, T59)."""
    if standing.past_shells:
        return Verdict(service, Passes.FORWARDS)
    if shell is Shell.BASH and traps.get("EXIT") and standing.stop_signal in _BASH_TERMINATING:
        return Verdict(service, Passes.CUTS, WhyKept.TRAP_EXIT)
    if standing.pid1 or standing.stop_signal in _IGNORED_BY_DEFAULT:
        return Verdict(service, Passes.KEEPS, why)
    if standing.stop_signal in ("INT", "QUIT"):
        return Verdict(service, Passes.UNKNOWN, doubt="what a shell that is not PID 1 does at this signal differs")
    return Verdict(service, Passes.CUTS, WhyKept.SHELL_DIES)


# With a trap for EXIT, bash has handlers of its own for the signals that end it.
_BASH_TERMINATING = frozenset({"TERM", "HUP", "USR1", "USR2"})
_IGNORED_BY_DEFAULT = frozenset({"WINCH", "CHLD", "URG", "CONT"})


def _forked(step: Step, shell: Shell) -> bool:
    """It runs in a process of its own; busybox runs the last subshell in the script's process (seen with 1.35)."""
    kept = shell is Shell.BUSYBOX and step.where.busybox_tail and not any(handler for _, handler in step.traps)
    return step.where.job is not None or step.where.pipeline or (step.where.subshell and not kept)


def _execs_by_itself(step: Step, shell: Shell) -> bool:
    """Whether the shell execs a last command without being told to (T56)."""
    traps = any(handler != "" for _, handler in step.traps)
    if traps or _forked(step, shell):
        return False
    if shell is Shell.BASH:
        return step.where.bash_tail and not step.command.redirected
    return shell is Shell.BUSYBOX and step.where.busybox_tail


def _daemon(service: Step, path: Path, standing: Standing) -> Verdict:
    """`service x start; tail -f log`: what holds the container open knows nothing of the service."""
    after = path.steps[path.steps.index(service) + 1 :]
    holder = next((step for step in after if holds_open(step.words)), None)
    if holder is None:
        return Verdict(
            service, Passes.UNKNOWN, doubt=f"what keeps the container alive after {service.program} is not known"
        )
    if any(name.removeprefix("SIG") == standing.stop_signal for name, _ in holder.traps):
        return Verdict(service, Passes.UNKNOWN, doubt="what the trap does for the daemon is not known")
    if not standing.pid1:
        return Verdict(service, Passes.CUTS, WhyKept.DAEMON)
    return Verdict(service, Passes.KEEPS, WhyKept.DAEMON)


def _in_background(service: Step, path: Path, shell: Shell, standing: Standing) -> Verdict | None:
    """The service is a job. None: the script ends without waiting, so that the container ends by itself."""
    at = path.steps.index(service)
    later = [step for step in path.steps[at + 1 :] if step.where.job is None]
    waits = [step for step in later if step.program == "wait" or step.execs or holds_open(step.words)]
    if not waits:
        busy = [step for step in later if step.where.endless]
        waits = busy[:1]
    if not waits:
        return Verdict(service, Passes.UNKNOWN, doubt="the script ends while its background job runs on")
    waiting = waits[0]
    traps = _traps(waiting, shell)
    signal = standing.stop_signal
    if signal not in traps:
        return _no_trap_behind(service, path, waiting, traps, shell, standing)
    text = traps[signal]
    if text == "":
        return Verdict(service, Passes.KEEPS, WhyKept.TRAP_NO_FORWARD)
    if waiting.execs:
        return Verdict(service, Passes.KEEPS, WhyKept.BACKGROUND)
    if waiting.program != "wait" and (not waiting.where.endless or _seconds(waiting) > 5):
        return Verdict(service, Passes.KEEPS, WhyKept.TRAP_BLOCKED)
    job = next(job for job in path.jobs if job.name == service.where.job)
    return _verdict(service, handle(text, job, path, waiting, shell, exit_trap=traps.get("EXIT")), standing)


def _no_trap_behind(
    service: Step, path: Path, waiting: Step, traps: dict[str, str | None], shell: Shell, standing: Standing
) -> Verdict:
    """The service is a job, and no trap hears the signal."""
    if standing.past_shells:
        return Verdict(service, Passes.FORWARDS)
    signal = standing.stop_signal
    misnamed = any(name == f"SIG{signal}" for name, _ in waiting.traps)
    others = [name for name, handler in traps.items() if handler and name not in ("EXIT", "ERR", "DEBUG")]
    why = WhyKept.TRAP_NAME if misnamed else WhyKept.TRAP_OTHER_SIGNAL if others else WhyKept.BACKGROUND
    if waiting.execs:  # `server & exec tail -f log`
        if not standing.pid1 and holds_open(waiting.words) and signal not in _IGNORED_BY_DEFAULT:
            return Verdict(service, Passes.CUTS, why)  # G share-pid
        return Verdict(service, Passes.KEEPS, why)
    if signal == "INT":
        return Verdict(service, Passes.UNKNOWN, doubt="a shell that waits may die of SIGINT")
    leaves = traps.get("EXIT")
    if shell is Shell.BASH and leaves and signal in _BASH_TERMINATING and not standing.group:
        job = next(job for job in path.jobs if job.name == service.where.job)
        handling = handle(leaves, job, path, waiting, shell, exit_trap=None, ends=True)
        if handling.doubt is None and handling.sends is None and not handling.waits:
            return Verdict(service, Passes.CUTS, WhyKept.TRAP_EXIT)
        return _verdict(service, handling, standing)
    return _no_trap(service, traps, why, shell, standing)


def _seconds(step: Step) -> float:
    text = step.words[-1].text
    return float(text) if text.isdecimal() and len(text) < 9 else 0.0


def _verdict(service: Step, handling: Handling, standing: Standing) -> Verdict:
    if handling.doubt is not None:
        return Verdict(service, Passes.UNKNOWN, doubt=handling.doubt)
    forwards = handling.sends is not None or standing.group
    if not forwards and handling.ends and not handling.waits:
        return Verdict(service, Passes.CUTS, WhyKept.TRAP_NO_FORWARD)
    if not forwards:
        return Verdict(service, Passes.KEEPS, WhyKept.TRAP_NO_FORWARD)
    if handling.ends and not handling.waits:
        return Verdict(service, Passes.CUTS, WhyKept.TRAP_NO_WAIT)
    if handling.sends in ("INT", "QUIT"):
        return Verdict(service, Passes.UNKNOWN, doubt="shells start background jobs with INT and QUIT ignored")
    if handling.sends == "KILL":
        return Verdict(service, Passes.CUTS, WhyKept.TRAP_NO_FORWARD)
    sends = handling.sends if handling.sends != standing.stop_signal else None
    return Verdict(service, Passes.FORWARDS, sends=f"SIG{sends}" if sends is not None else None)
