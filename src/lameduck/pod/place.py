"""Where a value stands in a user's file, and the one way to complain about it."""

from typing import TypeAlias

from lameduck.pod.records import dataclass

__all__ = ["FieldPath", "InputError", "Place", "Problem"]

FieldPath: TypeAlias = tuple[str | int, ...]
"""A path inside one document: ("spec", "containers", 0, "name"). A document turns it into a Place."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; line and column count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A value that is not what Kubernetes wants: reading went on, and the message says what to write instead."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class InputError(Exception):
    """Input that cannot be used: what is wrong, where, and what to do about it. Printed once, in cli/; exit code 2."""

    def __init__(self, what: str, *, at: Place | str | None, do: str) -> None:
        self.what = what
        self.at = at
        self.do = do
        where = f"{at}: " if at is not None else ""
        super().__init__(f"{where}{what} {do}")

    def __reduce__(self) -> tuple[object, ...]:
        # Without it an error that another process raises could not come home: pickle calls with the message alone.
        return (_rebuilt, (self.what, self.at, self.do))


def _rebuilt(what: str, at: Place | str | None, do: str) -> InputError:
    return InputError(what, at=at, do=do)
