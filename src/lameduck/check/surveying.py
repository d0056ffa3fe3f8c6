"""The first walk through the files: everything that workloads may stand beside, found before any workload is judged.

A document is read by the YAML parser once, if at all. What it is can be told from a look at its text: the kind of an
object stands at the beginning of a line. Services, budgets and their like are read here and kept without their text, so
that memory stays flat however many files there are; what holds pods is left for the second walk (`checking`); all else
(custom resource definitions, secrets, values) is never read.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from enum import Enum
from typing import Any, TypeVar

from lameduck.check.files import File, read_file
from lameduck.pod.case import Autoscaler, ConfigMap, DisruptionBudget, Ingress
from lameduck.pod.objects.autoscaler_reading import AUTOSCALER_KINDS
from lameduck.pod.objects.kustomizations import is_kustomization, patch_files
from lameduck.pod.objects.manifests import Manifests, read_manifests
from lameduck.pod.place import FieldPath, InputError, Place
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source
from lameduck.pod.texts.documents import SourceDocument, read_documents, read_stretch, stretches
from lameduck.pod.workloads import Document, Service

__all__ = ["Holds", "KeptDocument", "Survey", "holds", "survey"]


class Holds(Enum):
    """What a stretch of text holds, as far as a look tells."""

    PODS = "pods"
    SURROUNDINGS = "surroundings"
    PERHAPS_BOTH = "perhaps both"  # a list, JSON, or an object in braces
    NOTHING = "nothing"


_KIND = re.compile(r"""^kind[ \t]*:[ \t]*["']?([A-Za-z]+)""", re.MULTILINE)
_SURROUNDINGS = {"Service", "PodDisruptionBudget", "Ingress", "ConfigMap", *AUTOSCALER_KINDS}
_NEVER = {"CustomResourceDefinition", "Secret"}
_WITHOUT_CONTAINERS = {"InferenceService"}  # a KServe model is a container of its own making


def holds(text: str) -> Holds:
    """What a document's text holds. It may promise too much, never too little."""
    kinds = set(_KIND.findall(text))
    if len(kinds) != 1 or any(kind.endswith("List") for kind in kinds):
        # Several kinds: documents that are not separated by a line of dashes.
        return Holds.PERHAPS_BOTH if "kind" in text else Holds.NOTHING
    kind = kinds.pop()
    if kind in _SURROUNDINGS and not (kind == "Service" and "knative" in text):
        return Holds.SURROUNDINGS
    if kind in _NEVER:
        return Holds.NOTHING
    return Holds.PODS if "ontainers" in text or kind in _WITHOUT_CONTAINERS else Holds.NOTHING


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A document that is kept without its text: asked for a place, it is read again. Fulfils `workloads.Document`."""

    origin: File
    start: int
    end: int
    number: int
    contents: Mapping[str, bytes] = field(repr=False)

    @property
    def file(self) -> str:
        return self.origin.name

    def place(self, at: FieldPath) -> Place:
        """The place of the value at that path, as it stands on disk now; the file's beginning if it is gone."""
        document = self.whole()
        return Place(self.file, 1, 1) if document is None else document.place(at)

    def whole(self) -> SourceDocument | None:
        """The document with its text. None: the file has changed meanwhile."""
        try:
            source = read_file(self.origin, self.contents)
            return read_stretch(source, self.start, min(self.end, len(source.text))).documents[self.number]
        except (InputError, IndexError):
            return None


_Kept = TypeVar("_Kept", Service, DisruptionBudget, Autoscaler, Ingress, ConfigMap)


@dataclass(slots=True)
class Survey:
    """What was found beside workloads, by what it can be looked up with; each with the folder that it stands in."""

    services: dict[tuple[str, str, str], list[Service]] = field(default_factory=dict)
    """By namespace and one pair of the selector."""
    budgets: dict[tuple[str, str, str], list[DisruptionBudget]] = field(default_factory=dict)
    """By namespace and one pair of the selector, or two empty texts where it has none."""
    autoscalers: dict[tuple[str, str], list[Autoscaler]] = field(default_factory=dict)
    """By namespace and the name of what they scale."""
    ingresses: dict[tuple[str, str], list[Ingress]] = field(default_factory=dict)
    """By namespace and each Service that they name."""
    config_maps: dict[tuple[str, str], list[ConfigMap]] = field(default_factory=dict)
    """By namespace and name, without their data."""
    patches: set[str] = field(default_factory=set)
    """Files that a kustomization takes for patches: parts of objects that stand elsewhere."""
    errors: list[tuple[File, InputError]] = field(default_factory=list)

    def add(self, manifests: Manifests) -> None:
        """Take what stands beside workloads in these manifests."""
        for service in manifests.services:
            pair = service.selector[0]
            self.services.setdefault((_namespace(service), *pair), []).append(service)
        for budget in manifests.budgets:
            pair = budget.selector.labels[0] if budget.selector.labels else ("", "")
            self.budgets.setdefault((_namespace(budget), *pair), []).append(budget)
        for autoscaler in manifests.autoscalers:
            self.autoscalers.setdefault((_namespace(autoscaler), autoscaler.target), []).append(autoscaler)
        for ingress in manifests.ingresses:
            for name in ingress.services:
                self.ingresses.setdefault((_namespace(ingress), name), []).append(ingress)
        for config_map in manifests.config_maps:
            self.config_maps.setdefault((_namespace(config_map), config_map.name), []).append(config_map)

    def merge(self, other: "Survey") -> None:
        """Take what another walk found, after what is here."""
        for mine, theirs in (
            (self.services, other.services),
            (self.budgets, other.budgets),
            (self.autoscalers, other.autoscalers),
            (self.ingresses, other.ingresses),
            (self.config_maps, other.config_maps),
        ):
            _merge(mine, theirs)
        self.patches |= other.patches
        self.errors += other.errors


def _merge(mine: dict[Any, list[Any]], theirs: dict[Any, list[Any]]) -> None:
    for key, values in theirs.items():
        mine.setdefault(key, []).extend(values)


def survey(files: Iterable[File], contents: Mapping[str, bytes]) -> Survey:
    """What stands beside workloads in these files. A file that cannot be read is an error of the result."""
    found = Survey()
    for file in files:
        try:
            source = read_file(file, contents)
            if is_kustomization(file.name):
                for document in read_documents(source).documents:
                    found.patches.update(patch_files(document))
                continue
            for start, end in stretches(source):
                if holds(source.text[start:end]) in (Holds.SURROUNDINGS, Holds.PERHAPS_BOTH):
                    found.add(_light(_read(source, start, end), file, start, end, contents))
        except InputError as error:
            found.errors.append((file, error))
    return found


def _read(source: Source, start: int, end: int) -> tuple[SourceDocument, ...]:
    return read_stretch(source, start, end).documents


def _light(
    documents: tuple[SourceDocument, ...], file: File, start: int, end: int, contents: Mapping[str, bytes]
) -> Manifests:
    """The surroundings in these documents, with documents in place of theirs that hold no text."""
    manifests = read_manifests(documents)
    kept: dict[int, Document] = {
        id(document): KeptDocument(file, start, end, number, contents) for number, document in enumerate(documents)
    }

    def light(one: _Kept) -> _Kept:
        return replace(one, document=kept[id(one.document)])

    return Manifests(
        services=tuple(light(each) for each in manifests.services),
        budgets=tuple(light(each) for each in manifests.budgets),
        autoscalers=tuple(light(each) for each in manifests.autoscalers),
        ingresses=tuple(light(each) for each in manifests.ingresses),
        config_maps=tuple(replace(light(each), data=()) for each in manifests.config_maps),
    )


def _namespace(one: Service | DisruptionBudget | Autoscaler | Ingress | ConfigMap) -> str:
    return one.namespace or "default"


def folder_of(document: Document) -> tuple[str, ...]:
    """The folder that a document stands in, part by part."""
    return tuple(os.path.dirname(document.file).split(os.sep))  # a Path takes five times as long
