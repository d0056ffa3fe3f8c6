"""What an object becomes when fields of it change: plain data, free of any notation. Every pen writes down this."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lameduck.pod.place import FieldPath
from lameduck.pod.texts.nodes import Mapping, Node, Scalar, follow
from lameduck.remedies.remedy import FieldChange, Json, Refused, RemoveField, SetField

__all__ = ["Plain", "amended", "clashing", "difference", "dotted", "found", "moved", "removals_last", "same"]


class Plain:
    """The nodes of one document as plain data. What aliases share stays one object: nothing is expanded."""

    def __init__(self) -> None:
        self._known: dict[int, Json] = {}

    def of(self, node: Node) -> Json:
        written = follow(node)
        if isinstance(written, Scalar):
            return written.value
        key = id(written)
        if key not in self._known:
            if isinstance(written, Mapping):
                self._known[key] = {name: self.of(entry.value) for name, entry in written.entries.items()}
            else:
                self._known[key] = [self.of(item) for item in written.items]
        return self._known[key]


def same(one: Json, other: Json) -> bool:
    """Equal, and of the same kind: true is not 1, and 80.0 is not 80."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return one == other or (one != one and other != other)  # .nan


def difference(one: Json, other: Json) -> FieldPath | None:
    """The path of the first place where two objects differ; None: they are the same."""
    if same(one, other):
        return None
    if isinstance(one, dict) and isinstance(other, dict):
        for key in (*one, *(key for key in other if key not in one)):
            if key not in one or key not in other:
                return (key,)
            if (below := difference(one[key], other[key])) is not None:
                return (key, *below)
    if isinstance(one, list) and isinstance(other, list):
        for number, (mine, theirs) in enumerate(zip(one, other, strict=False)):
            if (below := difference(mine, theirs)) is not None:
                return (number, *below)
        return (min(len(one), len(other)),)
    return ()


def amended(value: Json, changes: Iterable[FieldChange]) -> Json:
    """The object after these changes; what they do not touch is the very same object.

    Raises Refused if a path leads through something that cannot hold it.
    """
    for change in removals_last(changes):
        if isinstance(change, SetField):
            value = _with(value, change.path, 0, change.value)
        else:
            value = _without(value, change.path, 0)
    return value


def removals_last(changes: Iterable[FieldChange]) -> list[FieldChange]:
    """The changes in an order in which the numbers in their paths count as before any of them: removals come last,
    from the back, and each once."""
    settings: list[FieldChange] = []
    removals: dict[FieldPath, FieldChange] = {}
    for change in changes:
        if isinstance(change, RemoveField):
            removals.setdefault(change.path, change)
        else:
            settings.append(change)
    return settings + [removals[path] for path in sorted(removals, key=_order, reverse=True)]


def moved(change: FieldChange, path: FieldPath) -> FieldChange:
    """The same change at another path."""
    return replace(change, path=path)


def _order(path: FieldPath) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in path)


def _with(here: Json, path: FieldPath, depth: int, value: Json) -> Json:
    if depth == len(path):
        return here if same(here, value) else value
    step = path[depth]
    if isinstance(step, str):
        if here is None:
            here = {}
        if not isinstance(here, dict):
            raise Refused(f"{dotted(path[:depth])} is no mapping, so that it cannot hold {step}")
        # A value of null is no field for Kubernetes, but a field that is to be null has to be written.
        if depth + 1 == len(path) and step not in here:
            return {**here, step: value}
        old = here.get(step)
        new = _with(old, path, depth + 1, value)
        return here if new is old else {**here, step: new}
    if here is None:
        here = []
    if not isinstance(here, list) or step > len(here) or step < 0:
        raise Refused(f"{dotted(path[:depth])} is no list that has room for a value at {step}")
    if step == len(here):
        return [*here, _with(None, path, depth + 1, value)]
    new = _with(here[step], path, depth + 1, value)
    return here if new is here[step] else [*here[:step], new, *here[step + 1 :]]


def _without(here: Json, path: FieldPath, depth: int) -> Json:
    if depth == len(path):
        raise Refused("a whole document is not removed")
    step = path[depth]
    last = depth + 1 == len(path)
    if isinstance(here, dict) and isinstance(step, str) and step in here:
        if last:
            return {key: value for key, value in here.items() if key != step}
        new = _without(here[step], path, depth + 1)
        return here if new is here[step] else {**here, step: new}
    if isinstance(here, list) and isinstance(step, int) and 0 <= step < len(here):
        if last:
            return [*here[:step], *here[step + 1 :]]
        new = _without(here[step], path, depth + 1)
        return here if new is here[step] else [*here[:step], new, *here[step + 1 :]]
    return here


def clashing(change: FieldChange, others: Sequence[FieldChange]) -> FieldChange | None:
    """The first of the others that wants something else of the same field; None: all can be had together."""
    return next((other for other in others if _clash(change, other)), None)


def _clash(one: FieldChange, other: FieldChange) -> bool:
    match one, other:
        case SetField(), SetField():
            upper, lower = (one, other) if len(one.path) <= len(other.path) else (other, one)
            if not _above(upper.path, lower.path):
                return False
            held, value = found(upper.value, lower.path[len(upper.path) :])
            return not (held and same(value, lower.value))
        case RemoveField(), RemoveField():
            return False
        case SetField(path=path, value=value), RemoveField(path=removed):
            return _above(removed, path) or (_above(path, removed) and found(value, removed[len(path) :])[0])
        case _:
            return _clash(other, one)


def _above(upper: FieldPath, lower: FieldPath) -> bool:
    return lower[: len(upper)] == upper


def found(value: Json, path: FieldPath) -> tuple[bool, Json]:
    """Whether something is written at that path, and what."""
    for step in path:
        match value:
            case dict() if isinstance(step, str) and step in value:
                value = value[step]
            case list() if isinstance(step, int) and 0 <= step < len(value):
                value = value[step]
            case _:
                return False, None
    return True, value


def dotted(path: FieldPath) -> str:
    """How messages name a path: spec.containers[0].image."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            plain = step.replace("-", "").replace("_", "").isalnum()
            text += f"{'.' if text else ''}{step if plain else json.dumps(step)}"
    return text or "the document"
