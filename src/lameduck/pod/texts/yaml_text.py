"""YAML text to nodes, by the parser's events.

Not by the parser's own composing: that recurses in C, and knows neither depth nor what its aliases come to.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Protocol

import yaml

from lameduck.pod.source import Source
from lameduck.pod.texts.building import Builder
from lameduck.pod.texts.nodes import Mapping, Sequence
from lameduck.pod.texts.scalars import without_lone_surrogates

__all__ = ["NotYaml", "read_yaml"]


class NotYaml(Exception):
    """The text is not YAML from that index on."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


class _Events(Protocol):
    def get_event(self) -> Any: ...


def _parser(text: str) -> _Events:
    # libyaml reads fifteen times as fast; a PyYAML built without it still reads everything but some tabs.
    return yaml.CSafeLoader(text) if yaml.__with_libyaml__ else yaml.SafeLoader(text)


_ScalarEvent: Final = yaml.ScalarEvent
_AliasEvent: Final = yaml.AliasEvent
_MappingStartEvent: Final = yaml.MappingStartEvent
_MappingEndEvent: Final = yaml.MappingEndEvent
_SequenceStartEvent: Final = yaml.SequenceStartEvent
_SequenceEndEvent: Final = yaml.SequenceEndEvent
_DocumentStartEvent: Final = yaml.DocumentStartEvent
_DocumentEndEvent: Final = yaml.DocumentEndEvent

# Anchor, tag, comments and space before the value itself.
_PROPERTIES: Final = re.compile(r"(?:[&!]\S*)?(?:\s+|#[^\r\n]*|[&!]\S*)*")
_TYPED: Final = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null", "timestamp")}


def read_yaml(source: Source, start: int, end: int, *, values_before: int = 0) -> Iterator[Builder]:
    """The documents in that stretch of the text, one builder each; those that hold nothing come with root None.

    Raises NotYaml where the text stops being YAML, InputError for what is refused (size, depth, undefined aliases).
    """
    whole = source.text
    text = whole[start:end]
    builder = Builder(source, values_before=values_before)
    try:
        # Reading spends its time in this loop, so it calls nothing that it can do itself.
        next_event = _parser(text).get_event
        while (event := next_event()) is not None:
            kind = type(event)
            if kind is _ScalarEvent:
                first, last, tag = event.start_mark.index + start, event.end_mark.index + start, event.tag
                if tag is not None or event.anchor is not None:
                    first = min(_after_properties(whole, first), last)
                value, plain = event.value, event.implicit[0] or tag in _TYPED
                if not (plain or value.isascii()):
                    value = without_lone_surrogates(value)
                builder.scalar(value, first, last, plain, event.anchor)
            elif kind is _MappingEndEvent or kind is _SequenceEndEvent:
                builder.close(event.end_mark.index + start)
            elif kind is _MappingStartEvent or kind is _SequenceStartEvent:
                first = event.start_mark.index + start
                if event.tag is not None or event.anchor is not None:
                    first = _after_properties(whole, first)
                builder.open(Mapping(first) if kind is _MappingStartEvent else Sequence(first), event.anchor)
            elif kind is _AliasEvent:
                builder.alias(event.anchor, event.start_mark.index + start, event.end_mark.index + start)
            elif kind is _DocumentStartEvent:
                builder = Builder(source, values_before=values_before)
            elif kind is _DocumentEndEvent:
                values_before = builder.values
                yield builder
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
