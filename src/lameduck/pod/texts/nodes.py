"""What a YAML or JSON document holds, value by value, each with the stretch of text it was written in.

Nothing here is a Python object of the user's making: nodes are text with positions, so that messages can point at a
value and an edit can replace it and nothing else.
"""

from collections.abc import Iterator
from dataclasses import field
from typing import ClassVar, TypeAlias

from lameduck.pod.place import FieldPath
from lameduck.pod.records import dataclass
from lameduck.pod.texts.scalars import NULLS, Value, resolve

__all__ = ["Alias", "Entry", "Mapping", "Node", "Scalar", "Sequence", "Written", "find", "follow"]


@dataclass(slots=True, eq=False)
class Scalar:
    """One value. `start` and `end` are indices into the source's text, quotes included, anchor and tag excluded."""

    text: str
    start: int
    end: int
    plain: bool
    """Written without quotes, so that its kind depends on how it looks."""
    size: ClassVar[int] = 1
    height: ClassVar[int] = 1

    @property
    def value(self) -> Value:
        """Text, number, boolean or null, as Kubernetes' reader takes it."""
        return resolve(self.text) if self.plain else self.text

    @property
    def is_null(self) -> bool:
        """Whether it holds nothing."""
        return self.plain and self.text in NULLS


@dataclass(slots=True, eq=False)
class Sequence:
    """A list."""

    start: int
    end: int = 0
    items: "list[Node]" = field(default_factory=list)
    size: int = 1
    height: int = 1


@dataclass(slots=True, eq=False)
class Entry:
    """A key and its value as written; `merged` if a merge key brought it here from another mapping."""

    key: "Node"
    value: "Node"
    merged: bool = False


@dataclass(slots=True, eq=False)
class Mapping:
    """Entries by key, in the order written, those of a merge key (`<<`) where it stands."""

    start: int
    end: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 1
    height: int = 1

    def get(self, key: str) -> "Written | None":
        """The value of that key, aliases followed. None: not written."""
        entry = self.entries.get(key)
        return None if entry is None else follow(entry.value)

    def items(self) -> "Iterator[tuple[str, Written]]":
        for key, entry in self.entries.items():
            yield key, follow(entry.value)


@dataclass(slots=True, eq=False)
class Alias:
    """`*name`: the value that was written at `&name`. Its size counts as often as it is used."""

    target: "Written"
    start: int
    end: int
    size: int
    height: int


Written: TypeAlias = Scalar | Sequence | Mapping
Node: TypeAlias = Written | Alias


def follow(node: Node) -> Written:
    """The value itself, behind an alias."""
    return node.target if isinstance(node, Alias) else node


def find(root: Node, at: FieldPath) -> tuple[Node, bool]:
    """The node at that path, or its nearest parent that is written down; and whether it is the node itself.

    A value that is written as nothing (`spec:`) stands where its key stands.
    """
    node: Node = root
    for step in at:
        here = follow(node)
        if isinstance(here, Mapping) and isinstance(step, str) and step in here.entries:
            entry = here.entries[step]
            node = entry.key if entry.value.start == entry.value.end else entry.value
        elif isinstance(here, Sequence) and isinstance(step, int) and 0 <= step < len(here.items):
            node = here.items[step]
        else:
            return node, False
    return node, True
