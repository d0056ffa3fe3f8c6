"""Where `exec` can stand in a script, so that a command takes the shell's place and hears the stop signal itself."""

from collections.abc import Iterator

from lameduck.pod.records import dataclass
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
    Text,
)
from lameduck.pod.shells.grammar import read_script

__all__ = ["ExecPlace", "exec_place"]

# `exec` runs programs; these are the shell's own.
_NO_PROGRAMS = frozenset({".", "builtin", "command", "coproc", "eval", "exec", "source", "time"})
_ONLY_ENDING = frozenset({":", "exit", "return", "true"})
_ONLY_SAYING = frozenset({"echo", "printf"})


@dataclass(frozen=True, slots=True)
class ExecPlace:
    """`offset`: the character of the script before which `exec ` goes. `safe`: nothing that the script does is lost."""

    offset: int
    end: int
    """Where the command ends, its redirections included."""
    safe: bool


def exec_place(text: str, start: int) -> ExecPlace | None:
    """Where `exec` goes to make the command that begins at that character the script's last process.

    None: it would not, or would take away what the script has to do behind it. POSIX lets assignments stand in front:
    `NAME=value exec program` (dash, bash and busybox give the variable to the program).
    Raises InputError if the parser is not installed.
    """
    script = read_script(text)
    functions = {node.name: node for node in _every(script.body) if isinstance(node, Function)}
    found = _found(script.body, start, (), functions, frozenset())
    if found is None:
        return None
    command, behind = found
    first = command.words[0]
    name = "".join(part.text for part in first.parts if isinstance(part, Text))
    if name in _NO_PROGRAMS or name in functions or command.negated:
        return None
    left = [node for node in behind if not isinstance(node, Function) and not _runs(node, _ONLY_ENDING)]
    if any(not _runs(node, _ONLY_SAYING) for node in left):
        return None
    return ExecPlace(first.start, command.end, safe=not left and script.whole and not _keeps_something(script))


def _found(
    node: Node, start: int, behind: tuple[Node, ...], functions: dict[str, Function], called: frozenset[str]
) -> tuple[Command, tuple[Node, ...]] | None:
    """The command and all that runs behind it; None: it is not there, or not in the shell's own process."""
    match node:
        case Command(start=begin, words=words) if words:
            if begin == start:
                return node, behind
            name = "".join(part.text for part in words[0].parts if isinstance(part, Text))
            if name in functions and name not in called:
                return _found(functions[name].body, start, behind, functions, called | {name})
            return None
        case Sequence(items=items):
            for number, (item, in_background) in enumerate(items):
                rest = tuple(one for one, _ in items[number + 1 :]) + behind
                if not in_background and (found := _found(item, start, rest, functions, called)) is not None:
                    return found
            return None
        case AndOr(left=left, right=right):
            found = _found(left, start, (right, *behind), functions, called)
            return found or _found(right, start, behind, functions, called)
        case If(branches=branches, otherwise=otherwise):
            bodies = [body for _, body in branches] + ([otherwise] if otherwise is not None else [])
            return _first(bodies, start, behind, functions, called)
        case Case(items=cases, falls=False):
            return _first([body for _, body in cases], start, behind, functions, called)
        case Group(body=body, subshell=False):
            return _found(body, start, behind, functions, called)
        case _:
            return None


def _first(
    bodies: list[Sequence],
    start: int,
    behind: tuple[Node, ...],
    functions: dict[str, Function],
    called: frozenset[str],
) -> tuple[Command, tuple[Node, ...]] | None:
    found = (_found(body, start, behind, functions, called) for body in bodies)
    return next((one for one in found if one is not None), None)


def _runs(node: Node, programs: frozenset[str]) -> bool:
    return isinstance(node, Command) and bool(node.words) and node.words[0].raw in programs


def _keeps_something(script: Script) -> bool:
    """A trap, which exec would take away; a background job, which would lose the shell that waits for it."""
    return any(
        (isinstance(node, Command) and bool(node.words) and node.words[0].raw == "trap")
        or (isinstance(node, Sequence) and any(in_background for _, in_background in node.items))
        for node in _every(script.body)
    )


def _every(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Sequence(items=items):
            inner: tuple[Node, ...] = tuple(item for item, _ in items)
        case AndOr(left=left, right=right):
            inner = (left, right)
        case Pipeline(commands=commands):
            inner = commands
        case If(branches=branches, otherwise=otherwise):
            bodies = tuple(part for branch in branches for part in branch)
            inner = bodies if otherwise is None else (*bodies, otherwise)
        case Case(items=cases):
            inner = tuple(body for _, body in cases)
        case Loop(condition=condition, body=body):
            inner = (body,) if condition is None else (condition, body)
        case Group(body=body) | Function(body=body):
            inner = (body,)
        case _:
            inner = ()
    for one in inner:
        yield from _every(one)
