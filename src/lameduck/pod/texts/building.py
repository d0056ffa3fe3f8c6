"""Building a document's nodes without recursion, and refusing what would not end well.

Both readers (YAML events, JSON tokens) feed this. Sizes are counted with every alias expanded, but nothing is expanded:
an alias bomb of a few hundred bytes is refused while it is read.
"""

from functools import lru_cache

from lameduck.pod.place import InputError
from lameduck.pod.source import Source
from lameduck.pod.texts.nodes import Alias, Entry, Mapping, Node, Scalar, Sequence, Written, follow
from lameduck.pod.texts.scalars import resolve

__all__ = ["MAX_COMPLAINTS", "MAX_DEPTH", "MAX_VALUES", "Builder"]

MAX_DEPTH = 200
"""Nesting, aliases expanded. Custom resource definitions, the deepest objects in the field, stay below 100."""
MAX_VALUES = 2_000_000
"""Values in one file, aliases expanded. 16 MiB of ordinary manifests hold about 1.2 million."""
MAX_COMPLAINTS = 100
"""In one document: nobody reads more, and a hostile file holds a million."""


class Builder:
    """Collects one document: open, scalar, alias and close in the order of the text; then `root`."""

    __slots__ = ("_anchors", "_keys", "_names", "_source", "_stack", "_values", "complaints", "root", "template_at")

    def __init__(self, source: Source, *, values_before: int = 0) -> None:
        """`values_before`: what earlier documents of the file hold; the limit is one for all."""
        self._source = source
        self._stack: list[Mapping | Sequence] = []
        self._keys: list[Node | None] = []  # for each open collection: the key that waits for its value
        self._names: list[str | None] = []  # ... and its anchor
        self._anchors: dict[str, Written | None] = {}
        self._values = values_before
        self.root: Node | None = None
        self.complaints: list[tuple[int, str]] = []
        """Index and message: duplicate keys and the like."""
        self.template_at: int | None = None
        """Where the first unrendered template expression stands in place of a value or key."""

    @property
    def values(self) -> int:
        """Values so far, aliases expanded, with those of earlier documents."""
        return self._values

    def scalar(self, text: str, start: int, end: int, plain: bool, anchor: str | None = None) -> None:
        """Take a value, or a key. Most of what is read comes through here: it does what `_add` does, without calls."""
        node = Scalar(text, start, end, plain)
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._stack or self._values >= MAX_VALUES:
            self._add(node)
            return
        self._values += 1
        parent = self._stack[-1]
        parent.size += 1
        if parent.height < 2:
            parent.height = 2
            if 2 + len(self._stack) > MAX_DEPTH:
                raise self._too_deep(start)
        if type(parent) is Sequence:
            parent.items.append(node)
            return
        keys = self._keys
        key = keys[-1]
        if key is None:
            keys[-1] = node
            return
        keys[-1] = None
        assert type(parent) is Mapping
        if type(key) is Scalar and key.plain and (name := _plain_key(key.text)) != "<<" and name not in parent.entries:
            parent.entries[name] = Entry(key, node)
        else:
            self._enter(parent, key, node)

    def open(self, node: Mapping | Sequence, anchor: str | None = None) -> None:
        if anchor is not None:
            self._anchors[anchor] = None  # open: an alias to it would hold itself
        self._stack.append(node)
        self._keys.append(None)
        self._names.append(anchor)
        if len(self._stack) > MAX_DEPTH:
            raise self._too_deep(node.start)

    def close(self, end: int) -> None:
        """The innermost collection ends. Its own values were counted when they came."""
        stack = self._stack
        node = stack.pop()
        self._keys.pop()
        node.end = end
        if (anchor := self._names.pop()) is not None:
            self._anchors[anchor] = node
        self._values += 1
        if not stack or self._values > MAX_VALUES:
            self._values -= 1
            self._add(node, counted=True)
            return
        parent, height = stack[-1], node.height
        parent.size += node.size
        if height >= parent.height:
            parent.height = height + 1
            if height + 1 + len(stack) > MAX_DEPTH:
                raise self._too_deep(node.start)
        if type(parent) is Sequence:
            parent.items.append(node)
        else:
            assert type(parent) is Mapping
            key = self._keys[-1]
            if key is None:
                self._keys[-1] = node
            else:
                self._keys[-1] = None
                self._enter(parent, key, node)

    def alias(self, name: str, start: int, end: int) -> None:
        if name not in self._anchors:
            raise InputError(
                f"*{name} refers to an anchor that this document does not have.",
                at=self._source.place(start),
                do=f"Write &{name} before the value that is meant, above this line.",
            )
        target = self._anchors[name]
        if target is None:
            raise InputError(
                f"*{name} stands inside the value that it refers to.",
                at=self._source.place(start),
                do="Write the value out, or refer to another one.",
            )
        self._add(Alias(target, start, end, target.size, target.height))

    def _add(self, node: Node, *, counted: bool = False) -> None:
        # A container's own values were counted when they came; an alias brings all of its target's again.
        self._values += 1 if counted else node.size
        if self._values > MAX_VALUES:
            raise InputError(
                f"This file comes to more than {MAX_VALUES:,} values, aliases counted as often as they are used.",
                at=self._source.place(node.start),
                do="Give the manifest alone, or write fewer aliases of aliases.",
            )
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        parent.size += node.size
        if node.height >= parent.height:
            parent.height = node.height + 1
            if parent.height + len(self._stack) > MAX_DEPTH:
                raise self._too_deep(node.start)
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = node
        else:
            self._keys[-1] = None
            self._enter(parent, key, node)

    def _enter(self, mapping: Mapping, key: Node, value: Node) -> None:
        written = follow(key)
        if isinstance(written, Scalar):
            if not written.plain:
                name = written.text
            elif written.text == "<<":
                self._merge(mapping, key, value)
                return
            else:
                name = _plain_key(written.text)
        else:
            name = self._complex_key(written)
        entries = mapping.entries
        if name not in entries:
            entries[name] = Entry(key, value)
            return
        earlier = entries[name]
        if not earlier.merged:
            first = self._source.place(earlier.key.start)
            self._complain(
                key.start,
                f"{name} stands twice in this mapping, first in line {first.line}. "
                "Keep one: readers refuse it, or take the last.",
            )
        del entries[name]  # so that the order is that of the entries that count
        entries[name] = Entry(key, value)

    def _merge(self, mapping: Mapping, key: Node, value: Node) -> None:
        """What stands in the mapping wins over what is merged; of several merged, the first (YAML's merge type)."""
        written = follow(value)
        sources = [follow(item) for item in written.items] if isinstance(written, Sequence) else [written]
        for source in sources:
            if not isinstance(source, Mapping):
                self._complain(key.start, "<< merges mappings, and this is none. Write an alias to a mapping.")
                continue
            for name, entry in source.entries.items():
                mapping.entries.setdefault(name, Entry(entry.key, entry.value, merged=True))

    def _complex_key(self, key: Mapping | Sequence) -> str:
        text = self._source.text[key.start : min(key.end, key.start + 80)]
        if self._source.text.startswith("{{", key.start - 1) or text.startswith("{{"):
            if self.template_at is None:
                self.template_at = key.start
        else:
            self._complain(key.start, "This key is a list or a mapping. Kubernetes wants text: write a name.")
        return text

    def _complain(self, index: int, message: str) -> None:
        if len(self.complaints) < MAX_COMPLAINTS:
            self.complaints.append((index, message))

    def _too_deep(self, index: int) -> InputError:
        return InputError(
            f"This file nests deeper than {MAX_DEPTH} levels.",
            at=self._source.place(index),
            do="Give a Kubernetes manifest; none nests like this.",
        )


@lru_cache(maxsize=4096)  # a few hundred names make up nearly all keys of manifests
def _plain_key(text: str) -> str:
    """The name that a key without quotes becomes in JSON: `on` is true there, and `1` is text."""
    match resolve(text):
        case True:
            return "true"
        case False:
            return "false"
        case None:
            return "null"
        case int() | float() as number:
            return f"{number:g}" if isinstance(number, float) else str(number)
        case same:
            return same
