"""The pen for generated YAML: changes as a strategic-merge patch that kustomize lays over a workload."""

from collections.abc import Iterable

from lameduck.pod.place import FieldPath
from lameduck.pod.records import dataclass
from lameduck.remedies.amending import amended, dotted, found, moved, removals_last, same
from lameduck.remedies.notation import Manner, block_entry
from lameduck.remedies.remedy import Change, EditText, FieldChange, Json, Refused

__all__ = ["KustomizePatch", "kustomize_patch"]

_MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "hostAliases": ("ip",),
}
"""Lists of a pod that are merged item by item; the others are replaced as a whole. From `x-kubernetes-patch-merge-key`
and `x-kubernetes-list-map-keys` of the API's OpenAPI schema. `ports` is left out: its key is containerPort in a pod and
port in a Service, and tools differ on whether the protocol counts, so whole lists of ports are safer not written."""
_UNSURE = frozenset(("ports",))
_BUILT_IN = frozenset(("v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v2", "networking.k8s.io/v1"))
_MANNER = Manner(dash=2)


@dataclass(frozen=True, slots=True)
class KustomizePatch:
    """One YAML document for a workload (None: nothing to patch), and the changes that it cannot hold, with why."""

    text: str | None
    left_out: tuple[tuple[Change, str], ...] = ()


def kustomize_patch(obj: Json, changes: Iterable[Change], *, at: FieldPath = ()) -> KustomizePatch:
    """The patch that makes these changes in an object, those of several remedies in one.

    `at`: where the object stands in the document that the changes' paths begin in (`Workload.at`).
    """
    left_out: list[tuple[Change, str]] = []
    kept: list[FieldChange] = []
    for change in changes:
        if isinstance(change, EditText):
            left_out.append((change, "kustomize does not reach scripts and Dockerfiles"))
        elif change.path[: len(at)] != at:
            left_out.append((change, f"{dotted(change.path)} belongs to another object"))
        else:
            try:
                _patch_of(obj, [moved(change, change.path[len(at) :])])
                _patch_of(obj, [moved(each, each.path[len(at) :]) for each in (*kept, change)])
            except Refused as refused:
                left_out.append((change, refused.reason))
            else:
                kept.append(change)
    patch = _patch_of(obj, [moved(change, change.path[len(at) :]) for change in kept])
    if not patch:
        return KustomizePatch(None, tuple(left_out))
    lines = [line for key, value in patch.items() for line in block_entry(key, value, 0, _MANNER)]
    return KustomizePatch("\n".join(lines) + "\n", tuple(left_out))


def _patch_of(obj: Json, changes: list[FieldChange]) -> dict[str, Json]:
    """What to merge, with the names by which kustomize finds the object; empty if nothing changes."""
    if not isinstance(obj, dict):
        raise Refused("this is no object of Kubernetes")
    after = amended(obj, removals_last(changes))
    if same(obj, after):
        return {}
    name = found(obj, ("metadata", "name"))[1]
    if not isinstance(name, str) or not isinstance(obj.get("kind"), str) or not isinstance(obj.get("apiVersion"), str):
        raise Refused("kustomize finds an object by its kind and name, and this one lacks them")
    metadata: dict[str, Json] = {"name": name}
    namespace = found(obj, ("metadata", "namespace"))[1]
    if namespace is not None:
        metadata["namespace"] = namespace
    assert isinstance(after, dict)
    difference = _mapping(obj, after, (), merges=obj["apiVersion"] in _BUILT_IN)
    if difference.keys() & {"apiVersion", "kind"}:
        raise Refused("a patch cannot change what an object is")
    more = difference.pop("metadata", {})
    if not isinstance(more, dict) or more.keys() & {"name", "namespace"}:
        raise Refused("a patch cannot rename an object")
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": {**metadata, **more}, **difference}


def _mapping(old: dict[str, Json], new: dict[str, Json], path: FieldPath, *, merges: bool) -> dict[str, Json]:
    patch: dict[str, Json] = dict.fromkeys(key for key in old if key not in new)
    for key, value in new.items():
        here = (*path, key)
        before = old.get(key)
        if key in old and same(before, value):
            continue
        if value is None:
            # null takes a field away: Kubernetes sees no difference, but a null inside a new value would stay one.
            patch[key] = None
        elif isinstance(before, dict) and isinstance(value, dict):
            patch[key] = _mapping(before, value, here, merges=merges)
        elif isinstance(before, list) and before and isinstance(value, list):
            patch[key] = _list(key, before, value, here, merges=merges)
        else:
            patch[key] = value
    return patch


def _list(key: str, old: list[Json], new: list[Json], path: FieldPath, *, merges: bool) -> list[Json]:
    if not merges and any(isinstance(item, dict) for item in (*old, *new)):
        raise Refused(f"kustomize knows no key of {dotted(path)} in this kind, and would replace the whole list")
    keys = _MERGE_KEYS.get(key)
    if keys is None:
        if key in _UNSURE:
            raise Refused(f"tools differ in how they merge {dotted(path)}")
        return new
    before = {_identity(item, keys, path): item for item in old}
    after = {_identity(item, keys, path): item for item in new}
    if len(before) < len(old) or len(after) < len(new):
        raise Refused(f"two items of {dotted(path)} have the same {keys[0]}")
    if any(identity not in before for identity in after):
        raise Refused(f"kustomize puts new items of {dotted(path)} first, other tools last")
    patch: list[Json] = []
    for identity, item in before.items():
        names: dict[str, Json] = dict(zip(keys, identity, strict=True))
        if identity not in after:
            patch.append({"$patch": "delete", **names})
        elif not same(item, after[identity]):
            assert isinstance(item, dict)
            target = after[identity]
            assert isinstance(target, dict)
            patch.append({**names, **_mapping(item, target, (*path, old.index(item)), merges=merges)})
    return patch


def _identity(item: Json, keys: tuple[str, ...], path: FieldPath) -> tuple[str, ...]:
    values = tuple(item.get(key) for key in keys) if isinstance(item, dict) else ()
    texts = tuple(value for value in values if isinstance(value, str))
    if len(texts) < len(keys):
        raise Refused(f"an item of {dotted(path)} has no {keys[0]}, by which kustomize would find it")
    return texts
