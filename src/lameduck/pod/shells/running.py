"""What one command of a followed script does to what is known: assigns, sets traps, sources, calls, starts programs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from lameduck.pod.shells.builtins import MAX_ARGUMENTS, run_set, run_shift, run_trap
from lameduck.pod.shells.commands import Command, Node, Sequence
from lameduck.pod.shells.grammar import read_script
from lameduck.pod.shells.short_commands import ends_by_itself, starts_daemon
from lameduck.pod.shells.state import State, Step, Where, no_tail
from lameduck.pod.shells.words import ARGUMENTS, Value, Variables, expand

__all__ = ["Commands", "Following"]

_MAX_CALLS = 6

# Files that set variables and paths: sourcing one of them changes nothing about signals.
_HARMLESS = (
    "activate",
    ".env",
    "profile",
    ".bashrc",
    ".profile",
    "nvm.sh",
    "setup.bash",
    "environment",
    "env.sh",
    "envvars",
)


class Following(Protocol):
    """Follows what a command contains: a function's body, a sourced file."""

    def node(self, node: Node, state: State, where: Where) -> list[State]: ...

    def sequence(self, sequence: Sequence, state: State, where: Where) -> list[State]: ...


class Commands:
    """Runs simple commands, without running anything."""

    def __init__(
        self, following: Following, sourced: Callable[[str], str | None], name: str, *, every_step: bool
    ) -> None:
        self._following = following
        self._sourced = sourced
        self._name = name
        self._every_step = every_step

    def variables(self, state: State) -> Variables:
        """What words are expanded with."""
        return Variables(state.variables, state.positional, self._name)

    def run(self, node: Command, state: State, where: Where) -> list[State]:
        """The states after the command; several where it calls something that branches."""
        if node.redirected and node.here_document:
            where = replace(where, busybox_tail=False)
        if node.negated:
            where = replace(no_tail(where), guarded=True)
        variables = self.variables(state)
        if not node.words:
            self._assign(node, state)
            return [state]
        values = tuple(value for word in node.words for value in expand(word, variables))
        if len(values) > MAX_ARGUMENTS:
            values = (*values[:MAX_ARGUMENTS], ARGUMENTS)
        if not values:
            return [state]
        return self._run(node, values, state, where)

    def _assign(self, node: Command, state: State) -> None:
        for name, word in node.assignments:
            value = expand(word, self.variables(state)) if word is not None else ()
            if word is not None and not word.parts:
                state.variables[name] = Value("")
            elif len(value) == 1 and value[0].known:
                state.variables[name] = value[0]
            else:
                state.variables[name] = Value(f"${name}", known=False)

    def _run(self, node: Command, values: tuple[Value, ...], state: State, where: Where) -> list[State]:
        program = values[0].text if values[0].known else None
        rest = values[1:]
        match program:
            case "command" | "builtin" if rest and not rest[0].text.startswith("-"):
                return self._run(node, rest, state, where)
            case "time" if rest and not rest[0].text.startswith("-"):
                return self._run(node, rest, state, no_tail(where))
            case "exec":
                return self._exec(node, rest, state, where)
            case "exit":
                failed = bool(rest) and rest[0].known and rest[0].text.isdecimal() and int(rest[0].text[:4]) != 0
                state.over = "failed" if failed else "exit"
            case "return":
                state.over = "return" if where.calls or where.sourced else "exit"
            case "break" | "continue":
                state.over = program if where.loop else None
            case "set":
                run_set(rest, state)
            case "shift":
                run_shift(rest, state)
            case "export" | "readonly" | "local" | "declare" | "typeset":
                self._assign(node, state)
            case "unset" | "read":
                for value in rest:
                    state.variables[value.text] = Value(f"${value.text}", known=False)
            case "trap":
                run_trap(rest, state)
            case "." | "source":
                return self._source(rest, state, where)
            case "eval":
                return self._eval(node, rest, state, where)
            case _ if program is not None and program in state.functions:
                return self._call(state.functions[program], rest, state, where)
            case _:
                self._step(node, values, state, where, execs=False)
        return [state]

    def _step(self, node: Command, words: tuple[Value, ...], state: State, where: Where, *, execs: bool) -> None:
        matters = _matters(words, where, execs=execs) and not (node.redirected and words[0].text == "cat")
        if not matters and not self._every_step:
            return
        traps = tuple(sorted(state.traps.items()))
        located = not where.sourced
        state.steps = (*state.steps, Step(words, where, node, execs, traps, state.errexit, located))

    def _exec(self, node: Command, rest: tuple[Value, ...], state: State, where: Where) -> list[State]:
        while rest and rest[0].known and rest[0].text in ("-c", "-l", "-cl", "--", "-a"):
            rest = rest[2:] if rest[0].text == "-a" else rest[1:]
        if not rest:
            return [state]  # exec >log: only redirects
        self._step(node, rest, state, where, execs=True)
        state.over = "exec"
        return [state]

    def _call(self, body: Node, arguments: tuple[Value, ...], state: State, where: Where) -> list[State]:
        if where.calls >= _MAX_CALLS:
            state.doubt = state.doubt or "functions call each other too deep to follow"
            return [state]
        before = state.positional
        state.positional = arguments
        states = self._following.node(body, state, replace(no_tail(where), calls=where.calls + 1))
        for one in states:
            one.positional = before
            if one.over == "return":
                one.over = None
        return states

    def _source(self, rest: tuple[Value, ...], state: State, where: Where) -> list[State]:
        path = rest[0].text if rest and rest[0].known else None
        text = self._sourced(path) if path is not None and where.calls < _MAX_CALLS else None
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
        inner = replace(no_tail(where), calls=where.calls + 1, sourced=True)
        states = self._following.sequence(script.body, state, inner)
        for one in states:
            if len(rest) > 1:
                one.positional = before
            if one.over == "return":
                one.over = None
        return states

    def _eval(self, node: Command, rest: tuple[Value, ...], state: State, where: Where) -> list[State]:
        if all(value.known for value in rest) and where.calls < _MAX_CALLS:
            script = read_script(" ".join(value.text for value in rest))
            inner = replace(no_tail(where), calls=where.calls + 1, sourced=True)
            return self._following.sequence(script.body, state, inner)
        state.doubt = state.doubt or f"eval runs what only running the script tells: {node.words[-1].raw[:60]}"
        return [state]


def _matters(words: tuple[Value, ...], where: Where, *, execs: bool) -> bool:
    """Whether a signal has to do with it: what ends by itself does not, but for waiting, sleeping and killing.

    What is left out need not be told apart, so that a long script has few paths.
    """
    program = words[0].text.rpartition("/")[2]
    if execs or program in ("wait", "sleep", "kill", "pkill", "killall", "service", "cron", "crond", "cat"):
        return not where.condition or execs
    return not where.condition and (where.endless or not ends_by_itself(words) or starts_daemon(words))
