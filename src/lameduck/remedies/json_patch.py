"""The webhook's pen: changes as the operations of a JSON patch (RFC 6902) on a given object."""

from collections.abc import Iterable

from lameduck.pod.place import FieldPath
from lameduck.pod.records import dataclass
from lameduck.remedies.amending import amended, dotted, found, moved, removals_last, same
from lameduck.remedies.remedy import Change, EditText, FieldChange, Json, Refused, RemoveField

__all__ = ["JsonPatch", "json_patch"]


@dataclass(frozen=True, slots=True)
class JsonPatch:
    """Operations to make in this order, and the changes that no patch of an object reaches, with a sentence why."""

    operations: tuple[dict[str, Json], ...]
    left_out: tuple[tuple[Change, str], ...] = ()


def json_patch(obj: Json, changes: Iterable[Change], *, at: FieldPath = ()) -> JsonPatch:
    """The operations that make these changes in an object; none for what is so already.

    `at`: where the object stands in the document that the changes' paths begin in (`Workload.at`).
    """
    operations: list[dict[str, Json]] = []
    left_out: list[tuple[Change, str]] = []
    fields: list[FieldChange] = []
    for change in changes:
        if isinstance(change, EditText):
            left_out.append((change, "a patch of an object does not reach scripts and Dockerfiles"))
        elif change.path[: len(at)] != at:
            left_out.append((change, f"{dotted(change.path)} belongs to another object"))
        else:
            fields.append(change)
    for field in removals_last(fields):
        here = moved(field, field.path[len(at) :])
        try:
            after = amended(obj, [here])
        except Refused as refused:
            left_out.append((field, refused.reason))
            continue
        if not same(obj, after):
            operations.append(_operation(obj, here))
            obj = after
    return JsonPatch(tuple(operations), tuple(left_out))


def _operation(obj: Json, change: FieldChange) -> dict[str, Json]:
    if isinstance(change, RemoveField):
        return {"op": "remove", "path": _pointer(change.path)}
    # `add` makes no parents: what lacks on the way comes as one value, where the first of it belongs.
    depth = 0
    while depth < len(change.path) and _leads_on(obj, change.path[: depth + 1]):
        depth += 1
    path = change.path[: depth + 1]
    value = change.value
    for step in reversed(change.path[len(path) :]):
        value = {step: value} if isinstance(step, str) else [value]
    exists = found(obj, path)[0]
    return {"op": "replace" if exists else "add", "path": _pointer(path), "value": value}


def _leads_on(obj: Json, path: FieldPath) -> bool:
    exists, value = found(obj, path)
    return exists and value is not None


def _pointer(path: FieldPath) -> str:
    """The path as RFC 6901 writes it."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
