"""The ways through a script: which commands run, in which order, and what the shell knows when they do.

Nothing is run. A branch that the files do not decide is followed both ways; loops are followed once. What comes out
are paths, each a row of steps; `shell_signals` judges what a signal meets on one of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lameduck.pod.shell_commands import (
    AndOr,
    Case,
    Command,
    Function,
    Group,
    If,
    Loop,
    Node,
    Pipeline,
    Script,
    Sequence,
    Test,
    Unreadable,
)
from lameduck.pod.shell_grammar import read_script
from lameduck.pod.shell_words import ARGUMENTS, Value, Variables, decide, expand, matches
from lameduck.pod.short_commands import ends_by_itself

__all__ = ["Job", "Path", "Step", "Where", "follow_script"]

_MAX_PATHS = 48
_MAX_STEPS = 400
_MAX_CALLS = 6
_MAX_WORK = 4000
"""Nodes followed in one script, functions and branches counted as often as they are met."""
_LAST_JOB = "!"
_OWN_PID = "<shell>"

# Files that set variables and paths: sourcing one of them changes nothing about signals.
_HARMLESS = ("activate", ".env", "profile", ".bashrc", ".profile", "nvm.sh", "setup.bash", "environment", "env.sh")


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
    """What ended it before the script's end: exec, exit, endless."""


@dataclass(slots=True)
class _State:
    variables: dict[str, Value]
    positional: tuple[Value, ...]
    functions: dict[str, Node]
    traps: dict[str, str | None] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    jobs: tuple[Job, ...] = ()
    errexit: bool = False
    over: str | None = None
    doubt: str | None = None

    def copy(self) -> "_State":
        return replace(self, variables=dict(self.variables), functions=dict(self.functions), traps=dict(self.traps))


def follow_script(
    script: Script,
    *,
    arguments: tuple[Value, ...] = (ARGUMENTS,),
    name: str = "sh",
    environment: Mapping[str, Value] | None = None,
    functions: Mapping[str, Node] | None = None,
    sourced: Callable[[str], str | None] = lambda _: None,
    one_string: bool = False,
    errexit: bool = False,
) -> tuple[Path, ...]:
    """The ways through a script, those first that follow the branches as they stand.

    `one_string`: the script was given with -c; only then a shell execs the last command by itself (T56, and seen with
    script files of dash, bash and busybox). `sourced` gives the text of another file, None where there is none.
    """
    following = _Following(sourced, name)
    state = _State(dict(environment or {}), arguments, dict(functions or {}), errexit=errexit)
    if not script.whole:
        state.doubt = "a part of the script could not be read"
    items = script.body.items
    forks = len(items) > 1 and items[-2][1] and "\n" not in script.text[_last_end(items[-2][0]) or 0 :]
    last = _last_end(script.body)
    rest = script.text[last:] if last is not None else ""
    at_end = last is not None and "\n" not in rest  # busybox reads on after a newline, and so forks (T56)
    forks = forks or ("\n" in rest and "#" in rest)  # bash reads on for a comment on a line of its own
    states = following.sequence(
        script.body, state, Where(bash_tail=one_string and not forks, busybox_tail=one_string and at_end)
    )
    return tuple(
        Path(
            done.steps,
            done.jobs,
            Variables(done.variables, done.positional, name),
            done.functions,
            done.doubt,
            done.over,
        )
        for done in states
    )


def _last_end(node: Node) -> int | None:
    match node:
        case Command() | Test():
            return node.end
        case Sequence(items=(*_, (last, _))):
            return _last_end(last)
        case AndOr(right=right):
            return _last_end(right)
        case Pipeline(commands=(*_, last)):
            return _last_end(last)
        case Group(body=body):
            return _last_end(body)
        case If(branches=branches, otherwise=otherwise):
            return _last_end(otherwise if otherwise is not None else branches[-1][1]) if branches else None
        case Case(items=(*_, (_, body))):
            return _last_end(body)
        case Loop(body=body):
            return _last_end(body)
        case _:
            return None


class _Following:
    """Follows one script; counts what it does, so that a hostile one comes to an end."""

    def __init__(self, sourced: Callable[[str], str | None], name: str) -> None:
        self.sourced = sourced
        self.name = name
        self.work = 0

    def variables(self, state: _State) -> Variables:
        return Variables(state.variables, state.positional, self.name)

    def sequence(self, sequence: Sequence, state: _State, where: Where) -> list[_State]:
        states = [state]
        last = len(sequence.items) - 1
        for number, (node, background) in enumerate(sequence.items):
            here = where if number == last and not background else replace(where, bash_tail=False, busybox_tail=False)
            following: list[_State] = []
            for one in states:
                if one.over is not None:
                    following.append(one)
                elif background:
                    following += self._background(node, one, here)
                else:
                    following += self.node(node, one, here)
            states = self._bounded(following)
        return states

    def _bounded(self, states: list[_State]) -> list[_State]:
        if len(states) <= _MAX_PATHS:
            return states
        kept = states[:_MAX_PATHS]
        for state in kept:
            state.doubt = state.doubt or "the script has too many branches to follow them all"
        return kept

    def node(self, node: Node, state: _State, where: Where) -> list[_State]:
        self.work += 1
        if self.work > _MAX_WORK or len(state.steps) > _MAX_STEPS:
            state.doubt = state.doubt or "the script is too long to follow all of it"
            return [state]
        match node:
            case Command():
                return self._command(node, state, where)
            case Test():
                return [state]
            case Pipeline(commands=commands):
                return self._pipeline(commands, state, where)
            case AndOr():
                return self._and_or(node, state, where)
            case Sequence():
                return self.sequence(node, state, where)
            case If():
                return self._if(node, state, where)
            case Case():
                return self._case(node, state, where)
            case Loop():
                return self._loop(node, state, where)
            case Group():
                return self._group(node, state, where)
            case Function(name=name, body=body):
                state.functions[name] = body
                return [state]
            case Unreadable():
                state.doubt = state.doubt or "a part of the script could not be read"
                return [state]

    # what joins commands

    def _inner(self, nodes: "list[tuple[Node, Where]]", state: _State) -> list[_State]:
        """What processes of their own do: their steps count, their variables, traps and ends do not."""
        states = [state]
        for node, where in nodes:
            following: list[_State] = []
            for one in states:
                for done in self.node(node, one.copy(), where):
                    kept = one.copy()
                    kept.steps, kept.doubt, kept.jobs = done.steps, done.doubt, done.jobs
                    following.append(kept)
            states = self._bounded(following)
        return states

    def _background(self, node: Node, state: _State, where: Where) -> list[_State]:
        job = Job(f"<job-{len(state.jobs) + 1}>", plain=self._is_plain(node, state))
        inner = replace(where, job=job.name, guarded=True)
        states = self._inner([(node, inner)], state)
        for one in states:
            one.jobs = (*one.jobs, job)
            one.variables[_LAST_JOB] = Value(job.name)
        return states

    def _is_plain(self, node: Node, state: _State) -> bool:
        match node:
            case Command(words=(first, *_)):
                return first.raw not in state.functions
            case Group(subshell=True, body=Sequence(items=((Command() as alone, False),))):
                return self._is_plain(alone, state)  # `( server ) &` is the server itself, in all three shells
            case _:
                return False

    def _pipeline(self, commands: tuple[Node, ...], state: _State, where: Where) -> list[_State]:
        if len(commands) == 1:
            return self.node(commands[0], state, _no_tail(replace(where, guarded=True)))
        inner = _no_tail(replace(where, pipeline=True))
        return self._inner([(command, inner) for command in commands], state)

    def _group(self, node: Group, state: _State, where: Where) -> list[_State]:
        inner = replace(where, bash_tail=False, busybox_tail=where.busybox_tail and not node.redirected)
        if not node.subshell:
            return self.sequence(node.body, state, inner)
        return self._inner([(node.body, replace(inner, subshell=True))], state)

    def _and_or(self, node: AndOr, state: _State, where: Where) -> list[_State]:
        states: list[_State] = []
        for one, truth in self._decided(node.left, state, replace(_no_tail(where), guarded=True)):
            if one.over is not None or (truth is not None and truth is not node.both):
                states.append(one)
            elif truth is None and not node.both:
                states.append(one)  # `server || true`: the right side is for a failure
            else:
                states += self.node(node.right, one, where)
        return self._bounded(states)

    # what branches

    def _decided(self, node: Node, state: _State, where: Where) -> list[tuple[_State, bool | None]]:
        """Runs a condition; with what it comes to. Both, if the files do not tell; None for a command that may be
        the service, which is taken to succeed."""
        match node:
            case Test():
                known = decide(node, self.variables(state))
                return _either(state, known)
            case AndOr(left=left, right=right, both=both):
                found: list[tuple[_State, bool | None]] = []
                for one, truth in self._decided(left, state, where):
                    if one.over is None and (truth is both or (truth is None and both)):
                        found += self._decided(right, one, where)
                    else:
                        found.append((one, truth))
                return found[: _MAX_PATHS * 2]
            case Command(words=words) if words:
                return self._decided_command(node, state, where)
            case Sequence(items=((alone, False),)):
                return self._decided(alone, state, where)
            case _:
                return [pair for one in self.node(node, state, where) for pair in _either(one, None)]

    def _decided_command(self, node: Command, state: _State, where: Where) -> list[tuple[_State, bool | None]]:
        values = tuple(value for word in node.words for value in expand(word, self.variables(state)))
        program = values[0].text if values and values[0].known else ""
        if program in ("true", ":", "false"):
            return [(state, (program != "false") is not node.negated)]
        if program in ("exit", "return", "break", "continue", "exec", "set", "trap", "wait", "shift", "cd", "export"):
            return [(one, not node.negated) for one in self.node(node, state, where)]
        asks = where.condition or ends_by_itself(values) or node.negated
        states = self.node(node, state, where)
        return [pair for one in states for pair in (_either(one, None) if asks else [(one, None)])]

    def _if(self, node: If, state: _State, where: Where) -> list[_State]:
        inner = replace(where, bash_tail=False)
        asking = replace(_no_tail(where), condition=True, guarded=True)
        done: list[_State] = []
        open_states = [state]
        for condition, body in node.branches:
            still: list[_State] = []
            for one in open_states:
                for after, truth in self._decided(condition, one, asking):
                    if after.over is not None:
                        done.append(after)
                    elif truth:
                        done += self.sequence(body, after, inner)
                    else:
                        still.append(after)
            open_states = self._bounded(still)
        for one in open_states:
            done += self.sequence(node.otherwise, one, inner) if node.otherwise is not None else [one]
        return self._bounded(done)

    def _case(self, node: Case, state: _State, where: Where) -> list[_State]:
        inner = replace(where, bash_tail=False)
        variables = self.variables(state)
        values = expand(node.value, variables)
        known = values[0].text if len(values) == 1 and values[0].known else None if values else ""
        done: list[_State] = []
        for patterns, body in node.items:
            found = [matches(known, pattern, variables) for pattern in patterns]
            if node.falls:
                found = [None]
            if True in found:
                return self._bounded(done + self.sequence(body, state, inner))
            if None in found:
                done += self.sequence(body, state.copy(), inner)
        return self._bounded([*done, state])

    def _loop(self, node: Loop, state: _State, where: Where) -> list[_State]:
        inner = replace(_no_tail(where), loop=True)
        if node.condition is None:
            for name in _assigned(node.body):
                state.variables.pop(name, None)
            return [_after_loop(one, state) for one in self.sequence(node.body, state.copy(), inner)]
        endless = _is_endless(node.condition)
        asking = replace(inner, condition=True, guarded=True)
        before = [state.copy()] if endless else self.sequence(node.condition, state.copy(), asking)
        done: list[_State] = []
        for one in before:
            for after in self.sequence(node.body, one, replace(inner, endless=endless)):
                if endless and after.over in (None, "continue"):
                    after.over = "endless"
                done.append(_after_loop(after, state))
        return self._bounded(done)

    # commands

    def _command(self, node: Command, state: _State, where: Where) -> list[_State]:
        if node.redirected and node.here_document:
            where = replace(where, busybox_tail=False)
        if node.negated:
            where = replace(_no_tail(where), guarded=True)
        variables = self.variables(state)
        if not node.words:
            self._assign(node, state)
            return [state]
        values = tuple(value for word in node.words for value in expand(word, variables))
        if len(values) > _MAX_STEPS:
            values = (*values[:_MAX_STEPS], ARGUMENTS)
        if not values:
            return [state]
        return self._run(node, values, state, where)

    def _assign(self, node: Command, state: _State) -> None:
        for name, word in node.assignments:
            value = expand(word, self.variables(state)) if word is not None else ()
            if word is not None and not word.parts:
                state.variables[name] = Value("")
            elif len(value) == 1 and value[0].known:
                state.variables[name] = value[0]
            else:
                state.variables[name] = Value(f"${name}", known=False)

    def _run(self, node: Command, values: tuple[Value, ...], state: _State, where: Where) -> list[_State]:
        program = values[0].text if values[0].known else None
        rest = values[1:]
        match program:
            case "command" | "builtin" if rest and not rest[0].text.startswith("-"):
                return self._run(node, rest, state, where)
            case "time" if rest and not rest[0].text.startswith("-"):
                return self._run(node, rest, state, _no_tail(where))
            case "exec":
                return self._exec(node, rest, state, where)
            case "exit":
                state.over = "exit"
            case "return":
                state.over = "return" if where.calls or where.sourced else "exit"
            case "break" | "continue":
                state.over = program if where.loop else None
            case "set":
                _set(rest, state)
            case "shift":
                _shift(rest, state)
            case "export" | "readonly" | "local" | "declare" | "typeset":
                self._assign(node, state)
            case "unset" | "read":
                for value in rest:
                    state.variables[value.text] = Value(f"${value.text}", known=False)
            case "trap":
                _trap(rest, state)
            case "." | "source":
                return self._source(rest, state, where)
            case "eval":
                return self._eval(node, rest, state, where)
            case _ if program is not None and program in state.functions:
                return self._call(state.functions[program], rest, state, where)
            case _:
                self._step(node, values, state, where, execs=False)
        return [state]

    def _step(self, node: Command, words: tuple[Value, ...], state: _State, where: Where, *, execs: bool) -> None:
        traps = tuple(sorted(state.traps.items()))
        located = not where.sourced
        state.steps = (*state.steps, Step(words, where, node, execs, traps, state.errexit, located))

    def _exec(self, node: Command, rest: tuple[Value, ...], state: _State, where: Where) -> list[_State]:
        while rest and rest[0].known and rest[0].text in ("-c", "-l", "-cl", "--", "-a"):
            rest = rest[2:] if rest[0].text == "-a" else rest[1:]
        if not rest:
            return [state]  # exec >log: only redirects
        self._step(node, rest, state, where, execs=True)
        state.over = "exec"
        return [state]

    def _call(self, body: Node, arguments: tuple[Value, ...], state: _State, where: Where) -> list[_State]:
        if where.calls >= _MAX_CALLS:
            state.doubt = state.doubt or "functions call each other too deep to follow"
            return [state]
        before = state.positional
        state.positional = arguments
        states = self.node(body, state, replace(_no_tail(where), calls=where.calls + 1))
        for one in states:
            one.positional = before
            if one.over == "return":
                one.over = None
        return states

    def _source(self, rest: tuple[Value, ...], state: _State, where: Where) -> list[_State]:
        path = rest[0].text if rest and rest[0].known else None
        text = self.sourced(path) if path is not None and where.calls < _MAX_CALLS else None
        if text is None:
            name = rest[0].text if rest else ""
            if not name.endswith(_HARMLESS):
                state.doubt = state.doubt or f"the file {name} that the script sources was not found"
            return [state]
        script = read_script(text)
        if not script.whole:
            state.doubt = state.doubt or f"a part of the file {path} could not be read"
        before = state.positional
        if len(rest) > 1:
            state.positional = rest[1:]
        inner = replace(_no_tail(where), calls=where.calls + 1, sourced=True)
        states = self.sequence(script.body, state, inner)
        for one in states:
            if len(rest) > 1:
                one.positional = before
            if one.over == "return":
                one.over = None
        return states

    def _eval(self, node: Command, rest: tuple[Value, ...], state: _State, where: Where) -> list[_State]:
        if all(value.known for value in rest) and where.calls < _MAX_CALLS:
            script = read_script(" ".join(value.text for value in rest))
            inner = replace(_no_tail(where), calls=where.calls + 1, sourced=True)
            return self.sequence(script.body, state, inner)
        state.doubt = state.doubt or f"eval runs what only running the script tells: {node.words[-1].raw[:60]}"
        return [state]


def _no_tail(where: Where) -> Where:
    return replace(where, bash_tail=False, busybox_tail=False)


def _either(state: _State, known: bool | None) -> list[tuple[_State, bool | None]]:
    return [(state, known)] if known is not None else [(state.copy(), True), (state, False)]


def _after_loop(after: _State, before: _State) -> _State:
    """A loop may run any number of times: what it changed is not known after it."""
    if after.over in ("break", "continue"):
        after.over = None
    if after.positional != before.positional:
        after.positional = (ARGUMENTS,)
    for name, value in after.variables.items():
        if before.variables.get(name) != value and name != _LAST_JOB:
            after.variables[name] = Value(f"${name}", known=False)
    return after


def _assigned(node: Node) -> Iterator[str]:
    """Names that a body assigns at its top."""
    if isinstance(node, Sequence):
        for item, _ in node.items:
            if isinstance(item, Command):
                yield from (name for name, _ in item.assignments)


def _is_endless(condition: Sequence) -> bool:
    match condition.items:
        case ((Command(words=(word,), negated=False), False),):
            return word.raw in ("true", ":", "/bin/true")
        case ((Test(words=(word,)), False),):
            return word.raw.isalnum()
        case _:
            return False


def _set(rest: tuple[Value, ...], state: _State) -> None:
    for number, value in enumerate(rest):
        text = value.text if value.known else ""
        if text == "--":
            _position(rest[number + 1 :], state)
            return
        if text[:1] in ("-", "+") and text != "-":
            if "e" in text[1:] and text[1:2] != "o":
                state.errexit = text[0] == "-"
            continue
        if rest[number - 1].text[-1:] == "o" and number > 0:
            if text == "errexit":
                state.errexit = rest[number - 1].text[0] == "-"
            continue
        _position(rest[number:], state)
        return


def _position(values: tuple[Value, ...], state: _State) -> None:
    state.positional = values if len(values) <= _MAX_STEPS else (ARGUMENTS,)


def _shift(rest: tuple[Value, ...], state: _State) -> None:
    count = rest[0].text if rest else "1"
    if not count.isdecimal() or len(count) > 3 or any(value.many for value in state.positional[: int(count)]):
        state.positional = (ARGUMENTS,)
    else:
        state.positional = state.positional[int(count) :]


_NUMBERS = {
    "0": "EXIT",
    "1": "HUP",
    "2": "INT",
    "3": "QUIT",
    "6": "ABRT",
    "10": "USR1",
    "12": "USR2",
    "15": "TERM",
    "28": "WINCH",
}


def _trap(rest: tuple[Value, ...], state: _State) -> None:
    if rest and rest[0].known and rest[0].text == "--":
        rest = rest[1:]
    if not rest or (rest[0].known and rest[0].text in ("-p", "-l")):
        return
    handler, signals = (rest[0], rest[1:]) if len(rest) > 1 else (Value("-"), rest)
    for signal in signals:
        if not signal.known:
            state.doubt = state.doubt or "a trap is set for a signal that only running the script tells"
            continue
        name = _NUMBERS.get(signal.text, signal.text.upper())
        if handler.known and handler.text == "-":
            state.traps.pop(name, None)
        else:
            state.traps[name] = handler.text if handler.known else _as_written(handler)
    return


def _as_written(handler: Value) -> str | None:
    """A handler between double quotes is expanded when the trap is set; a variable in it may be a PID by then."""
    text = handler.text
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' and "`" not in text else None
