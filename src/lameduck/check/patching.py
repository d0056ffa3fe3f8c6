"""`--fix-as json-patch` and `--fix-as kustomize`: the same remedies as patches, for YAML that something generates."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lameduck.check.fixing import Round
from lameduck.check.judging import Mendable, MendableText
from lameduck.check.naming import identity
from lameduck.check.outcome import Note
from lameduck.pod.records import dataclass
from lameduck.pod.texts.nodes import find
from lameduck.remedies.amending import Plain, clashing
from lameduck.remedies.json_patch import json_patch
from lameduck.remedies.kustomize import kustomize_patch
from lameduck.remedies.remedy import Change, EditText, FieldChange, Json

__all__ = ["Patches", "json_patches", "kustomize_patches", "patchable"]


@dataclass(frozen=True, slots=True)
class Patches:
    """What to print, and the changes that no patch of an object can hold, each with a sentence why."""

    text: str
    notes: tuple[Note, ...]


def patchable(rounds: Sequence[Round]) -> tuple[list[Mendable | MendableText], list[Note]]:
    """What the rounds of `--fix` come to, as changes of the objects as they are, and notes of what finds no place.

    Of the same field, the last round's change counts. What only the text could not take is taken here.
    """
    every: list[Mendable | MendableText] = []
    for each in (each for round_ in rounds for each in round_.made):
        newer = _fields(each)
        every = [_without_overridden(older, newer) if _same_object(older, each) else older for older in every]
        every.append(each)
    notes = []
    for each, note in rounds[-1].refused if rounds else ():
        taken = [change for other in every if _same_object(other, each) for change in _fields(other)]
        if isinstance(each, MendableText) or any(clashing(change, taken) for change in _fields(each)):
            notes.append(note)
        else:
            every.append(each)
    return every, notes


def _fields(each: Mendable | MendableText) -> list[FieldChange]:
    return [change for change in each.remedy.changes if not isinstance(change, EditText)]


def _same_object(one: Mendable | MendableText, other: Mendable | MendableText) -> bool:
    return isinstance(one, Mendable) and isinstance(other, Mendable) and one.home == other.home


def _without_overridden(older: Mendable | MendableText, newer: Sequence[FieldChange]) -> Mendable | MendableText:
    """Without the changes of fields that a later round gives another value, or of what lies below them."""
    kept = tuple(
        change
        for change in older.remedy.changes
        if isinstance(change, EditText)
        or not any(change.path[: len(new.path)] == new.path and clashing(new, [change]) for new in newer)
    )
    return replace(older, remedy=replace(older.remedy, changes=kept))


def json_patches(mendable: Iterable[Mendable | MendableText]) -> Patches:
    """A JSON list with one entry for each workload: which it is, and its RFC 6902 operations."""
    entries = []
    notes: list[Note] = []
    for group in _by_workload(mendable):
        first = group[0]
        document, at = first.home
        patch = json_patch(_object(first), _changes(group), at=at)
        notes += _left_out(first, patch.left_out)
        if patch.operations:
            kind, name, namespace = identity(document, at)
            entries.append(
                {
                    "kind": kind,
                    "name": name,
                    "namespace": namespace,
                    "file": first.seen.template or document.file,
                    "patch": list(patch.operations),
                }
            )
    return Patches(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", tuple(notes))


def kustomize_patches(mendable: Iterable[Mendable | MendableText]) -> Patches:
    """A stream of strategic-merge patches, one document for each workload, to be named under `patches:`."""
    documents = []
    notes: list[Note] = []
    for group in _by_workload(mendable):
        first = group[0]
        patch = kustomize_patch(_object(first), _changes(group), at=first.home[1])
        notes += _left_out(first, patch.left_out)
        if patch.text is not None:
            documents.append(patch.text)
    return Patches("---\n".join(documents), tuple(notes))


def _by_workload(mendable: Iterable[Mendable | MendableText]) -> list[list[Mendable]]:
    groups: dict[tuple[int, object], list[Mendable]] = {}
    for each in mendable:
        if isinstance(each, MendableText):
            continue  # no object that a patch could be for
        document, at = each.home
        groups.setdefault((id(document.root), at), []).append(each)
    return list(groups.values())


def _object(mendable: Mendable) -> Json:
    document, at = mendable.home
    return Plain().of(find(document.root, at)[0])


def _changes(group: Iterable[Mendable]) -> tuple[Change, ...]:
    return tuple(change for each in group for change in each.remedy.changes)


def _left_out(first: Mendable, left_out: Iterable[tuple[Change, str]]) -> list[Note]:
    return [
        Note(first.seen.place, f"{first.workload.title} is not patched with this ({change.reason}): {why}.")
        for change, why in left_out
    ]
