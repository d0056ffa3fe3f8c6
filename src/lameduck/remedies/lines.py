"""Editing collections that are written line by line: YAML's block style."""

from collections.abc import Sequence as Several

from lameduck.pod.texts.nodes import Entry, Mapping, Node, Sequence
from lameduck.remedies.edits import Edit
from lameduck.remedies.layout import Layout
from lameduck.remedies.notation import Manner, block_entry, block_item, literal, scalar_text
from lameduck.remedies.remedy import Json, Refused

__all__ = ["Lines"]


class Lines:
    """The edits of one text in block style. Deletions go from line end to line end, so that an insertion below what
    is deleted never meets it, and a file without a last line end stays so."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def add_entries(self, mapping: Mapping, new: dict[str, Json], manner: Manner) -> list[Edit]:
        """Put new keys below the last one."""
        column = self._layout.column(mapping.start)
        lines = [line for key, value in new.items() for line in block_entry(key, value, column, manner)]
        last = self._layout.last(mapping)
        # Comments in the column of an unindented list belong to the list rather than to the mapping.
        flush = isinstance(last, Sequence) and self._layout.is_block(last) and self._column(last) == column
        return [self._insert_below(mapping, lines, column - 1 if flush else column)]

    def add_items(self, sequence: Sequence, number: int, new: Several[Json], manner: Manner) -> list[Edit]:
        """Put new items before the item of that number, or below the last one."""
        layout = self._layout
        column = self._column(sequence)
        behind = layout.text[sequence.start + 1 : sequence.items[0].start]
        width = 1 + len(behind) if behind and not behind.strip(" ") else None
        lines = [line for value in new for line in block_item(value, column, manner, width)]
        if number == 0:
            start = sequence.start
            line_break = layout.line_break(start)
            text = (line_break).join(lines)[column:] + line_break + " " * column
            return [Edit(start, start, text)]
        return [self._insert_below(sequence.items[number - 1], lines, column)]

    def _insert_below(self, node: Node, lines: list[str], column: int) -> Edit:
        layout = self._layout
        kept = layout.keeps_line_ends(node)
        if kept is not None:
            line_break = layout.line_break(node.start)
            return Edit(kept, kept, "".join(line + line_break for line in lines))
        at = layout.below(layout.end(node), column)
        return Edit(at, at, "".join(layout.line_break(at) + line for line in lines))

    def _column(self, node: Node) -> int:
        return self._layout.column(node.start)

    def remove_entries(self, mapping: Mapping, gone: Several[Entry]) -> list[Edit]:
        """Remove these keys with their values; others remain."""
        layout = self._layout
        edits = []
        for entry in gone:
            end = self._end(entry)
            if layout.is_alone(entry.key.start):
                edits.append(self._deletion(entry.key.start, end, layout.column(entry.key.start)))
            else:
                edits.append(self._first_removal(mapping, entry, end, gone))
        return edits

    def _first_removal(self, mapping: Mapping, entry: Entry, end: int, gone: Several[Entry]) -> Edit:
        """The first key of an item stands behind its dash, and so will the next one."""
        layout = self._layout
        later = [
            each
            for each in mapping.entries.values()
            if not each.merged and each not in gone and each.key.start > entry.key.start
        ]
        if not later or entry.key.start != mapping.start:
            raise Refused("this key stands in a line with others", entry.key.start)
        follower = min(each.key.start for each in later)
        if any(layout.text[i : i + 1] == "#" for i in range(end, follower)) or any(
            entry.key.start < each.key.start < follower for each in gone
        ):
            raise Refused("comments or other changes stand between this key and the next", entry.key.start)
        return Edit(entry.key.start, follower, "")

    def remove_items(self, sequence: Sequence, numbers: Several[int]) -> list[Edit]:
        """Remove these items; others remain."""
        edits = []
        for number in numbers:
            dash = self._layout.dash(sequence, number)
            if not self._layout.is_alone(dash):
                raise Refused("this item stands in a line with another one", dash)
            item = sequence.items[number]
            edits.append(self._deletion(dash, self._layout.end(item), self._layout.column(dash)))
        return edits

    def _deletion(self, start: int, end: int, column: int) -> Edit:
        layout = self._layout
        end = layout.below(end, column)
        if layout.line_start(start) == 0:
            return Edit(0, layout.next_line(end), "")
        return Edit(layout.end_of_line_before(start), end, "")

    def _end(self, entry: Entry) -> int:
        return max(self._layout.end(entry.value), self._layout.after_key(entry.key))

    def exchange_entry(self, entry: Entry, key: str, value: Json, manner: Manner) -> list[Edit]:
        """Put another key with its value in the place of this one."""
        layout = self._layout
        column = layout.column(entry.key.start)
        lines = block_entry(key, value, column, manner)
        text = layout.line_break(entry.key.start).join(lines)[column:]
        end = self._end(entry)
        if layout.line_start(end) == layout.line_start(entry.key.start):
            return [Edit(entry.key.start, end, text)]  # a comment beside it stays
        # Comments inside speak of what goes.
        return [Edit(entry.key.start, layout.below(end, column), text)]

    def give_value(self, key: Node, old: Node, new: Json, manner: Manner) -> list[Edit]:
        """Put another value behind a key, in whatever style the old one was and the new one is."""
        layout = self._layout
        column = layout.column(key.start)
        first, *lines = block_entry("k", new, column, manner)
        inline = first.partition(":")[2]
        old_style = self._text_style(old, new, column + manner.step)
        if old_style is not None:
            inline, lines = old_style
        head = layout.after_key(key)
        end = max(layout.end(old), head)
        line_break = layout.line_break(head)
        below = "".join(line_break + line for line in lines)
        if layout.is_block(old):
            # From below the key's line to the last line; a comment beside the key stays.
            if layout.line_start(old.start) == layout.line_start(head):
                raise Refused("this value begins in the line of its key in a way that is not edited", old.start)
            edge = layout.line_end(head)
            deletion = Edit(edge, layout.line_end(end), below)
            return [Edit(head, head, inline), deletion] if inline else [deletion]
        if old.start == old.end:
            insertion = [Edit(head, head, inline)] if inline else []
        elif inline and not lines:
            insertion = [Edit(old.start, end, inline[1:])]
        else:
            insertion = [Edit(head, end, inline)]
        at = layout.line_end(end)
        return insertion + ([Edit(at, at, below)] if below else [])

    def _text_style(self, old: Node, new: Json, indent: int) -> tuple[str, list[str]] | None:
        """Text that was between quotes, or below |, is written so again."""
        if not isinstance(new, str) or self._layout.is_block(old):
            return None
        opener = self._layout.text[old.start : old.start + 1]
        if opener in ('"', "'") and "\n" not in new:
            return " " + scalar_text(new, opener), []
        if self._layout.is_block_text(old) and new.endswith("\n") and new.strip() and new[0] not in " \n":
            if any(not line.strip() and line for line in new.split("\n")) or not new.replace("\n", " ").isprintable():
                return None
            header, *lines = literal(new, indent)
            return (" " + header, lines) if not new.endswith("\n\n") else None
        return None

    def give_item(self, sequence: Sequence, number: int, new: Json, manner: Manner) -> list[Edit]:
        """Put another value behind a dash."""
        layout = self._layout
        old = sequence.items[number]
        dash = layout.dash(sequence, number)
        column = layout.column(dash)
        width = old.start - dash if layout.line_start(old.start) == layout.line_start(dash) else 0
        if old.start == old.end:
            text = layout.line_break(dash).join(block_item(new, column, manner))[column + 1 :]
            return [Edit(old.start, old.end, text)]
        if width < 2 or layout.text[dash + 1 : old.start].strip(" "):
            raise Refused("this item is written in a way that is not edited", dash)
        if isinstance(new, str) and layout.text[old.start] in ('"', "'"):
            return [Edit(old.start, layout.end(old), scalar_text(new, layout.text[old.start]))]
        text = layout.line_break(dash).join(block_item(new, column, manner, width))[column + width :]
        return [Edit(old.start, layout.end(old), text)]
