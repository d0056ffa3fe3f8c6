"""What the words of a script come to, as far as the files tell: variables, positional parameters, tests.

A value that only running the script would tell stays unknown, and so does every test on it.
"""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from lameduck.pod.records import dataclass
from lameduck.pod.shells.commands import Opaque, Test, Text, Variable, Word
from lameduck.pod.whole_numbers import written_number

__all__ = ["ARGUMENTS", "Value", "Variables", "decide", "expand", "matches"]


@dataclass(frozen=True, slots=True)
class Value:
    """One word after expansion; if it is not known, `text` is the way it is written."""

    text: str
    known: bool = True
    many: bool = False
    """It may turn out to be any number of words, none included."""


_MAX_LENGTH = 4096
"""Characters; `A=$A$A` forty times over would be a terabyte."""

ARGUMENTS = Value('"$@"', known=False, many=True)
"""Arguments of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Variables:
    """What is known where a word is expanded. A variable that is not here is not known: the image may set it."""

    named: Mapping[str, Value]
    positional: tuple[Value, ...]
    script: str = "sh"
    """`$0`."""

    def value(self, name: str) -> Value | None:
        """The value as one word; None: not known."""
        if name in ("@", "*"):
            if all(value.known for value in self.positional):
                return Value(" ".join(value.text for value in self.positional))
            return None
        if name == "#":
            return None if any(value.many for value in self.positional) else Value(str(len(self.positional)))
        if name in ("0", "BASH_SOURCE"):
            return Value(self.script)
        if name.isdigit():
            number = written_number(name)
            # $00 is $0 with a 0 behind it, and ${00} is $0: the grammar takes them for the same.
            return None if not number else self._positional(number)
        found = self.named.get(name)
        return found if found is not None and found.known else None

    def _positional(self, number: int) -> Value | None:
        before = self.positional[:number]
        if any(value.many for value in before):
            return None
        if number > len(self.positional):
            return Value("")
        return before[-1] if before[-1].known else None


def expand(word: Word, variables: Variables) -> tuple[Value, ...]:
    """The words that one word comes to: none, one or several."""
    alone = [part for part in word.parts if not (isinstance(part, Text) and not part.text)]
    match alone:
        case [Variable(name="@" | "*", operator="")] if not _joins(alone[0]):
            return variables.positional
        case [Variable(name="@" | "*", operator="+" | ":+", operand=Word(raw=raw))] if '"$@"' in raw:
            return variables.positional  # ${1+"$@"}, for shells of old
        case [Variable(quoted=False) as variable]:
            value = _value(variable, variables)
            if value is None:
                return (Value(word.raw, known=False, many=True),)
            return tuple(Value(piece) for piece in value.split())
        case [Opaque(quoted=False)]:
            return (Value(word.raw, known=False, many=True),)
    pieces: list[str] = []
    for part in word.parts:
        match part:
            case Text(text=text):
                pieces.append(text)
            case Variable():
                value = _value(part, variables)
                if value is None or (not part.quoted and value.split() != [value]):
                    return (Value(word.raw, known=False),)
                pieces.append(value)
            case Opaque():
                return (Value(word.raw, known=False),)
    if sum(map(len, pieces)) > _MAX_LENGTH:
        return (Value(word.raw, known=False),)
    return (Value("".join(pieces)),)


def _joins(part: object) -> bool:
    return isinstance(part, Variable) and part.name == "*" and part.quoted


def _value(variable: Variable, variables: Variables) -> str | None:
    """The text of `$name` or `${name-operand}`; None: not known."""
    found = variables.value(variable.name)
    if not variable.operator:
        return found.text if found is not None else None
    if found is None or variable.operand is None:
        return None
    operands = expand(variable.operand, variables)
    if any(not operand.known for operand in operands):
        return None
    operand = " ".join(operand.text for operand in operands)
    match variable.operator:
        case ":-" | ":=":
            return found.text or operand
        case "-" | "=" | ":?" | "?":
            return found.text
        case ":+":
            return operand if found.text else ""
        case "+":
            return operand
        case "#" | "##" | "%" | "%%":
            return _trimmed(found.text, variable.operator, operand)
        case _:
            return None


def _trimmed(text: str, operator: str, pattern: str) -> str:
    """`${text#pattern}` and its kin: the shortest or longest match is cut off the front or the back."""
    lengths: Sequence[int] = range(len(text) + 1)
    if len(operator) == 2:
        lengths = lengths[::-1]
    for length in lengths:
        if operator[0] == "#" and fnmatchcase(text[:length], pattern):
            return text[length:]
        if operator[0] == "%" and fnmatchcase(text[len(text) - length :], pattern):
            return text[: len(text) - length]
    return text


def matches(value: str | None, pattern: Word, variables: Variables) -> bool | None:
    """Whether a value matches a pattern of `case` or `[[ ... == ... ]]`; None: not known."""
    glob: list[str] = []
    for part in pattern.parts:
        match part:
            case Text(text=text, quoted=quoted):
                glob.append(re.sub(r"([*?\[])", r"[\1]", text) if quoted else text)
            case Variable():
                found = _value(part, variables)
                if found is None:
                    return None
                glob.append(found)
            case Opaque():
                return None
    joined = "".join(glob)
    if joined == "*":
        return True
    if re.search(r"[+@!]\(", joined):
        return None  # extended globs
    return None if value is None else fnmatchcase(value, joined)


def decide(test: Test, variables: Variables) -> bool | None:
    """What `[ ... ]` or `[[ ... ]]` comes to; None: not known."""
    if not test.words:
        return None
    decided = _any(list(test.words), test, variables)
    return decided if decided is None or not test.negated else not decided


def _any(words: list[Word], test: Test, variables: Variables) -> bool | None:
    return _joined(words, "||" if test.double else "-o", test, variables, until=True)


def _all(words: list[Word], test: Test, variables: Variables) -> bool | None:
    return _joined(words, "&&" if test.double else "-a", test, variables, until=False)


def _joined(words: list[Word], joint: str, test: Test, variables: Variables, *, until: bool) -> bool | None:
    """Three-valued or (`until` True) and and (False): one part that decides is enough."""
    parts: list[list[Word]] = [[]]
    for word in words:
        if word.raw == joint:
            parts.append([])
        else:
            parts[-1].append(word)
    decided: list[bool | None] = [
        _all(part, test, variables) if until else _one(part, test, variables) for part in parts
    ]
    if until in decided:
        return until
    return None if None in decided else not until


def _one(words: list[Word], test: Test, variables: Variables) -> bool | None:
    if words and words[0].raw == "!":
        inner = _one(words[1:], test, variables)
        return None if inner is None else not inner
    if len(words) == 3 and test.double and words[1].raw in ("=", "==", "!="):
        left = expand(words[0], variables)
        text = left[0].text if len(left) == 1 and left[0].known else None if left else ""
        found = matches(text, words[2], variables)
        return found if found is None or words[1].raw != "!=" else not found
    values: list[str] = []
    for word in words:
        expanded = expand(word, variables)
        if len(expanded) != 1 or not expanded[0].known:
            return None
        values.append(expanded[0].text)
    match values:
        case [text]:
            return bool(text)
        case ["-n", text]:
            return bool(text)
        case ["-z", text]:
            return not text
        case [left_text, "=" | "==", right_text]:
            return left_text == right_text
        case [left_text, "!=", right_text]:
            return left_text != right_text
        case [left_text, ("-eq" | "-ne" | "-gt" | "-ge" | "-lt" | "-le") as operator, right_text]:
            return _compared(left_text, operator, right_text)
        case _:
            return None  # files, and what bash knows more


def _compared(left: str, operator: str, right: str) -> bool | None:
    if not re.fullmatch(r"-?\d{1,18}", left) or not re.fullmatch(r"-?\d{1,18}", right):
        return None
    a, b = int(left), int(right)
    return {"-eq": a == b, "-ne": a != b, "-gt": a > b, "-ge": a >= b, "-lt": a < b, "-le": a <= b}[operator]
