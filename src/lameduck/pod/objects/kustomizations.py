"""A kustomization's patches: files that hold parts of objects, which say nothing of what they leave out."""

import os

from lameduck.pod.texts.documents import SourceDocument
from lameduck.pod.texts.fields import Complaints, Fields
from lameduck.pod.texts.nodes import Mapping, follow

__all__ = ["is_kustomization", "patch_files"]

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def is_kustomization(file: str) -> bool:
    """Whether the file's name is one that kustomize looks for."""
    return os.path.basename(file) in _NAMES


def patch_files(document: SourceDocument) -> tuple[str, ...]:
    """The files that a kustomization takes for patches, by their paths as from where its own is named."""
    root = follow(document.root)
    if not isinstance(root, Mapping):
        return ()
    fields = Fields(root, (), Complaints(document))
    named = [patch.text("path") for key in ("patches", "patchesJson6902") for patch in fields.list_of_fields(key)]
    merged = [text for text in fields.texts("patchesStrategicMerge") or () if "\n" not in text]  # or the patch itself
    folder = os.path.dirname(document.file)
    return tuple(os.path.normpath(os.path.join(folder, path)) for path in (*named, *merged) if path)
