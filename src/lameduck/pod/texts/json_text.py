"""JSON text to nodes.

YAML's parsers read most JSON, but not its surrogate pairs (`\\ud83d\\ude00`), its longer keys, or two objects one after
the other; Kubernetes' reader takes all three.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from lameduck.pod.source import Source
from lameduck.pod.texts.building import Builder
from lameduck.pod.texts.nodes import Mapping, Sequence
from lameduck.pod.texts.scalars import without_lone_surrogates

__all__ = ["NotJson", "looks_like_json", "read_json"]


class NotJson(Exception):
    """The text is not JSON from that index on."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


_SPACE: Final = re.compile(r"[ \t\r\n]*")
_LITERAL: Final = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", re.ASCII)
_DECODER: Final = json.JSONDecoder()


def looks_like_json(text: str) -> bool:
    """Whether the first character opens an object or list, as Kubernetes' reader decides it. It may still be YAML."""
    return text.startswith(("{", "["), _space(text, 0))


def read_json(source: Source, *, values_before: int = 0) -> Iterator[Builder]:
    """The values in the text, one after the other, a builder each.

    Raises NotJson where the text stops being JSON, InputError for what is refused (size, depth).
    """
    text = source.text
    index = _space(text, 0)
    while index < len(text):
        builder = Builder(source, values_before=values_before)
        index = _space(text, _value(text, index, builder))
        values_before = builder.values
        yield builder


def _value(text: str, index: int, builder: Builder) -> int:
    """Reads one whole value, without recursion; the index after it."""
    closers: list[str] = []
    while True:
        # Here a value begins, or an empty collection ends.
        opener = text[index : index + 1]
        if opener in ("{", "["):
            builder.open(Mapping(index) if opener == "{" else Sequence(index))
            closers.append("}" if opener == "{" else "]")
            index = _space(text, index + 1)
            if not text.startswith(closers[-1], index):
                index = _key(text, index, builder) if opener == "{" else index
                continue
        else:
            index = _scalar(text, index, builder)
        # A value is complete: what may follow?
        while closers:
            index = _space(text, index)
            if text.startswith(closers[-1], index):
                index += 1
                builder.close(index)
                closers.pop()
            elif text.startswith(",", index):
                index = _space(text, index + 1)
                index = _key(text, index, builder) if closers[-1] == "}" else index
                break
            else:
                raise NotJson(index, f"a comma or {closers[-1]} is missing")
        else:
            return index


def _key(text: str, index: int, builder: Builder) -> int:
    if not text.startswith('"', index):
        raise NotJson(index, "a key between double quotes is missing")
    index = _space(text, _string(text, index, builder))
    if not text.startswith(":", index):
        raise NotJson(index, "a colon is missing after the key")
    return _space(text, index + 1)


def _scalar(text: str, index: int, builder: Builder) -> int:
    if text.startswith('"', index):
        return _string(text, index, builder)
    literal = _LITERAL.match(text, index)
    if literal is None:
        raise NotJson(index, "a value is missing")
    builder.scalar(literal.group(), index, literal.end(), True)
    return literal.end()


def _string(text: str, index: int, builder: Builder) -> int:
    try:
        value, end = _DECODER.raw_decode(text, index)
    except json.JSONDecodeError as wrong:
        raise NotJson(wrong.pos, "this string does not end, or holds a character that must be escaped") from None
    builder.scalar(value if value.isascii() else without_lone_surrogates(value), index, end, False)
    return int(end)


def _space(text: str, index: int) -> int:
    found = _SPACE.match(text, index)
    return found.end() if found else index
