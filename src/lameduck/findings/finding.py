"""What a finding is: a code, a page, examples that are its tests, and who can see it.

What an ending is made of (timeline, verdict) is imported only where an ending is looked at: `check` sees none, and must
start fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import Cause, KillCause
from lameduck.ending.requests import Request
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Role
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Span
from lameduck.pod.place import FieldPath, Place
from lameduck.pod.records import dataclass
from lameduck.pod.sysctls.sysctl import Settings
from lameduck.pod.workloads import Document, Workload
from lameduck.remedies.remedy import Remedy

if TYPE_CHECKING:
    from lameduck.ending.commands import ContainerEnding
    from lameduck.ending.kills import Kill
    from lameduck.ending.losses import Loss
    from lameduck.ending.timeline import Timeline
    from lameduck.ending.verdict import PodEnding, Verdict

__all__ = [
    "EndedHook",
    "Example",
    "Finding",
    "Found",
    "InEnding",
    "InFiles",
    "InSettings",
    "KilledContainer",
    "Mend",
    "MendSettings",
    "Severity",
    "Sighting",
    "Witness",
    "Witnessed",
]


class Severity(Enum):
    """error: work is lost. warning: work is lost when things go a little differently. info: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Witness(Enum):
    """Who can see a finding: whoever reads the files, or whoever sees the ending."""

    FILES = "files"
    ENDING = "ending"


@dataclass(frozen=True, slots=True)
class KilledContainer:
    """A container that was killed at its deadline, as the first of these pods saw it; `cut` requests died with it."""

    first: Kill
    pods: tuple[str, ...]
    cut: int


@dataclass(frozen=True, slots=True)
class EndedHook:
    """A preStop hook, as it ended in the first of these pods. `cause` is a HookFailure's value, where it is known."""

    container: ContainerEnding
    grace_s: int
    cause: str | None
    detail: str
    pods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """An ending that was seen: the workload as its files state it, what happened, and what the judge said."""

    workload: Workload
    timeline: Timeline
    verdict: Verdict
    replicas: int = 1
    """How many replicas ran; a rehearsal may run another number than the file says."""

    def kills(self, cause: KillCause) -> tuple[KilledContainer, ...]:
        """The containers that were killed at their deadline for that cause; one entry for all pods of a rollout."""
        from lameduck.ending.kills import explain_kills

        by_name: dict[str, list[Kill]] = {}
        for ending in self.verdict.endings:
            for kill in explain_kills(self.timeline, ending, self.workload.pod):
                if kill.cause is cause:
                    by_name.setdefault(kill.container.name, []).append(kill)
        return tuple(
            KilledContainer(
                kills[0], tuple(kill.pod for kill in kills), self._cut_by_kill({kill.pod for kill in kills})
            )
            for kills in by_name.values()
        )

    def _cut_by_kill(self, pods: set[str]) -> int:
        return sum(loss.request.pod in pods for loss in self.losses(Cause.CUT_BY_KILL))

    def losses(self, *causes: Cause) -> tuple[Loss, ...]:
        """The requests that were lost for one of these causes."""
        return tuple(loss for loss in self.verdict.losses if loss.cause in causes)

    def hooks(self, outcome: str) -> tuple[EndedHook, ...]:
        """The preStop hooks that ended so; one entry for all pods of a rollout, as the first of them saw it."""
        from lameduck.ending.timeline import HookFinished

        by_name: dict[str, list[EndedHook]] = {}
        for ending in self.verdict.endings:
            for container in ending.containers:
                if container.hook_outcome == outcome:
                    finished = tuple(self.timeline.of(HookFinished, pod=ending.pod, container=container.name))
                    cause, detail = (finished[-1].cause, finished[-1].detail) if finished else (None, "")
                    seen = EndedHook(container, ending.grace_s, cause, detail, (ending.pod,))
                    by_name.setdefault(container.name, []).append(seen)
        return tuple(replace(seen[0], pods=tuple(each.pods[0] for each in seen)) for seen in by_name.values())

    @property
    def serving(self) -> Container:
        """The container that requests go to: the first regular one with a port or a readiness probe, else the first."""
        regular = [container for container in self.workload.pod.containers if container.role is Role.REGULAR]
        return next((each for each in regular if each.ports or each.readiness is not None), regular[0])

    def ending_of(self, pod: str) -> PodEnding:
        """The ending of that pod. Raises KeyError."""
        for ending in self.verdict.endings:
            if ending.pod == pod:
                return ending
        raise KeyError(pod)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One place where a finding was seen: the sentence that says what, and the sentence that says what to do."""

    container: str | None
    at: FieldPath | None
    """Where in the workload's document; None: the workload as a whole."""
    message: str
    mend: str
    severity: Severity | None = None
    """None: the finding's own."""
    span: Span | None = None
    """Where in a script or Dockerfile; then `at` is where the manifest leads there, if it does."""
    uncertain: bool = False
    """The files leave a doubt, and the message says which."""
    document: Document | None = None
    """The document that `at` belongs to; None: the workload's."""


InEnding: TypeAlias = Callable[[Witnessed], Iterator[Sighting]]
InFiles: TypeAlias = Callable[[Case], Iterator[Sighting]]
InSettings: TypeAlias = Callable[[Settings, tuple[int, int]], Iterator[Sighting]]
"""Looks at the sysctls of one setter: of a sysctl file, or of a workload. The pair is the cluster's minor version."""
Mend: TypeAlias = Callable[[Case, Sighting], Remedy | None]
"""The smallest change that mends what was seen; None: nothing can be offered, the page explains."""
MendSettings: TypeAlias = Callable[[Settings, Sighting], Remedy | None]


@dataclass(frozen=True, slots=True)
class Example:
    """A story with a manifest, and how it ends when it is played through the flow (`ending.playing`).

    `container`, `pod` and `workload` are YAML for further fields of the one container `app`, of the pod spec and of the
    Deployment's spec; `examples.manifest` makes a whole Deployment of them, ready to paste. `behaviour` says what the
    containers do, `requests` what clients saw (`examples.request`). `lag_s` is the time until the endpoints are
    updated, `replacement_ready_s` when the pod that replaces the deleted one is ready. `also` names other findings that
    this story rightly shows.

    For whoever reads the files: `objects` are further documents beside the Deployment (a Service, a budget), `files`
    the image's build context by path, Dockerfile included. `settings` is a sysctl file that is judged in place of the
    Deployment. `only` says which witness the story is for; None: every witness that its finding has.
    """

    story: str
    behaviour: Behaviour | Mapping[str, Behaviour] = field(default_factory=lambda: Behaviour())
    container: str = ""
    pod: str = ""
    workload: str = ""
    replicas: int = 2
    lag_s: Seconds = Seconds(1.0)
    replacement_ready_s: Seconds | None = None
    grace_s: int | None = None
    image_stop_signal: str | None = None
    requests: tuple[Request, ...] = ()
    also: tuple[str, ...] = ()
    objects: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    settings: str = ""
    beside: str = ""
    """Further regular containers of the pod, as a YAML list."""
    whole: str = ""
    """A manifest in place of the Deployment, for what is none (a Job)."""
    bare: bool = False
    """Nothing is filled in: behind a Service, an example has a readiness probe and a budget unless it is about them."""
    kubernetes: tuple[int, int] = (1, 36)
    only: Witness | None = None


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
    in_ending: InEnding | None = None
    in_files: InFiles | None = None
    remedy: Mend | None = None
    in_settings: InSettings | None = None
    remedy_in_settings: MendSettings | None = None

    def seen_by(self, witness: Witness) -> bool:
        """Whether that witness can see it."""
        if witness is Witness.ENDING:
            return self.in_ending is not None
        return self.in_files is not None or self.in_settings is not None


@dataclass(frozen=True, slots=True)
class Found:
    """A finding that was seen in a user's workload: what reports show and the JSON envelope carries."""

    code: str
    title: str
    severity: Severity
    message: str
    mend: str
    workload: str
    """Deployment/web; for a sysctl file its name."""
    container: str | None
    place: Place | None
    remedy: Remedy | None = None
    uncertain: bool = False

    @property
    def fixable(self) -> bool:
        """Whether `check --fix` mends it."""
        return self.remedy is not None and self.remedy.safe
