"""Reading a mapping's fields by the type that Kubernetes gives them, and saying kindly what is of another type.

What is written wrongly but meant unmistakably ("30s" for whole seconds, 8080 for text) is reported and read as meant:
the value used is always the one that the message tells to write. What cannot be told is reported and left out.
Null is the same as not written, as in the API.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import field

from lameduck.pod.durations import parse_duration
from lameduck.pod.place import FieldPath, InputError, Place, Problem
from lameduck.pod.records import dataclass
from lameduck.pod.texts.documents import TEMPLATE_ADVICE, SourceDocument
from lameduck.pod.texts.nodes import Alias, Mapping, Scalar, Sequence, Written, follow
from lameduck.pod.texts.scalars import NULLS

__all__ = ["INT32", "INT64", "Complaints", "Fields"]

INT32 = 2**31 - 1
INT64 = 2**63 - 1
_PERCENT = re.compile(r"[0-9]{1,18}%", re.ASCII)
_DIGITS = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)


@dataclass(slots=True, eq=False)
class Complaints:
    """Collects the problems of one document; the only thing here that changes while reading."""

    document: SourceDocument
    problems: list[Problem] = field(default_factory=list)

    def say(self, at: FieldPath, message: str) -> None:
        self.say_there(self.document.place(at), message)

    def say_there(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """A mapping of a document, with its path, read field by field."""

    mapping: Mapping
    at: FieldPath
    complaints: Complaints

    def keys(self) -> tuple[str, ...]:
        """The keys that hold something."""
        return tuple(key for key in self.mapping.entries if self.has(key))

    def has(self, key: str) -> bool:
        """Whether the key is written and holds something other than null."""
        return self._node(key) is not None

    def path(self, key: str) -> FieldPath:
        return (*self.at, key)

    def say(self, key: str, message: str) -> None:
        """Reports a problem at the value of that key."""
        self.complaints.say(self.path(key), message)

    def fields(self, key: str) -> "Fields | None":
        """The mapping below that key."""
        node = self._node(key)
        if isinstance(node, Mapping):
            return Fields(node, self.path(key), self.complaints)
        if node is not None:
            self._wrong(key, self.path(key), node, "a mapping", "write its fields below it, indented")
        return None

    def list_of_fields(self, key: str) -> "Iterator[Fields]":
        """The mappings in the list below that key."""
        for at, item in self._items(key):
            if isinstance(item, Mapping):
                yield Fields(item, at, self.complaints)
            else:
                self._wrong(f"{key}[{at[-1]}]", at, item, "a mapping", "write its fields, such as name, here")

    def text(self, key: str) -> str | None:
        node = self._node(key)
        return None if node is None else self._as_text(key, self.path(key), node)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """The list of texts below that key."""
        if not self.has(key):
            return None
        if isinstance(node := self._node(key), Scalar):
            words = _words(node.text)
            self._wrong(key, self.path(key), node, "a list", f"write {json.dumps(words, ensure_ascii=False)}")
            return tuple(words)
        texts = (self._as_text(f"{key}[{at[-1]}]", at, item) for at, item in self._items(key))
        return tuple("" if text is None else text for text in texts)

    def text_pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """The mapping of texts below that key (labels, selectors)."""
        below = self.fields(key)
        if below is None:
            return ()
        pairs = ((name, below.text(name)) for name in below.mapping.entries)
        return tuple((name, "" if text is None else text) for name, text in pairs)

    def flag(self, key: str, default: bool = False) -> bool:
        node = self._node(key)
        if node is None:
            return default
        if isinstance(node, Scalar):
            if isinstance(node.value, bool):
                return node.value
            meant = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
            if (flag := meant.get(node.text.lower())) is not None:
                self._wrong(key, self.path(key), node, "true or false", f"write {str(flag).lower()}")
                return flag
        self._wrong(key, self.path(key), node, "true or false", f"write {str(default).lower()}")
        return default

    def whole(
        self, key: str, *, wants: str = "a whole number", least: int = 0, most: int = INT32, example: int = 1
    ) -> int | None:
        """The whole number below that key; `wants` says what it is, with its unit."""
        node = self._node(key)
        if node is None:
            return None
        number = _whole(node)
        if number is None:
            meant = _meant_whole(node) if isinstance(node, Scalar) else None
            advice = f"write {meant}" if meant is not None else f"write a number, such as {example}"
            self._wrong(key, self.path(key), node, wants, advice)
            number = meant
        if number is not None and not least <= number <= most:
            limit = f"at least {least:,}" if number < least else f"at most {most:,}"
            self.say(key, f"{key} is {number}. Kubernetes wants {wants}, {limit}: write one, such as {example}.")
            return None
        return number

    def port_number(self, key: str, *, wants: str = "a port number") -> int | None:
        return self.whole(key, wants=wants, least=1, most=65535, example=8080)

    def port(self, key: str) -> int | str | None:
        """A port's number, or its name."""
        node = self._node(key)
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or _DIGITS.fullmatch(node.text):
            return self.port_number(key)
        if "{{" in node.text or not node.text:
            self._wrong(key, self.path(key), node, "a port's number or name", "write one, such as 8080")
            return None
        return node.text

    def number_or_percent(self, key: str, default: int | str) -> int | str:
        """A whole number, or a percentage as text (maxSurge and its kind, T114)."""
        node = self._node(key)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if _PERCENT.fullmatch(node.text):
                return node.text
            if not _DIGITS.fullmatch(node.text):
                self._wrong(key, self.path(key), node, "a whole number or a percentage", f"write {default}")
                return default
        number = self.whole(key, wants="a whole number or a percentage")
        return default if number is None else number

    def _node(self, key: str) -> Written | None:
        entry = self.mapping.entries.get(key)
        if entry is None:
            return None
        # Asked a hundred times for each workload, so it does what `follow` and `is_null` do.
        node = entry.value
        written = node.target if isinstance(node, Alias) else node
        return None if type(written) is Scalar and written.plain and written.text in NULLS else written

    def _items(self, key: str) -> Iterator[tuple[FieldPath, Written]]:
        node = self._node(key)
        if isinstance(node, Sequence):
            for number, item in enumerate(node.items):
                yield (*self.at, key, number), follow(item)
        elif node is not None:
            self._wrong(key, self.path(key), node, "a list", 'write its items below it, each after "- "')

    def _as_text(self, name: str, at: FieldPath, node: Written) -> str | None:
        if not isinstance(node, Scalar):
            self._wrong(name, at, node, "text", "write text here")
            return None
        if not isinstance(node.value, str):
            self._wrong(name, at, node, "text", f"write {json.dumps(node.text, ensure_ascii=False)}")
        return node.text

    def _wrong(self, name: str, at: FieldPath, node: Written, wants: str, advice: str) -> None:
        shown, kind = _shown(node)
        source = self.complaints.document.source
        if shown.startswith('"{{') or source.text.startswith("{{", node.start):
            # The document has said so already, where the parser stumbled over the braces.
            if isinstance(node, Scalar):
                self.complaints.say(at, f"{name} is {shown}, a template that is not rendered. {TEMPLATE_ADVICE}")
            return
        is_kind = f" is {kind}" if shown == "" else f" is {shown}, which is {kind}"
        self.complaints.say(at, f"{name}{is_kind}. Kubernetes wants {wants}: {advice}.")


def _whole(node: Written) -> int | None:
    if not isinstance(node, Scalar):
        return None
    value = node.value
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)  # 080 and 1e3 reach the API as 80 and 1000
    return value if isinstance(value, int) else None


def _meant_whole(node: Scalar) -> int | None:
    """The number that a text ("30", "30s", "1m") means, if it is a whole one."""
    if isinstance(node.value, bool | float):
        return None
    if _DIGITS.fullmatch(node.text):
        return int(node.text)
    try:
        seconds = parse_duration(node.text[:40], option="")
    except InputError:
        return None
    return int(seconds) if seconds.is_integer() else None


def _words(text: str) -> list[str]:
    """What a command written as one text is meant to be; nobody but a shell understands its signs."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    needs_shell = not words or any(sign in text for sign in "|&;<>$`\n")
    return ["sh", "-c", text] if needs_shell else words


def _shown(node: Written) -> tuple[str, str]:
    """The user's value as it stands, and the kind of thing it is."""
    if isinstance(node, Mapping):
        return "", "a mapping"
    if isinstance(node, Sequence):
        return "", "a list"
    text = node.text if len(node.text) <= 60 else f"{node.text[:57]}..."
    match node.value:
        case str():
            return json.dumps(text, ensure_ascii=False), "text"
        case bool() as flag:
            same = text.lower() == str(flag).lower()
            return text, "a boolean" if same else f"{str(flag).lower()} to YAML unless it stands between quotes"
        case None:
            return "", "empty"
        case float() as number if not number.is_integer():
            return text, "not a whole number"
        case _:
            return text, "a number"
