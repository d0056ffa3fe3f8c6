"""Where things stand in a YAML or JSON text: lines, columns, and where a value really ends.

The parser says that a block collection ends where the next token begins, beyond blank lines and comments; an edit needs
the end of its last line.
"""

import re

from lameduck.pod.texts.nodes import Alias, Mapping, Node, Scalar, Sequence
from lameduck.remedies.remedy import Refused

__all__ = ["Layout"]

_HEAD = re.compile(r"[ \t]*:(?:[ \t]+[&!][^\s,\[\]{}]*)*")  # the colon, anchor and tag after a key
_COMMENT = re.compile(r"[ \t]*(#[^\r\n]*)?(?=[\r\n]|$)")
_LINE_END = re.compile(r"\r\n|\n|\r")
_LAST_SPACE = " \t\r\n"


class Layout:
    """The lines of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        first = _LINE_END.search(text)
        self._line_end = first.group() if first else "\n"

    def line_start(self, index: int) -> int:
        return max(self.text.rfind("\n", 0, index), self.text.rfind("\r", 0, index)) + 1

    def line_end(self, index: int) -> int:
        """Before the line's end."""
        found = _LINE_END.search(self.text, index)
        return found.start() if found else len(self.text)

    def next_line(self, index: int) -> int:
        found = _LINE_END.search(self.text, index)
        return found.end() if found else len(self.text)

    def end_of_line_before(self, index: int) -> int:
        """The end of the line above, before its line end; 0 in the first line."""
        start = self.line_start(index)
        if start and self.text[start - 1] == "\n" and self.text[start - 2 : start - 1] == "\r":
            return start - 2
        return max(start - 1, 0)

    def line_break(self, index: int) -> str:
        """How that line ends; where it is the last one, how the first does."""
        found = _LINE_END.search(self.text, index)
        return found.group() if found else self._line_end

    def column(self, index: int) -> int:
        return index - self.line_start(index)

    def prefix(self, index: int) -> str:
        """What stands before it in its line."""
        return self.text[self.line_start(index) : index]

    def indent(self, index: int) -> str:
        """The space at the beginning of its line."""
        line = self.prefix(index)
        return line[: len(line) - len(line.lstrip(" \t"))]

    def is_flow(self, node: Mapping | Sequence) -> bool:
        opener, closer = ("{", "}") if isinstance(node, Mapping) else ("[", "]")
        return self.text.startswith(opener, node.start) and self.text[node.start + 1 : node.end].endswith(closer)

    def is_block_text(self, node: Node) -> bool:
        """A scalar below | or >."""
        return isinstance(node, Scalar) and not node.plain and self.text.startswith(("|", ">"), node.start)

    def is_block(self, node: Node) -> bool:
        """A collection that is written line by line, not in brackets."""
        return isinstance(node, Mapping | Sequence) and not self.is_flow(node)

    def after_key(self, key: Node) -> int:
        """The index after the key's colon and what belongs to its value: anchor and tag."""
        found = _HEAD.match(self.text, key.end)
        if found is None:
            raise Refused("this key is written in a way (?) that is not edited", key.start)
        return found.end()

    def end(self, node: Node) -> int:
        """The end of the last character that belongs to the value; comments do not."""
        if isinstance(node, Alias):
            return node.end
        if self.is_block_text(node):
            return node.start + len(self.text[node.start : node.end].rstrip(_LAST_SPACE))
        if isinstance(node, Scalar) or not self.is_block(node):
            return node.end
        last = self.last(node)
        end = self.end(last) if last is not None else node.start + 1
        return self._last_content(end, node.end)

    def last(self, node: Node) -> Node | None:
        """The value (or key without one) that is written last in a block collection. None: only merge keys are."""
        if isinstance(node, Sequence):
            return node.items[-1] if node.items else None
        if isinstance(node, Mapping):
            written = [entry for entry in node.entries.values() if not entry.merged]
            if not written:
                return None
            entry = max(written, key=lambda each: each.key.start)
            return entry.value if entry.value.start >= entry.key.end else entry.key
        return None

    def _last_content(self, index: int, limit: int) -> int:
        """Merge keys and the first of two equal keys are no entries: look for what stands behind the last one."""
        end = index
        while index < limit:
            comment = _COMMENT.match(self.text, index, limit)
            if comment is None:
                line_end = min(self.line_end(index), limit)
                end = index + len(self.text[index:line_end].rstrip())
            index = self.next_line(index)
        return end

    def keeps_line_ends(self, node: Node) -> int | None:
        """Where a value ends that is written with |+ or >+ and so owns the empty lines below it, too. None: no such."""
        here: Node | None = node
        while here is not None and self.is_block(here):
            here = self.last(here)
        if here is None or isinstance(here, Alias) or not self.is_block_text(here):
            return None
        return here.end if "+" in self.text[here.start : self.line_end(here.start)].partition("#")[0] else None

    def below(self, end: int, column: int) -> int:
        """The end of the line in which a value ends, or of the comments right below that are indented beyond the
        column: they belong to the value."""
        end = self.line_end(end)
        while (start := self.next_line(end)) < len(self.text):
            line_end = self.line_end(start)
            line = self.text[start:line_end]
            bare = line.lstrip(" \t")
            if not bare.startswith("#") or len(line) - len(bare) <= column:
                break
            end = line_end
        return end

    def dash(self, sequence: Sequence, number: int) -> int:
        """The index of an item's dash in a block list."""
        if number == 0:
            return sequence.start
        column = self.column(sequence.start)
        index = sequence.items[number].start
        floor = self.line_start(sequence.start)
        while (start := self.line_start(index)) > floor:
            if self.text.startswith("-", start + column) and not self.text[start : start + column].strip():
                return start + column
            index = start - 1
        raise Refused("the dash of this item is not found", sequence.items[number].start)

    def is_alone(self, index: int) -> bool:
        """Whether nothing but space stands before it in its line."""
        return not self.prefix(index).strip(" \t")
