"""A remedy: the smallest change that mends a finding, free of any notation."""

from dataclasses import dataclass
from typing import TypeAlias

from lameduck.pod.entry import Span
from lameduck.pod.place import FieldPath

__all__ = ["Change", "EditText", "Json", "Remedy", "RemoveField", "SetField"]

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


@dataclass(frozen=True, slots=True)
class SetField:
    """Give the field at that path of the workload's document this value; what lacks on the way to it is made."""

    path: FieldPath
    value: Json
    reason: str


@dataclass(frozen=True, slots=True)
class RemoveField:
    """Remove the field at that path of the workload's document."""

    path: FieldPath
    reason: str


@dataclass(frozen=True, slots=True)
class EditText:
    """Replace a piece of a script or Dockerfile. Text pens only: no patch of an API object reaches it."""

    span: Span
    text: str
    reason: str


Change: TypeAlias = SetField | RemoveField | EditText


@dataclass(frozen=True, slots=True)
class Remedy:
    """Changes that belong together. `safe`: makes nothing worse for anybody; else only `--fix --unsafe` applies it."""

    changes: tuple[Change, ...]
    safe: bool
    title: str
    """What it does, in the imperative: "Wait 5 s before stopping"."""
