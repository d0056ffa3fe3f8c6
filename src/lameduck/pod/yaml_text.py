"""YAML text to nodes, by the parser's events.

Not by the parser's own composing: that recurses in C, builds whatever aliases ask for, and is slower than this.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Protocol

import yaml

from lameduck.pod.building import Builder
from lameduck.pod.nodes import Mapping, Sequence
from lameduck.pod.scalars import without_lone_surrogates
from lameduck.pod.source import Source

__all__ = ["NotYaml", "read_yaml"]


class NotYaml(Exception):
    """The text is not YAML from that index on."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


class _Events(Protocol):
    def get_event(self) -> yaml.Event | None: ...


def _parser(text: str) -> _Events:
    # libyaml reads fifteen times as fast; a PyYAML built without it still reads everything but some tabs.
    return yaml.CSafeLoader(text) if yaml.__with_libyaml__ else yaml.SafeLoader(text)


# Anchor, tag, comments and space before the value itself.
_PROPERTIES: Final = re.compile(r"(?:[&!]\S*)?(?:\s+|#[^\r\n]*|[&!]\S*)*")
_TYPED: Final = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null", "timestamp")}


def read_yaml(source: Source, start: int, end: int, *, values_before: int = 0) -> Iterator[Builder]:
    """The documents in that stretch of the text, one builder each; those that hold nothing come with root None.

    Raises NotYaml where the text stops being YAML, InputError for what is refused (size, depth, undefined aliases).
    """
    text = source.text[start:end]
    builder = Builder(source, values_before=values_before)
    for event in _events(text, start):
        first = event.start_mark.index + start
        last = event.end_mark.index + start
        match event:
            case yaml.ScalarEvent():
                if event.anchor is not None or event.tag is not None:
                    first = min(_after_properties(source.text, first), last)
                plain = event.implicit[0] or event.tag in _TYPED
                value = event.value
                if not (plain or value.isascii()):
                    value = without_lone_surrogates(value)
                builder.scalar(value, first, last, plain=plain, anchor=event.anchor)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if event.anchor is not None or event.tag is not None:
                    first = _after_properties(source.text, first)
                kind = Mapping if isinstance(event, yaml.MappingStartEvent) else Sequence
                builder.open(kind(first), event.anchor)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                builder.close(last)
            case yaml.AliasEvent():
                builder.alias(event.anchor or "", first, last)
            case yaml.DocumentStartEvent():
                builder = Builder(source, values_before=values_before)
            case yaml.DocumentEndEvent():
                values_before = builder.values
                yield builder
            case _:  # the stream's start and end
                pass


def _events(text: str, start: int) -> Iterator[Any]:
    """The parser's events; its marks count characters from the start of `text`."""
    try:
        parser = _parser(text)
        while (event := parser.get_event()) is not None:
            yield event
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        index = min(mark.index, len(text)) if mark is not None else 0
        raise NotYaml(start + index, _words(wrong, text[index : index + 1])) from None
    except yaml.YAMLError as wrong:
        raise NotYaml(start, str(wrong).splitlines()[0]) from None


def _words(wrong: yaml.MarkedYAMLError, character: str) -> str:
    if character == "\t":
        return "a tab stands where YAML wants spaces"
    return ", ".join(part for part in (wrong.context, wrong.problem) if part)


def _after_properties(text: str, index: int) -> int:
    found = _PROPERTIES.match(text, index)
    return found.end() if found else index
