"""`--fix-as json-patch` and `--fix-as kustomize`: the same remedies as patches, for YAML that something generates."""

import json
from collections.abc import Iterable

from lameduck.check.judging import Mendable, MendableText
from lameduck.check.outcome import Note
from lameduck.pod.nodes import find
from lameduck.pod.records import dataclass
from lameduck.remedies.amending import Plain
from lameduck.remedies.json_patch import json_patch
from lameduck.remedies.kustomize import kustomize_patch
from lameduck.remedies.remedy import Change, Json

__all__ = ["Patches", "json_patches", "kustomize_patches"]


@dataclass(frozen=True, slots=True)
class Patches:
    """What to print, and the changes that no patch of an object can hold, each with a sentence why."""

    text: str
    notes: tuple[Note, ...]


def json_patches(mendable: Iterable[Mendable | MendableText]) -> Patches:
    """A JSON list with one entry for each workload: which it is, and its RFC 6902 operations."""
    entries = []
    notes: list[Note] = []
    for group in _by_workload(mendable):
        first = group[0]
        patch = json_patch(_object(first), _changes(group), at=first.workload.at)
        notes += _left_out(first, patch.left_out)
        if patch.operations:
            entries.append(
                {
                    "kind": first.workload.kind,
                    "name": first.workload.name,
                    "namespace": first.workload.namespace,
                    "file": first.seen.template or first.document.file,
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
        patch = kustomize_patch(_object(first), _changes(group), at=first.workload.at)
        notes += _left_out(first, patch.left_out)
        if patch.text is not None:
            documents.append(patch.text)
    return Patches("---\n".join(documents), tuple(notes))


def _by_workload(mendable: Iterable[Mendable | MendableText]) -> list[list[Mendable]]:
    groups: dict[tuple[int, object], list[Mendable]] = {}
    for each in mendable:
        if isinstance(each, MendableText):
            continue  # no object that a patch could be for
        groups.setdefault((id(each.document.root), each.workload.at), []).append(each)
    return list(groups.values())


def _object(mendable: Mendable) -> Json:
    return Plain().of(find(mendable.document.root, mendable.workload.at)[0])


def _changes(group: Iterable[Mendable]) -> tuple[Change, ...]:
    return tuple(change for each in group for change in each.remedy.changes)


def _left_out(first: Mendable, left_out: Iterable[tuple[Change, str]]) -> list[Note]:
    return [
        Note(first.seen.place, f"{first.workload.title} is not patched with this ({change.reason}): {why}.")
        for change, why in left_out
    ]
