"""Editing collections in brackets: YAML's flow style, and JSON."""

from collections.abc import Sequence as Several

from lameduck.pod.records import dataclass
from lameduck.pod.texts.nodes import Mapping, Node, Sequence
from lameduck.remedies.edits import Edit
from lameduck.remedies.layout import Layout
from lameduck.remedies.notation import Flow, flow_text, scalar_text
from lameduck.remedies.remedy import Json, Refused

__all__ = ["Brackets", "Piece"]


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands between two commas: an item, or a key with its value."""

    start: int
    end: int


class Brackets:
    """The edits of one collection in brackets."""

    def __init__(self, layout: Layout, node: Mapping | Sequence, flow: Flow, quote: str, *, is_json: bool) -> None:
        self._layout = layout
        self._node = node
        self._flow = flow
        self._quote = quote
        self._is_json = is_json
        self._pieces = pieces_of(node)

    def render(self, value: Json, key: str | None = None) -> str:
        """A new piece of this collection."""
        lines = None
        if self._is_json and (indent := self._own_lines()) is not None:
            lines = (self._layout.line_break(self._node.start), indent, self._step(indent))
        head = ""
        if key is not None:
            head = scalar_text(key, self._quote if self._flow.quoted_keys else None, default=self._quote)
            head += self._flow.colon
        return head + flow_text(value, self._flow, self._quote, lines)

    def remove(self, numbers: set[int]) -> list[Edit]:
        """Remove these pieces, not all of them."""
        edits = []
        number = 0
        while number < len(self._pieces):
            if number not in numbers:
                number += 1
                continue
            first = number
            while number in numbers:
                number += 1
            edits.append(self._removal(first, number))
        return edits

    def _removal(self, first: int, after: int) -> Edit:
        pieces, text = self._pieces, self._layout.text
        start, end = pieces[first].start, pieces[after - 1].end
        # With the comma behind; the last ones with the comma before.
        last = after == len(pieces)
        edit = Edit(pieces[first - 1].end, end, "") if last else Edit(start, pieces[after].start, "")
        gap = text[edit.start : start] + text[end : edit.end]
        if any(mark in gap for mark in "#&!"):
            raise Refused("comments, anchors or tags stand between these values in brackets", edit.start)
        return edit

    def insert(self, number: int, new: Several[str]) -> list[Edit]:
        """Insert pieces before the piece of that number, or behind the last one; there is at least one."""
        text, layout = self._layout.text, self._layout
        indent = self._own_lines()
        comma = self._flow.comma if indent is None else "," + layout.line_break(self._node.start) + indent
        if number < len(self._pieces):
            start = self._pieces[number].start
            return [Edit(start, start, "".join(piece + comma for piece in new))]
        end = self._pieces[-1].end
        rest = text[end : layout.line_end(end)]
        if indent is not None and rest.lstrip(" \t,").startswith("#"):
            # The comment belongs to the last piece: the new ones begin in the line below it.
            line_break = layout.line_break(self._node.start)
            lines = "".join(line_break + indent + piece + "," for piece in new)
            trailing = rest.lstrip(" \t").startswith(",")
            at = layout.line_end(end)
            return ([] if trailing else [Edit(end, end, ",")]) + [Edit(at, at, lines if trailing else lines[:-1])]
        return [Edit(end, end, "".join(comma + piece for piece in new))]

    def _own_lines(self) -> str | None:
        """The indentation of the pieces if every one begins in a line of its own; None: they share lines."""
        layout = self._layout
        if not self._pieces or not all(layout.is_alone(piece.start) for piece in self._pieces):
            return None
        return layout.prefix(self._pieces[-1].start)

    def _step(self, indent: str) -> str:
        outer = self._layout.indent(self._node.start)
        return indent.removeprefix(outer) or "  "


def pieces_of(node: Mapping | Sequence) -> list[Piece]:
    """What a collection in brackets holds, in the order of the text."""
    if isinstance(node, Sequence):
        return [Piece(item.start, item.end) for item in node.items]
    own = [entry for entry in node.entries.values() if not entry.merged]
    return sorted((Piece(each.key.start, _end(each.key, each.value)) for each in own), key=lambda piece: piece.start)


def _end(key: Node, value: Node) -> int:
    # `{a}` is a key without a value, which stands nowhere.
    return max(key.end, value.end)
