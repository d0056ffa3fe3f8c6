"""From a document as written and the object it is to become, to the edits between them.

Both are walked side by side, down to where they differ; what is the same is never looked at again.
"""

import json
from collections.abc import Iterator
from collections.abc import Mapping as Table
from difflib import SequenceMatcher

from lameduck.pod.texts.documents import SourceDocument
from lameduck.pod.texts.nodes import Alias, Entry, Mapping, Node, Scalar, Sequence, follow
from lameduck.remedies.amending import Plain, same
from lameduck.remedies.brackets import Brackets
from lameduck.remedies.edits import Edit
from lameduck.remedies.layout import Layout
from lameduck.remedies.lines import Lines
from lameduck.remedies.manners import Manners
from lameduck.remedies.notation import Flow, Manner, flow_text, scalar_text
from lameduck.remedies.remedy import Json, Refused

__all__ = ["Planner"]


class Planner:
    """Plans the edits of one document.

    `write_out`: an alias whose value is to change is replaced by the value; else the edit goes where the value is
    written, at its anchor, and whoever else uses it sees the change, too.
    """

    def __init__(
        self,
        document: SourceDocument,
        layout: Layout,
        manners: Manners,
        plain: Plain,
        *,
        is_json: bool,
        write_out: bool,
    ) -> None:
        self._root = document.root
        self._layout = layout
        self._manners = manners
        self._lines = Lines(layout)
        self._plain = plain
        self._is_json = is_json
        self._write_out = write_out
        self._way: list[Node] = []

    def edits(self, wanted: Json) -> list[Edit]:
        """What to edit so that the document becomes this. Raises Refused if that cannot be written minimally."""
        if same(self._plain.of(self._root), wanted):
            return []
        inner = self._inner(self._root, wanted)
        if inner is None:
            raise Refused("the whole document would change", self._root.start)
        return inner

    def _inner(self, node: Node, wanted: Json) -> list[Edit] | None:
        """The edits inside a value. None: it has to be replaced as a whole."""
        if isinstance(node, Alias) and self._write_out:
            return None
        here = follow(node)
        self._way.append(here)
        try:
            if isinstance(here, Mapping) and isinstance(wanted, dict) and here.entries and wanted:
                return list(self._mapping(here, wanted))
            if isinstance(here, Sequence) and isinstance(wanted, list) and here.items and wanted:
                return list(self._sequence(here, wanted))
            return None
        finally:
            self._way.pop()

    def _manner(self) -> Manner:
        return self._manners.block(self._way)

    def _flow(self) -> Flow:
        return self._manners.flow(self._way, is_json=self._is_json)

    def _brackets(self, node: Mapping | Sequence) -> Brackets:
        quote = '"' if self._is_json else self._manner().quote
        return Brackets(self._layout, node, self._flow(), quote, is_json=self._is_json)

    # Mappings

    def _mapping(self, node: Mapping, wanted: dict[str, Json]) -> Iterator[Edit]:
        added: dict[str, Json] = {}
        gone: list[tuple[str, Entry]] = []
        for key, entry in node.entries.items():
            if key not in wanted:
                gone.append((key, entry))
            elif not same(self._plain.of(entry.value), wanted[key]):
                if entry.merged:
                    self._refuse_large(entry, wanted[key])
                    added[key] = wanted[key]  # written in the mapping itself, it wins over what is merged
                else:
                    yield from self._value(node, entry, wanted[key])
        for _, entry in gone:
            if entry.merged:
                raise Refused("this comes through a merge key (<<) and cannot be removed here", entry.key.start)
        added |= {key: value for key, value in wanted.items() if key not in node.entries}
        if self._layout.is_flow(node):
            yield from self._flow_mapping(node, [entry for _, entry in gone], added)
        else:
            yield from self._block_mapping(node, [entry for _, entry in gone], added)

    def _refuse_large(self, entry: Entry, value: Json) -> None:
        if isinstance(value, dict | list) or not isinstance(follow(entry.value), Scalar):
            raise Refused("this comes through a merge key (<<), and others use it as well", entry.key.start)

    def _block_mapping(self, node: Mapping, gone: list[Entry], added: dict[str, Json]) -> Iterator[Edit]:
        manner = self._manner()
        new = list(added.items())
        # What comes in the place of something else stands where that stood.
        gone.sort(key=lambda entry: entry.key.start)
        for entry, (key, value) in zip(gone, new, strict=False):
            yield from self._lines.exchange_entry(entry, key, value, manner)
        if len(gone) > len(new):
            yield from self._lines.remove_entries(node, gone[len(new) :])
        elif len(new) > len(gone):
            yield from self._lines.add_entries(node, dict(new[len(gone) :]), manner)

    def _flow_mapping(self, node: Mapping, gone: list[Entry], added: dict[str, Json]) -> Iterator[Edit]:
        own = sorted((each for each in node.entries.values() if not each.merged), key=lambda entry: entry.key.start)
        if not own:
            raise Refused("this mapping holds nothing of its own, only what is merged (<<)", node.start)
        brackets = self._brackets(node)
        new = list(added.items())
        numbers = [number for number, entry in enumerate(own) if entry in gone]
        for number, (key, value) in zip(numbers, new, strict=False):
            entry = own[number]
            yield Edit(entry.key.start, max(entry.key.end, entry.value.end), brackets.render(value, key))
        if len(numbers) > len(new):
            yield from brackets.remove(set(numbers[len(new) :]))
        elif len(new) > len(numbers):
            yield from brackets.insert(len(own), [brackets.render(value, key) for key, value in new[len(numbers) :]])

    def _value(self, parent: Mapping, entry: Entry, wanted: Json) -> Iterator[Edit]:
        inner = self._inner(entry.value, wanted)
        if inner is not None:
            yield from inner
        elif self._layout.is_flow(parent):
            yield self._in_brackets(parent, entry.value, wanted, entry.key)
        else:
            yield from self._lines.give_value(entry.key, self._place(entry.value), wanted, self._manner())

    def _place(self, node: Node) -> Node:
        """What is replaced: the alias where aliases are written out, else what stands at the anchor."""
        return node if self._write_out else follow(node)

    def _in_brackets(self, parent: Mapping | Sequence, old: Node, wanted: Json, key: Node | None = None) -> Edit:
        old = self._place(old)
        if key is not None and old.start == old.end:
            head = self._layout.after_key(key)
            return Edit(head, head, " " + self._brackets(parent).render(wanted))
        opener = self._layout.text[old.start]
        if isinstance(wanted, str) and opener in ('"', "'"):
            return Edit(old.start, old.end, scalar_text(wanted, opener))
        return Edit(old.start, old.end, self._brackets(parent).render(wanted))

    # Lists

    def _sequence(self, node: Sequence, wanted: list[Json]) -> Iterator[Edit]:
        old = [self._plain.of(item) for item in node.items]
        gone: list[int] = []
        added: list[tuple[int, list[Json]]] = []
        for tag, first, last, start, end in _aligned(old, wanted):
            common = min(last - first, end - start) if tag in ("equal", "replace") else 0
            for offset in range(common):
                if not same(old[first + offset], wanted[start + offset]):
                    yield from self._item(node, first + offset, wanted[start + offset])
            gone += range(first + common, last)
            if start + common < end:
                added.append((first + common, wanted[start + common : end]))
        if self._layout.is_flow(node):
            brackets = self._brackets(node)
            for number, values in added:
                yield from brackets.insert(number, [brackets.render(value) for value in values])
            if gone:
                yield from brackets.remove(set(gone))
            return
        for number, values in added:
            yield from self._lines.add_items(node, number, values, self._manner())
        yield from self._lines.remove_items(node, gone)

    def _item(self, parent: Sequence, number: int, wanted: Json) -> Iterator[Edit]:
        node = parent.items[number]
        inner = self._inner(node, wanted)
        if inner is not None:
            yield from inner
        elif isinstance(node, Alias) and self._write_out:
            text = flow_text(wanted, self._flow(), self._manner().quote)
            yield Edit(node.start, node.end, text)
        elif self._layout.is_flow(parent):
            yield self._in_brackets(parent, node, wanted)
        elif isinstance(node, Alias):
            raise Refused("the value of this alias is written elsewhere", node.start)
        else:
            yield from self._lines.give_item(parent, number, wanted, self._manner())


def _aligned(old: list[Json], new: list[Json]) -> Iterator[tuple[str, int, int, int, int]]:
    """What became of the items, as SequenceMatcher tells it. Items with a name are known by it."""
    if len(old) == len(new):
        yield "replace", 0, len(old), 0, len(new)
        return
    matcher = SequenceMatcher(
        None, [_identity(item) for item in old], [_identity(item) for item in new], autojunk=False
    )
    yield from matcher.get_opcodes()


def _identity(item: Json) -> str:
    if isinstance(item, Table) and isinstance(item.get("name"), str):
        return f"name {item['name']}"
    return json.dumps(item, sort_keys=True)
