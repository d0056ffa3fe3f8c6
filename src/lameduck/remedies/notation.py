"""Values to text, in the manner of the document around them: block lines and flow pieces of YAML, and JSON."""

import json
import re
from dataclasses import replace

from lameduck.pod.records import dataclass
from lameduck.pod.texts.scalars import resolve
from lameduck.remedies.remedy import Json

__all__ = ["Flow", "Manner", "block_entry", "block_item", "flow_text", "scalar_text"]

# Narrow on purpose: what every YAML reader, of 1.1 and 1.2, takes for text, in block and flow.
_PLAIN = re.compile(
    r"(?:--?(?=[A-Za-z]))?[A-Za-z_/.$][A-Za-z0-9_/.@+=%-]*(?:[: ](?:[A-Za-z0-9_/.@+=%-])+)*|[0-9]+[A-Za-z%]+", re.ASCII
)
_WORDS_OF_OTHERS = frozenset(("=", "<<", ".", "...", "---"))
_LITERAL = re.compile(r"(?!\s)[\t\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]+")
_LIST_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Flow:
    """How pieces in brackets are written."""

    colon: str = ": "
    comma: str = ", "
    padding: str = ""
    """Between a brace and what it holds."""
    quoted_keys: bool = False
    """And so quoted text: JSON's manner."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a document is written."""

    step: int = 2
    """By how much a mapping in a mapping is indented."""
    dash: int = 2
    """By how much the dash is indented beyond the key above it."""
    width: int = 2
    """Of a dash with the space behind it."""
    quote: str = '"'
    flow_lists: bool = True
    """Lists of words and numbers stand in brackets."""
    quoted_items: bool = False
    """... each text in them between quotes."""
    literal: bool = True
    """Text of several lines may stand below |."""
    flow: Flow = Flow()


def scalar_text(value: Json, quote: str | None = None, *, default: str = '"') -> str:
    """A scalar (or empty collection) in one line. `quote`: text is to have these quotes; None: only where it needs."""
    if not isinstance(value, str):
        return json.dumps(value)
    if quote is None:
        if _is_plain(value):
            return value
        quote = default
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return _double_quoted(value)


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and isinstance(resolve(text), str) and text not in _WORDS_OF_OTHERS


def _double_quoted(text: str) -> str:
    # What YAML does not print, JSON's escapes say; beyond the first plane they are pairs, which YAML does not know.
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(
        char if char.isprintable() else f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
        for char in quoted
    )


def _is_literal(text: str) -> bool:
    """Whether it can stand below | as it is."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and not text.endswith("\n\n")
        and _LITERAL.match(lines[0]) is not None
        and all(not line or _LITERAL.fullmatch(line.lstrip(" ")) is not None for line in lines)
        and not any(line and not line.strip() for line in lines)
        and not any(char in text for char in "\x85\u2028\u2029\ufeff")
    )


def block_entry(key: str, value: Json, indent: int, manner: Manner) -> list[str]:
    """The lines of a key and its value in block style."""
    head = f"{' ' * indent}{scalar_text(key, default=manner.quote)}:"
    match value:
        case dict() if value:
            lines = [head]
            for name, below in value.items():
                lines += block_entry(name, below, indent + manner.step, manner)
            return lines
        case list() if value and not _fits_in_brackets(value, indent, manner):
            lines = [head]
            for item in value:
                lines += block_item(item, indent + manner.dash, manner)
            return lines
        case list() if value:
            return [f"{head} {_bracketed(value, manner)}"]
        case str() if manner.literal and _is_literal(value):
            return [f"{head} {line}" if not n else line for n, line in enumerate(literal(value, indent + manner.step))]
        case _:
            return [f"{head} {scalar_text(value, default=manner.quote)}"]


def block_item(value: Json, indent: int, manner: Manner, width: int | None = None) -> list[str]:
    """The lines of a list's item in block style. `width`: of the dash and the space behind it, if not the usual."""
    width = manner.width if width is None else width
    head = " " * indent + "-".ljust(width)
    match value:
        case dict() if value:
            lines = []
            for name, below in value.items():
                lines += block_entry(name, below, indent + width, manner)
        case list() if value and not _fits_in_brackets(value, indent, manner):
            lines = []
            for item in value:
                lines += block_item(item, indent + width, manner)
        case list() if value:
            lines = [head + _bracketed(value, manner)]
        case str() if manner.literal and _is_literal(value):
            first, *rest = literal(value, indent + width)
            lines = [head + first, *rest]
        case _:
            lines = [head + scalar_text(value, default=manner.quote)]
    return [head + lines[0][len(head) :], *lines[1:]]


def literal(text: str, indent: int) -> list[str]:
    """The lines of a text below |, the header first."""
    lines = text.removesuffix("\n").split("\n")
    return ["|" if text.endswith("\n") else "|-", *(" " * indent + line if line else "" for line in lines)]


def _fits_in_brackets(value: list[Json], indent: int, manner: Manner) -> bool:
    if any(isinstance(item, dict | list) and item for item in value) or not manner.flow_lists:
        return False
    return indent + len(_bracketed(value, manner)) <= _LIST_WIDTH and not any("\n" in str(item) for item in value)


def _bracketed(value: list[Json], manner: Manner) -> str:
    flow = replace(manner.flow, colon=": ", comma=", ", padding="", quoted_keys=manner.quoted_items)
    return flow_text(value, flow, manner.quote)


def flow_text(value: Json, flow: Flow, quote: str = '"', lines: tuple[str, str, str] | None = None) -> str:
    """A value in brackets.

    `lines`: the line end, the indentation of the line it begins in, and one step of it, to write every value in a line
    of its own, as JSON is; None: all in one line.
    """
    match value:
        case dict() if value:
            deeper = None if lines is None else (lines[0], lines[1] + lines[2], lines[2])
            parts = [
                scalar_text(key, quote if flow.quoted_keys else None, default=quote)
                + flow.colon
                + flow_text(below, flow, quote, deeper)
                for key, below in value.items()
            ]
            return _joined("{", parts, "}", flow, lines)
        case list() if value:
            deeper = None if lines is None else (lines[0], lines[1] + lines[2], lines[2])
            parts = [flow_text(item, flow, quote, deeper) for item in value]
            return _joined("[", parts, "]", replace(flow, padding=""), lines)
        case str():
            return scalar_text(value, quote if flow.quoted_keys or ":" in value else None, default=quote)
        case _:
            return scalar_text(value)


def _joined(opener: str, parts: list[str], closer: str, flow: Flow, lines: tuple[str, str, str] | None) -> str:
    if lines is None:
        return opener + flow.padding + flow.comma.join(parts) + flow.padding + closer
    line_end, indent, step = lines
    inside = ("," + line_end + indent + step).join(parts)
    return f"{opener}{line_end}{indent}{step}{inside}{line_end}{indent}{closer}"
