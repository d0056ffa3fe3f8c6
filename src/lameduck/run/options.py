"""What `lameduck run` is told: its options, read by hand, because argparse takes longer than all the rest of the start.

The short options are those of tini and dumb-init where they mean the same, so that a line of an image can be changed by
changing the first word.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["HELP", "Plan", "UsageError", "read"]

HELP = """\
Usage: lameduck run [OPTIONS] -- COMMAND [ARGUMENT]...

Start COMMAND as a container's init: pass signals on, reap, drain, and tell how it ended.

  ENTRYPOINT ["lameduck", "run", "--lame-duck", "5s", "--", "/start.sh"]

Who hears a signal (without one of these: COMMAND; where that is a shell without a trap, the first process that is
not a shell on each branch below it):
  -c, --child              COMMAND only, shell or not
  -g, --group              COMMAND's process group
      --tree               every descendant
  -r, --map TERM=QUIT      pass TERM on as QUIT; =0: not at all (again for more)

At the stop signal:
      --stop-on TERM,INT   the signals that ask for the stop (TERM,INT)
      --stop-signal QUIT   what COMMAND gets for them
      --lame-duck 5s       serve on for so long before it is passed on; 2s..15s: until no new connection has come for
                           the quiet time, within these bounds. A second stop signal ends it early
      --quiet-time 1s      see --lame-duck (1s)
      --watch-ports 8080   see --lame-duck (those that the processes listen on)
      --drain-ports 8080   then wait until no connection of these ports is busy
      --drain-within 10s   ... but no longer (10s)
      --second-after 10s   stop once more, if COMMAND is still there
      --second-signal INT  with this signal (the first one)
      --grace 30s          the pod's grace, or LAMEDUCK_GRACE_SECONDS: SIGKILL to what is left just before its end
      --left-within 10s    where no grace is known: what outlives COMMAND is told to stop, and killed after this (10s)
      --wait-all           COMMAND's own end is no stop: live until every process is gone
      --on-stop CMD        run CMD when the stop begins; passing on waits for it
      --on-exit CMD        run CMD when all processes are gone
      --hook-within 5s     ... each for no longer than this (5s)

Besides:
      --instrument         make the library active in a Python service, which then has the lame duck itself
  -e, --remap-exit 143=0   leave with 0 for 143 (again for more; -e 143 is short for it)
  -p, --parent-death TERM  get this signal when the parent dies
  -s                       accepted: run is a subreaper wherever it is not PID 1
      --termination-log F  where the timeline goes (/dev/termination-log, where it is)
  -q, --quiet              no lines on stderr
  -v, --verbose            also a line for each signal passed on and each orphan reaped
  -h, --help

Exit codes: COMMAND's own, 128+n if signal n ended it, 126 or 127 if it cannot be executed, 2 for bad options.
`lameduck prestop` is the exec hook's command that starts the lame duck before the signal comes.
"""

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class UsageError(Exception):
    """Options that cannot be used; the words say what to write."""


class Plan:
    """How to run the command, and how to end it. Times are seconds."""

    def __init__(self) -> None:
        self.command: list[str] = []
        self.reach = "shells"
        """Who hears a signal: shells, child, group or tree."""
        self.mapped: dict[int, int] = {}
        """Signals that are passed on as others; 0 is not passed on."""
        self.stop_on = frozenset({int(signal.SIGTERM), int(signal.SIGINT)})
        self.stop_signal: int | None = None
        self.lame_duck = (0.0, 0.0)
        """At least, at most."""
        self.quiet_time = 1.0
        self.watch_ports: frozenset[int] = frozenset()
        self.drain_ports: frozenset[int] = frozenset()
        self.drain_within = 10.0
        self.second_after: float | None = None
        self.second_signal: int | None = None
        self.grace: float | None = None
        self.left_within = 10.0
        self.wait_all = False
        self.on_stop: str | None = None
        self.on_exit: str | None = None
        self.hook_within = 5.0
        self.exits: dict[int, int] = {}
        self.parent_death = 0
        self.termination_log: str | None = None
        self.quiet = False
        self.verbose = False
        self.instrument = False
        """Whether the library becomes active in a Python of the command."""
        self.lame_duck_text = ""

    def environment(self, before: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """The command's: with what the library in it has to know (docs/protocol.md)."""
        found = dict(before)
        found[b"LAMEDUCK_RUN"] = b"1"
        if self.lame_duck_text:
            found[b"LAMEDUCK_LAME_DUCK"] = self.lame_duck_text.encode()
        if self.grace is not None:
            found[b"LAMEDUCK_GRACE_SECONDS"] = f"{self.grace:g}".encode()
        if self.instrument:
            here = os.fsencode(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
            paths = [path for path in found.get(b"PYTHONPATH", b"").split(b":") if path]
            found[b"PYTHONPATH"] = b":".join([here + b"/drain/instrument/site", *paths])
        return found

    def passed_on_as(self, signum: int) -> int:
        """The signal that the processes get for this one; 0: none."""
        if signum in self.mapped:
            return self.mapped[signum]
        if self.stop_signal is not None and signum in self.stop_on:
            return self.stop_signal
        return signum


def read(words: list[str], environment: Mapping[str, str]) -> Plan | str:
    """The plan that these words and LAMEDUCK_GRACE_SECONDS make, or the help that they ask for. Raises UsageError."""
    plan = Plan()
    grace = environment.get("LAMEDUCK_GRACE_SECONDS")
    if grace:
        plan.grace = seconds(grace, "LAMEDUCK_GRACE_SECONDS")
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        if word in ("-h", "--help"):
            return HELP
        take(plan, word, rest)
    if not rest:
        raise UsageError("there is no command to run. Write it behind --: lameduck run -- /start.sh")
    plan.command = rest
    if plan.grace is not None and plan.lame_duck[1] >= plan.grace:
        raise UsageError(
            f"--lame-duck {plan.lame_duck[1]:g}s leaves nothing of the grace of {plan.grace:g}s. "
            "Make it shorter, or the pod's terminationGracePeriodSeconds longer."
        )
    return plan


def take(plan: Plan, word: str, rest: list[str]) -> None:
    """Put one option into the plan, with its value from behind `=` or from the next word."""
    name, joined, value = word.partition("=")
    if not name.startswith("--") and name not in SHORT and name[:2] in SHORT:
        # -vvv and -gv are flags in a row; -e143 is an option with its value.
        rest.insert(0, word[2:] if name[:2] in VALUED_SHORT else "-" + word[2:])
        name, joined = name[:2], ""
    option = SHORT.get(name) or THEIRS.get(name, name)
    if option in FLAGS:
        if joined:
            raise UsageError(f"{name} takes no value. Write it alone.")
        FLAGS[option](plan)
        return
    if option not in VALUES:
        raise UsageError(f"there is no option {name}. Those that there are: lameduck run --help")
    if not joined:
        if not rest:
            raise UsageError(f"{name} lacks its value. See: lameduck run --help")
        value = rest.pop(0)
    VALUES[option](plan, value, name)


def seconds(text: str, option: str) -> float:
    """Seconds of 1.5s, 300ms, 1m30s or 2. Raises UsageError."""
    total, number, rest = 0.0, "", text.strip()
    plain = rest.replace(".", "", 1)
    if plain.isascii() and plain.isdigit():
        return float(rest)
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:]
        unit = next((name for name in UNITS if rest.startswith(name)), None)
        if unit is None or not number.strip(".") or number.count(".") > 1:
            raise UsageError(f"{option}: {text!r} is not a duration. Write it like 1.5s, 300ms or 2.")
        total += float(number) * UNITS[unit]
        rest = rest[len(unit) :]
    if not number:
        raise UsageError(f"{option}: {text!r} is not a duration. Write it like 1.5s, 300ms or 2.")
    return total


def signal_number(text: str, option: str) -> int:
    """A signal's number from TERM, SIGTERM, 15 or RTMIN+3. Raises UsageError."""
    name = text.strip().upper().removeprefix("SIG")
    base, plus, more = name.partition("+")
    number = 0
    if name.isascii() and name.isdigit():
        number = int(name)
    elif base == "RTMIN" and (not plus or (more.isascii() and more.isdigit())):
        number = signal.SIGRTMIN + int(more or 0)
    elif not plus:
        number = int(signal.Signals.__members__.get(f"SIG{name}", 0))
    if number not in signal.valid_signals():
        raise UsageError(f"{option}: {text!r} is not a signal. Write it like TERM, SIGQUIT or 15.")
    return int(number)


def catchable(text: str, option: str) -> int:
    """A signal that run can get. Raises UsageError."""
    number = signal_number(text, option)
    if number in (signal.SIGKILL, signal.SIGSTOP):
        raise UsageError(f"{option}: nobody can catch {text}. Name a signal that can be caught.")
    return number


def ports(text: str, option: str) -> frozenset[int]:
    """Ports from 8080 or 8080,9090. Raises UsageError."""
    found = set()
    for part in text.split(","):
        part = part.strip()
        if not (part.isascii() and part.isdigit() and 0 < int(part) < 65536):
            raise UsageError(f"{option}: {part!r} is not a port. Write it like 8080 or 8080,9090.")
        found.add(int(part))
    return frozenset(found)


def status(text: str, option: str) -> int:
    """An exit code. Raises UsageError."""
    if not (text.isascii() and text.isdigit() and int(text) < 256):
        raise UsageError(f"{option}: {text!r} is not an exit code. Write a number from 0 to 255.")
    return int(text)


def read_lame_duck(plan: Plan, value: str, option: str) -> None:
    least, dots, most = value.partition("..")
    plan.lame_duck = (seconds(least, option), seconds(most if dots else least, option))
    plan.lame_duck_text = f"{plan.lame_duck[0]:g}s..{plan.lame_duck[1]:g}s" if dots else f"{plan.lame_duck[0]:g}s"
    if plan.lame_duck[0] > plan.lame_duck[1]:
        raise UsageError(f"{option}: {value} ends before it begins. Write the shorter time first: 2s..15s")


def read_map(plan: Plan, value: str, option: str) -> None:
    # dumb-init separates the two by a colon.
    before, mark, after = value.partition("=" if "=" in value else ":")
    if not mark:
        raise UsageError(f"{option}: {value!r} maps nothing. Write it like TERM=QUIT, or USR1=0 not to pass it on.")
    plan.mapped[catchable(before, option)] = 0 if after.strip() == "0" else signal_number(after, option)


def read_remap(plan: Plan, value: str, option: str) -> None:
    before, mark, after = value.partition("=")
    plan.exits[status(before, option)] = status(after, option) if mark else 0


def read_stop_on(plan: Plan, value: str, option: str) -> None:
    plan.stop_on = frozenset(catchable(part, option) for part in value.split(","))


def sets(name: str, reader: Callable[[str, str], object]) -> Callable[[Plan, str, str], None]:
    """An option whose value, once read, is an attribute of the plan."""
    return lambda plan, value, option: setattr(plan, name, reader(value, option))


def flag(name: str, value: object = True) -> Callable[[Plan], None]:
    return lambda plan: setattr(plan, name, value)


def words_as_they_are(text: str, option: str) -> str:
    if not text.strip():
        raise UsageError(f"{option} is empty. Name what to use.")
    return text


FLAGS: dict[str, Callable[[Plan], None]] = {
    "--child": flag("reach", "child"),
    "--group": flag("reach", "group"),
    "--tree": flag("reach", "tree"),
    "--wait-all": flag("wait_all"),
    "--instrument": flag("instrument"),
    "--quiet": flag("quiet"),
    "--verbose": flag("verbose"),
    "-s": lambda _: None,
}
VALUES: dict[str, Callable[[Plan, str, str], None]] = {
    "--map": read_map,
    "--stop-on": read_stop_on,
    "--stop-signal": sets("stop_signal", signal_number),
    "--lame-duck": read_lame_duck,
    "--quiet-time": sets("quiet_time", seconds),
    "--watch-ports": sets("watch_ports", ports),
    "--drain-ports": sets("drain_ports", ports),
    "--drain-within": sets("drain_within", seconds),
    "--second-after": sets("second_after", seconds),
    "--second-signal": sets("second_signal", signal_number),
    "--grace": sets("grace", seconds),
    "--left-within": sets("left_within", seconds),
    "--on-stop": sets("on_stop", words_as_they_are),
    "--on-exit": sets("on_exit", words_as_they_are),
    "--hook-within": sets("hook_within", seconds),
    "--remap-exit": read_remap,
    "--parent-death": sets("parent_death", signal_number),
    "--termination-log": sets("termination_log", words_as_they_are),
}
VALUED_SHORT = {"-r": "--map", "-e": "--remap-exit", "-p": "--parent-death"}
THEIRS = {"--single-child": "--child", "--rewrite": "--map"}
"""dumb-init's long names."""
SHORT = {
    **VALUED_SHORT,
    "-c": "--child",
    "-g": "--group",
    "-q": "--quiet",
    "-v": "--verbose",
    "-w": "--verbose",
    "-s": "-s",
}
