"""Reading off a document in which manner it is written, so that what is added looks like what is there."""

from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Several
from dataclasses import field
from itertools import pairwise
from typing import TypeVar

from lameduck.pod.records import dataclass
from lameduck.pod.texts.nodes import Alias, Mapping, Node, Scalar, Sequence
from lameduck.remedies.layout import Layout
from lameduck.remedies.notation import Flow, Manner

__all__ = ["Manners"]

_Trait = TypeVar("_Trait", int, str, bool)


@dataclass(slots=True)
class _Seen:
    """How often each way of writing occurs below a node, in the order of the text."""

    steps: Counter[int] = field(default_factory=Counter)
    dashes: Counter[int] = field(default_factory=Counter)
    widths: Counter[int] = field(default_factory=Counter)
    quotes: Counter[str] = field(default_factory=Counter)
    bracketed: Counter[bool] = field(default_factory=Counter)
    quoted: Counter[bool] = field(default_factory=Counter)


@dataclass(slots=True)
class _Marks:
    """The same for the punctuation of one collection in brackets."""

    colons: Counter[str] = field(default_factory=Counter)
    commas: Counter[str] = field(default_factory=Counter)
    paddings: Counter[str] = field(default_factory=Counter)
    quoted_keys: Counter[bool] = field(default_factory=Counter)


class Manners:
    """The manners of one text, each stretch of it looked at once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[int, _Seen] = {}

    def block(self, around: Several[Node]) -> Manner:
        """How lines are written inside these nodes, outermost first: as in the innermost that shows it."""
        # What is usual right here counts; the whole document is asked last.
        seen = [self._seen(node) for node in (*reversed(around[1:][-3:]), *around[:1])]
        plain = Manner()
        step = _usual((each.steps for each in seen), plain.step)
        return Manner(
            step=step,
            dash=_usual((each.dashes for each in seen), step),
            width=_usual((each.widths for each in seen), plain.width),
            quote=_usual((each.quotes for each in seen), plain.quote),
            flow_lists=_usual((each.bracketed for each in seen), plain.flow_lists),
            quoted_items=_usual((each.quoted for each in seen), plain.quoted_items),
            # Without a line end at the end of the file, a text below | in its last line would lose its own.
            literal=self._layout.text.endswith(("\n", "\r")),
        )

    def flow(self, around: Several[Node], *, is_json: bool) -> Flow:
        """How brackets are written inside these nodes, outermost first."""
        plain = Flow(quoted_keys=is_json)
        seen = [
            _marks(self._layout, node)
            for node in reversed(around)
            if isinstance(node, Mapping | Sequence) and self._layout.is_flow(node)
        ]
        return Flow(
            colon=_usual((each.colons for each in seen), plain.colon),
            comma=_usual((each.commas for each in seen), plain.comma),
            padding=_usual((each.paddings for each in seen), plain.padding),
            quoted_keys=_usual((each.quoted_keys for each in seen), plain.quoted_keys),
        )

    def _seen(self, node: Node) -> _Seen:
        if id(node) not in self._known:
            self._known[id(node)] = _look(self._layout, node)
        return self._known[id(node)]


def _usual(counters: Iterable[Counter[_Trait]], default: _Trait) -> _Trait:
    for counter in counters:
        if counter:
            return counter.most_common(1)[0][0]  # of two that are as usual the first: the text's order
    return default


def _look(layout: Layout, top: Node) -> _Seen:
    seen = _Seen()
    pending: list[tuple[Node, int | None]] = [(top, None)]
    while pending:
        node, parent = pending.pop()
        match node:
            case Mapping():
                column = layout.column(node.start) if layout.is_block(node) else None
                if column is not None and parent is not None:
                    seen.steps[column - parent] += 1
                own = [entry.value for entry in node.entries.values() if not entry.merged]
                pending += [(value, column) for value in reversed(own)]
            case Sequence():
                _look_at_list(layout, node, parent, seen)
                pending += [(item, None) for item in reversed(node.items)]
            case Scalar(plain=False) if layout.text[node.start] in ('"', "'"):
                seen.quotes[layout.text[node.start]] += 1
            case Scalar() | Alias():
                pass
    return seen


def _look_at_list(layout: Layout, node: Sequence, parent: int | None, seen: _Seen) -> None:
    flow = layout.is_flow(node)
    if not flow and parent is not None:
        seen.dashes[layout.column(node.start) - parent] += 1
    if not flow and node.items:
        behind = layout.text[node.start + 1 : node.items[0].start]
        if behind and not behind.strip(" "):
            seen.widths[1 + len(behind)] += 1
    if not node.items or not all(isinstance(item, Scalar) for item in node.items):
        return
    seen.bracketed[flow] += 1
    if flow:
        for item in node.items:
            if isinstance(item, Scalar) and isinstance(item.value, str):
                seen.quoted[not item.plain] += 1


def _marks(layout: Layout, node: Mapping | Sequence) -> _Marks:
    marks = _Marks()
    text = layout.text
    for start, end in pairwise(_stretches(node)):
        if text[start[1] : end[0]] in (",", ", "):
            marks.commas[text[start[1] : end[0]]] += 1
    if isinstance(node, Mapping):
        own = [entry for entry in node.entries.values() if not entry.merged]
        for entry in own:
            between = text[entry.key.end : entry.value.start]
            if between in (":", ": ", " : "):
                marks.colons[between] += 1
            marks.quoted_keys[text.startswith('"', entry.key.start)] += 1
        padding = text[node.start + 1 : min(entry.key.start for entry in own)] if own else None
        if padding in ("", " "):
            marks.paddings[padding] += 1
    return marks


def _stretches(node: Mapping | Sequence) -> Iterator[tuple[int, int]]:
    if isinstance(node, Sequence):
        yield from ((item.start, item.end) for item in node.items)
    else:
        yield from sorted((each.key.start, each.value.end) for each in node.entries.values() if not each.merged)
