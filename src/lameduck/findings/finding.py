"""What a finding is: a code, a page, examples that are its tests, and who can see it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from lameduck.ending.playing import Behaviour
from lameduck.ending.requests import Request
from lameduck.ending.timeline import Timeline
from lameduck.ending.verdict import Verdict
from lameduck.pod.durations import Seconds
from lameduck.pod.place import FieldPath, Place
from lameduck.pod.workloads import Workload

__all__ = ["Example", "Finding", "Found", "InEnding", "Severity", "Sighting", "Witnessed"]


class Severity(Enum):
    """error: work is lost. warning: work is lost when things go a little differently. info: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Witnessed:
    """An ending that was seen: the workload as its files state it, what happened, and what the judge said."""

    workload: Workload
    timeline: Timeline
    verdict: Verdict
    replicas: int = 1
    """How many replicas ran; a rehearsal may run another number than the file says."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One place where a finding was seen: the sentence that says what, and the sentence that says what to do."""

    container: str | None
    at: FieldPath | None
    """Where in the workload's document; None: the workload as a whole."""
    message: str
    mend: str


InEnding: TypeAlias = Callable[[Witnessed], Iterator[Sighting]]


@dataclass(frozen=True, slots=True)
class Example:
    """A story with a manifest, and how it ends when it is played through the flow (`ending.playing`).

    `container` is YAML for further fields of the one container `app` (its name is filled in), `pod` YAML for further
    fields of the pod spec, `workload` YAML for further fields of the Deployment's spec. `behaviour` says what the
    containers do; `requests` are what clients saw. `lag_s` is the time until the endpoints are updated.
    """

    story: str
    behaviour: Behaviour | Mapping[str, Behaviour] = field(default_factory=lambda: Behaviour())
    container: str = "{}"
    pod: str = "{}"
    workload: str = "{}"
    replicas: int = 2
    lag_s: Seconds = Seconds(1.0)
    grace_s: int | None = None
    requests: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of the catalogue. The code is a promise: it is never used again for something else."""

    code: str
    title: str
    """Names the fault, in kebab case, so that "allow X" reads well."""
    severity: Severity
    facts: tuple[str, ...]
    page: str
    bad: tuple[Example, ...]
    good: tuple[Example, ...]
    in_ending: InEnding


@dataclass(frozen=True, slots=True)
class Found:
    """A finding that was seen in a user's workload: what reports show and the JSON envelope carries."""

    code: str
    title: str
    severity: Severity
    message: str
    mend: str
    workload: str
    container: str | None
    place: Place | None
    fixable: bool = False
