"""What is known at a point of a script that is followed: the steps so far, variables, traps, background jobs."""

from collections.abc import Mapping
from dataclasses import field, replace

from lameduck.pod.records import dataclass
from lameduck.pod.shells.commands import Command, Node
from lameduck.pod.shells.words import ARGUMENTS, Value, Variables

__all__ = ["LAST_JOB", "Job", "Path", "State", "Step", "Where", "after_loop", "no_tail", "united"]

LAST_JOB = "!"
"""The variable that holds the PID of the last background job."""


@dataclass(frozen=True, slots=True)
class Where:
    """What stands around a command."""

    job: str | None = None
    """It runs in the background, as this job."""
    pipeline: bool = False
    subshell: bool = False
    loop: bool = False
    endless: bool = False
    condition: bool = False
    guarded: bool = False
    """Its failure does not end a script with `set -e`."""
    bash_tail: bool = False
    """bash would exec it by itself, if nothing else speaks against it (T56)."""
    busybox_tail: bool = False
    calls: int = 0
    sourced: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A background job. `plain`: one simple command, so that its PID is the command's own."""

    name: str
    plain: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One command on a path. `words` is what it comes to; `start` and `end` its place in the script's text."""

    words: tuple[Value, ...]
    where: Where
    command: Command
    execs: bool
    traps: tuple[tuple[str, str | None], ...]
    """Signal and the handler's text ("" ignores; None: not known) when it runs, as far as traps are set. A name keeps
    its SIG: dash does not know it then."""
    errexit: bool = False
    located: bool = True
    """False: it stands in another text than the script's (a sourced file, eval)."""

    @property
    def program(self) -> str:
        """The program's name without its folder."""
        return self.words[0].text.rpartition("/")[2] if self.words else ""


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a script: what runs, and the state at its end."""

    steps: tuple[Step, ...]
    jobs: tuple[Job, ...]
    variables: Variables
    functions: Mapping[str, Node]
    doubt: str | None
    ends: str | None
    """What ended it before the script's end: exec, exit, failed (exit with a status other than 0), endless."""


@dataclass(slots=True)
class State:
    variables: dict[str, Value]
    positional: tuple[Value, ...]
    functions: dict[str, Node]
    traps: dict[str, str | None] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    jobs: tuple[Job, ...] = ()
    errexit: bool = False
    over: str | None = None
    doubt: str | None = None

    def copy(self) -> "State":
        return replace(self, variables=dict(self.variables), functions=dict(self.functions), traps=dict(self.traps))


def no_tail(where: Where) -> Where:
    return replace(where, bash_tail=False, busybox_tail=False)


def united(states: list[State], *, by_variables: bool) -> list[State]:
    """The states without those that are the same in all that counts."""
    if len(states) < 2:
        return states  # most scripts have one way, and comparing all its steps after each takes their square
    kept: dict[object, State] = {}
    for state in states:
        traps = tuple(sorted(state.traps.items(), key=lambda pair: pair[0]))
        key = (state.steps, traps, state.jobs, state.errexit, state.over, state.doubt, tuple(state.functions))
        whole = key if by_variables else (*key, state.positional, frozenset(state.variables.items()))
        other = kept.setdefault(whole, state)
        if other is not state:
            if other.positional != state.positional:
                other.positional = (ARGUMENTS,)
            for name in {*other.variables, *state.variables}:
                if other.variables.get(name) != state.variables.get(name):
                    other.variables[name] = Value(f"${name}", known=False)
    return list(kept.values())


def after_loop(after: State, before: State) -> State:
    """A loop may run any number of times: what it changed is not known after it."""
    if after.over in ("break", "continue"):
        after.over = None
    if after.positional != before.positional:
        after.positional = (ARGUMENTS,)
    for name, value in after.variables.items():
        if before.variables.get(name) != value and name != LAST_JOB:
            after.variables[name] = Value(f"${name}", known=False)
    return after
