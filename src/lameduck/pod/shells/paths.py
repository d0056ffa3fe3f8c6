"""The ways through a script: which commands run, in which order, and what the shell knows when they do.

Nothing is run. A branch that the files do not decide is followed both ways; loops are followed once. What comes out
are paths, each a row of steps; `shell_signals` judges what a signal meets on one of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from lameduck.pod.shells.commands import (
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
from lameduck.pod.shells.running import Commands
from lameduck.pod.shells.short_commands import ends_by_itself
from lameduck.pod.shells.state import LAST_JOB, Job, Path, State, Where, after_loop, no_tail, united
from lameduck.pod.shells.words import ARGUMENTS, Value, Variables, decide, expand, matches

__all__ = ["follow_script"]

_MAX_PATHS = 48
_MANY_PATHS = 12
"""Beyond, paths that differ in variables alone become one, in which these are not known."""
_MAX_STEPS = 400
_MAX_WORK = 2500
"""Nodes followed in one script, functions and branches counted as often as they are met."""


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
    every_step: bool = False,
) -> tuple[Path, ...]:
    """The ways through a script, those first that follow the branches as they stand.

    `one_string`: the script was given with -c; only then a shell execs the last command by itself (T56, and seen with
    script files of dash, bash and busybox). `sourced` gives the text of another file, None where there is none.
    `every_step`: commands that end by themselves, too, are steps.
    """
    following = _Following(sourced, name, every_step=every_step)
    state = State(dict(environment or {}), arguments, dict(functions or {}), errexit=errexit)
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

    def __init__(self, sourced: Callable[[str], str | None], name: str, *, every_step: bool) -> None:
        self._commands = Commands(self, sourced, name, every_step=every_step)
        self.work = 0

    def variables(self, state: State) -> Variables:
        return self._commands.variables(state)

    def sequence(self, sequence: Sequence, state: State, where: Where) -> list[State]:
        states = [state]
        last = len(sequence.items) - 1
        for number, (node, background) in enumerate(sequence.items):
            here = where if number == last and not background else replace(where, bash_tail=False, busybox_tail=False)
            following: list[State] = []
            for one in states:
                if one.over is not None:
                    following.append(one)
                elif background:
                    following += self._background(node, one, here)
                else:
                    following += self.node(node, one, here)
            states = self._bounded(following)
        return states

    def _bounded(self, states: list[State]) -> list[State]:
        states = united(states, by_variables=len(states) > _MANY_PATHS)
        if len(states) <= _MAX_PATHS:
            return states
        kept = states[:_MAX_PATHS]
        for state in kept:
            state.doubt = state.doubt or "the script has too many branches to follow them all"
        return kept

    def node(self, node: Node, state: State, where: Where) -> list[State]:
        self.work += 1
        if self.work > _MAX_WORK or len(state.steps) > _MAX_STEPS:
            state.doubt = state.doubt or "the script is too long to follow all of it"
            return [state]
        match node:
            case Command():
                return self._commands.run(node, state, where)
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

    def _inner(self, nodes: "list[tuple[Node, Where]]", state: State) -> list[State]:
        """What processes of their own do: their steps count, their variables, traps and ends do not."""
        states = [state]
        for node, where in nodes:
            following: list[State] = []
            for one in states:
                for done in self.node(node, one.copy(), where):
                    kept = one.copy()
                    kept.steps, kept.doubt, kept.jobs = done.steps, done.doubt, done.jobs
                    following.append(kept)
            states = self._bounded(following)
        return states

    def _background(self, node: Node, state: State, where: Where) -> list[State]:
        job = Job(f"@job{len(state.jobs) + 1}>", plain=self._is_plain(node, state))
        inner = replace(where, job=job.name, guarded=True)
        states = self._inner([(node, inner)], state)
        for one in states:
            one.jobs = (*one.jobs, job)
            one.variables[LAST_JOB] = Value(job.name)
        return states

    def _is_plain(self, node: Node, state: State) -> bool:
        match node:
            case Command(words=(first, *_)):
                return first.raw not in state.functions
            case Group(subshell=True, body=Sequence(items=((Command() as alone, False),))):
                return self._is_plain(alone, state)  # `( server ) &` is the server itself, in all three shells
            case _:
                return False

    def _pipeline(self, commands: tuple[Node, ...], state: State, where: Where) -> list[State]:
        if len(commands) == 1:
            return self.node(commands[0], state, no_tail(replace(where, guarded=True)))
        inner = no_tail(replace(where, pipeline=True))
        return self._inner([(command, inner) for command in commands], state)

    def _group(self, node: Group, state: State, where: Where) -> list[State]:
        inner = replace(where, bash_tail=False, busybox_tail=where.busybox_tail and not node.redirected)
        if not node.subshell:
            return self.sequence(node.body, state, inner)
        return self._inner([(node.body, replace(inner, subshell=True))], state)

    def _and_or(self, node: AndOr, state: State, where: Where) -> list[State]:
        states: list[State] = []
        for one, truth in self._decided(node.left, state, replace(no_tail(where), guarded=True)):
            if one.over is not None or (truth is not None and truth is not node.both):
                states.append(one)
            elif truth is None and not node.both:
                states.append(one)  # `server || true`: the right side is for a failure
            else:
                states += self.node(node.right, one, where)
        return self._bounded(states)

    # what branches

    def _decided(self, node: Node, state: State, where: Where) -> list[tuple[State, bool | None]]:
        """Runs a condition; with what it comes to. Both, if the files do not tell; None for a command that may be
        the service, which is taken to succeed."""
        match node:
            case Test():
                known = decide(node, self.variables(state))
                return _either(state, known)
            case AndOr(left=left, right=right, both=both):
                found: list[tuple[State, bool | None]] = []
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

    def _decided_command(self, node: Command, state: State, where: Where) -> list[tuple[State, bool | None]]:
        values = tuple(value for word in node.words for value in expand(word, self.variables(state)))
        program = values[0].text if values and values[0].known else ""
        if program in ("true", ":", "false"):
            return [(state, (program != "false") is not node.negated)]
        if program in ("exit", "return", "break", "continue", "exec", "set", "trap", "wait", "shift", "cd", "export"):
            return [(one, not node.negated) for one in self.node(node, state, where)]
        asks = where.condition or ends_by_itself(values) or node.negated
        states = self.node(node, state, where)
        return [pair for one in states for pair in (_either(one, None) if asks else [(one, None)])]

    def _if(self, node: If, state: State, where: Where) -> list[State]:
        inner = replace(where, bash_tail=False)
        asking = replace(no_tail(where), condition=True, guarded=True)
        done: list[State] = []
        open_states = [state]
        for condition, body in node.branches:
            still: list[State] = []
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

    def _case(self, node: Case, state: State, where: Where) -> list[State]:
        inner = replace(where, bash_tail=False)
        variables = self.variables(state)
        values = expand(node.value, variables)
        known = values[0].text if len(values) == 1 and values[0].known else None if values else ""
        done: list[State] = []
        for patterns, body in node.items:
            found = [matches(known, pattern, variables) for pattern in patterns]
            if node.falls:
                found = [None]
            if True in found:
                return self._bounded(done + self.sequence(body, state, inner))
            if None in found:
                done += self.sequence(body, state.copy(), inner)
        return self._bounded([*done, state])

    def _loop(self, node: Loop, state: State, where: Where) -> list[State]:
        inner = replace(no_tail(where), loop=True)
        if node.condition is None:
            for name in _assigned(node.body):
                state.variables.pop(name, None)
            return [after_loop(one, state) for one in self.sequence(node.body, state.copy(), inner)]
        endless = _is_endless(node.condition)
        asking = replace(inner, condition=True, guarded=True)
        before = [state.copy()] if endless else self.sequence(node.condition, state.copy(), asking)
        done: list[State] = []
        for one in before:
            for after in self.sequence(node.body, one, replace(inner, endless=endless)):
                if endless and after.over in (None, "continue"):
                    after.over = "endless"
                done.append(after_loop(after, state))
        return self._bounded(done)


def _either(state: State, known: bool | None) -> list[tuple[State, bool | None]]:
    return [(state, known)] if known is not None else [(state.copy(), True), (state, False)]


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
