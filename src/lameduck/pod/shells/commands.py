"""What a shell script consists of, as far as it matters to a signal: commands, what joins them, what branches.

A tree of its own, so that only `shell_grammar` knows the parser's. Positions are characters of the script's text.
"""

from typing import TypeAlias

from lameduck.pod.records import dataclass

__all__ = [
    "AndOr",
    "Case",
    "Command",
    "Function",
    "Group",
    "If",
    "Loop",
    "Node",
    "Opaque",
    "Part",
    "Pipeline",
    "Script",
    "Sequence",
    "Test",
    "Text",
    "Unreadable",
    "Variable",
    "Word",
]


@dataclass(frozen=True, slots=True)
class Text:
    """A literal piece of a word, quotes and escapes taken away. `quoted`: it is no pattern."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`, `${name}`, or `${name-operand}` with its operator; `name` may be a digit or one of `@*#?$!`."""

    name: str
    quoted: bool = False
    operator: str = ""
    operand: "Word | None" = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """A piece whose value only running it tells: a command substitution, arithmetic, an array."""

    raw: str
    quoted: bool = False


Part: TypeAlias = Text | Variable | Opaque


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it is written, and what it is made of."""

    raw: str
    parts: tuple[Part, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command: assignments before it, its words, and whether anything is redirected."""

    words: tuple[Word, ...]
    start: int
    end: int
    assignments: tuple[tuple[str, Word | None], ...] = ()
    """Name and value; None where the value is no plain word."""
    redirected: bool = False
    here_document: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Test:
    """`[ ... ]` or `[[ ... ]]`: its words, without the brackets. `words` is empty for one that is not followed here."""

    words: tuple[Word, ...]
    double: bool
    start: int
    end: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by `|`."""

    commands: "tuple[Node, ...]"
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AndOr:
    """`left && right`, `left || right`."""

    left: "Node"
    right: "Node"
    both: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """Commands one after the other; those with True go to the background (`&`)."""

    items: "tuple[tuple[Node, bool], ...]"


@dataclass(frozen=True, slots=True)
class If:
    """Conditions with their bodies in order, and the body of `else`."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None


@dataclass(frozen=True, slots=True)
class Case:
    """A value and the bodies by patterns; `falls`: a body that goes on with the next (`;&`, `;;&`)."""

    value: Word
    items: tuple[tuple[tuple[Word, ...], Sequence], ...]
    falls: bool = False


@dataclass(frozen=True, slots=True)
class Loop:
    """`while`, `until` (with a condition) or `for` (without)."""

    condition: Sequence | None
    body: Sequence


@dataclass(frozen=True, slots=True)
class Group:
    """`{ ...; }` or, as a process of its own, `( ... )`; or anything compound with redirections around it."""

    body: Sequence
    subshell: bool = False
    redirected: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A definition; nothing runs here."""

    name: str
    body: "Node"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something the grammar does not know, or that is nested too deep."""

    raw: str


Node: TypeAlias = Command | Test | Pipeline | AndOr | Sequence | If | Case | Loop | Group | Function | Unreadable


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script. `whole`: every part of it could be read."""

    body: Sequence
    text: str
    whole: bool = True
