"""A remedy: the smallest change that mends a finding, free of any notation."""

from dataclasses import field
from typing import TypeAlias

from lameduck.pod.entry import Span
from lameduck.pod.place import FieldPath, Place
from lameduck.pod.records import dataclass
from lameduck.pod.texts.documents import SourceDocument
from lameduck.pod.workloads import Document

__all__ = [
    "Beside",
    "Change",
    "EditText",
    "FieldChange",
    "Json",
    "Mend",
    "Refusal",
    "Refused",
    "Remedy",
    "RemoveField",
    "SetField",
]

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


@dataclass(frozen=True, slots=True)
class SetField:
    """Give the field at that path of the workload's document this value; what lacks on the way to it is made.

    A number equal to a list's length appends to it.
    """

    path: FieldPath
    value: Json
    reason: str


@dataclass(frozen=True, slots=True)
class RemoveField:
    """Remove the field at that path of the workload's document; numbers count as before any change."""

    path: FieldPath
    reason: str


@dataclass(frozen=True, slots=True)
class EditText:
    """Replace a piece of a script or Dockerfile. Text pens only: no patch of an API object reaches it."""

    span: Span
    text: str
    reason: str


FieldChange: TypeAlias = SetField | RemoveField
Change: TypeAlias = FieldChange | EditText


@dataclass(frozen=True, slots=True)
class Beside:
    """Another object than the workload, such as its budget: the document that it is in, and where it stands there."""

    document: Document
    at: FieldPath = ()


@dataclass(frozen=True, slots=True)
class Remedy:
    """Changes that belong together. `safe`: makes nothing worse for anybody; else only `--fix --unsafe` applies it."""

    changes: tuple[Change, ...]
    safe: bool
    title: str
    """What it does, in the imperative: "Wait 5 s before stopping"."""
    beside: Beside | None = None
    """The object whose fields it changes; None: the workload."""


@dataclass(frozen=True, slots=True)
class Mend:
    """A remedy and the workload's document; None: it edits scripts or Dockerfiles only."""

    remedy: Remedy
    document: SourceDocument | None = field(default=None, repr=False)

    @property
    def target(self) -> SourceDocument | None:
        """The document that its fields belong to; None: its text is not at hand, or there are no fields."""
        if self.remedy.beside is None:
            return self.document
        document = self.remedy.beside.document
        return document if isinstance(document, SourceDocument) else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A remedy that a pen cannot write down: one sentence why, and the place that stands in the way."""

    mend: Mend
    reason: str
    place: Place | None = None


class Refused(Exception):
    """A change that cannot be written here. `index`: the place in the text; -1: none."""

    def __init__(self, reason: str, index: int = -1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.index = index
