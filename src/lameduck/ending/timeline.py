"""One record of an ending, whoever saw it: typed events with seconds since the deletion request, and their JSON.

Users store the JSON for years. Version 1 is described by `timeline.schema.json` beside this file, which is generated
from the classes below (`python -m lameduck.ending.timeline_schema`) and compared by a test. Reading is strict about
the version and lenient about events it does not know: they are kept as `Other`.
"""

import math
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from lameduck.pod.durations import Seconds

__all__ = [
    "EVENT_TYPES",
    "BackendsChanged",
    "ContainerExited",
    "ContainerStarting",
    "DeletionMarked",
    "EndpointChanged",
    "Event",
    "HookFinished",
    "HookStarted",
    "KillSent",
    "Note",
    "Other",
    "OutputLine",
    "PhaseReported",
    "PodGone",
    "PodReady",
    "ProbeAnswered",
    "ReplicaPlanned",
    "SignalSent",
    "StepTold",
    "Timeline",
    "TimelineError",
]

VERSION = 1


class TimelineError(ValueError):
    """A JSON document that is not a timeline this version can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaPlanned:
    """A replica was created: one of the first, or the replacement a controller makes (T112)."""

    t_s: Seconds
    pod: str
    replacement: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStarting:
    """A container's process was started."""

    t_s: Seconds
    pod: str
    container: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodReady:
    """The pod's Ready condition changed (T79)."""

    t_s: Seconds
    pod: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAnswered:
    """A probe's result differs from the one before it, or is a failure."""

    t_s: Seconds
    pod: str
    container: str
    probe: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionMarked:
    """The deletion was asked for and marked: deletionTimestamp is set (T1)."""

    t_s: Seconds
    pod: str
    grace_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChanged:
    """The pod's conditions in the EndpointSlice; `listed` False: it left the slice (T77, T79)."""

    t_s: Seconds
    pod: str
    ready: bool
    serving: bool
    terminating: bool
    listed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendsChanged:
    """One client side (a node's proxy, a balancer) now sends new connections to these pods (T85-T88)."""

    t_s: Seconds
    view: int
    pods: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HookStarted:
    """The preStop hook was started."""

    t_s: Seconds
    pod: str
    container: str
    handler: str
    """In words: `exec sleep 5`, `sleep 5 s`, `httpGet :8080/drain`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookFinished:
    """The kubelet is done with the hook: outcome ok, failed or outlasted (the grace ended first)."""

    t_s: Seconds
    pod: str
    container: str
    outcome: str
    cause: str | None = None
    """A HookFailure's value, where it failed."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSent:
    """The stop signal went to the container's main process.

    `reception` says what the kernel will do with it: caught, ignored, blocked, discarded (PID 1 without a handler, T54)
    or default; unknown where it cannot be read. `main` is the main process' command, `below` the commands of the
    processes under it: they are not signalled (T52).
    """

    t_s: Seconds
    pod: str
    container: str
    signal: str
    timeout_s: int
    reception: str = "unknown"
    main: str = ""
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSent:
    """SIGKILL at the deadline (T18)."""

    t_s: Seconds
    pod: str
    container: str
    handling: str = "unknown"
    """What a second stop signal would have met by then, in the words of a signal's reception."""
    listening: bool = False
    """Whether a process of the container still accepted connections then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExited:
    """The main process is gone; exit_code is 128+n for signal n (T58)."""

    t_s: Seconds
    pod: str
    container: str
    exit_code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseReported:
    """The terminal phase reached the API; the pod leaves its EndpointSlices (T62, T77)."""

    t_s: Seconds
    pod: str
    phase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodGone:
    """The API object is gone (T14)."""

    t_s: Seconds
    pod: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLine:
    """A line that a process of the container wrote."""

    t_s: Seconds
    pod: str
    container: str
    stream: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTold:
    """A step of its ending that a process of the container tells itself: `lameduck run`, the library, the gate."""

    t_s: Seconds
    pod: str
    container: str
    by: str
    """Who tells it: run, drain, gate."""
    step: str
    """`lame-duck-ended`, and the others of the drain protocol."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something the witness itself has to say: API warnings, limits of what it could see."""

    t_s: Seconds
    text: str
    pod: str | None = None
    container: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """An event of a later version, kept as it was read."""

    t_s: Seconds
    what: str
    detail: Mapping[str, Any]


Event: TypeAlias = (
    ReplicaPlanned
    | ContainerStarting
    | PodReady
    | ProbeAnswered
    | DeletionMarked
    | EndpointChanged
    | BackendsChanged
    | HookStarted
    | HookFinished
    | SignalSent
    | KillSent
    | ContainerExited
    | PhaseReported
    | PodGone
    | OutputLine
    | StepTold
    | Note
    | Other
)

EVENT_TYPES: Mapping[str, type[Any]] = {
    "replica-planned": ReplicaPlanned,
    "container-starting": ContainerStarting,
    "pod-ready": PodReady,
    "probe-answered": ProbeAnswered,
    "deletion-marked": DeletionMarked,
    "endpoint-changed": EndpointChanged,
    "backends-changed": BackendsChanged,
    "hook-started": HookStarted,
    "hook-finished": HookFinished,
    "signal-sent": SignalSent,
    "kill-sent": KillSent,
    "container-exited": ContainerExited,
    "phase-reported": PhaseReported,
    "pod-gone": PodGone,
    "output-line": OutputLine,
    "step-told": StepTold,
    "note": Note,
}
"""The JSON name of each kind of event. A name is never used again for something else."""

_NAMES = {cls: name for name, cls in EVENT_TYPES.items()}
E_co = TypeVar("E_co", bound=Event)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Events in the order of their times, and the witness that saw them."""

    events: tuple[Event, ...]
    witness: str = "rehearse"

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.events, key=lambda event: event.t_s))
        object.__setattr__(self, "events", ordered)

    def of(self, kind: type[E_co], *, pod: str | None = None, container: str | None = None) -> Iterator[E_co]:
        """The events of one class, in order, of one pod or container if named."""
        for event in self.events:
            if not isinstance(event, kind):
                continue
            if pod is not None and getattr(event, "pod", None) != pod:
                continue
            if container is not None and getattr(event, "container", None) != container:
                continue
            yield event

    def to_json(self) -> dict[str, Any]:
        """The JSON form, version 1; times to the millisecond."""
        return {"version": VERSION, "witness": self.witness, "events": [_encode(event) for event in self.events]}

    @classmethod
    def from_json(cls, document: Any) -> "Timeline":
        """A timeline from its JSON form. Raises TimelineError naming what is wrong."""
        if not isinstance(document, dict) or type(document.get("version")) is not int:
            raise TimelineError("not a lameduck timeline: it has no version")
        if document["version"] != VERSION:
            raise TimelineError(f"a timeline of version {document['version']}; this lameduck reads version {VERSION}")
        events = document.get("events")
        if not isinstance(events, list):
            raise TimelineError("events is not a list")
        witness = document.get("witness", "rehearse")
        if not isinstance(witness, str):
            raise TimelineError("witness is not text")
        return cls(tuple(_decode(index, event) for index, event in enumerate(events)), witness=witness)


def _encode(event: Event) -> dict[str, Any]:
    if isinstance(event, Other):
        return {"t_s": round(event.t_s, 3), "what": event.what, **event.detail}
    encoded: dict[str, Any] = {"t_s": round(event.t_s, 3), "what": _NAMES[type(event)]}
    for field in fields(event):
        if field.name == "t_s":
            continue
        value = getattr(event, field.name)
        encoded[field.name] = list(value) if isinstance(value, tuple) else value
    return encoded


def _decode(index: int, raw: Any) -> Event:
    if not isinstance(raw, dict) or not isinstance(raw.get("what"), str) or not _is_number(raw.get("t_s")):
        raise TimelineError(f"event {index} has no t_s or what")
    cls = EVENT_TYPES.get(raw["what"])
    if cls is None:
        rest = {key: value for key, value in raw.items() if key not in ("t_s", "what")}
        return Other(t_s=Seconds(float(raw["t_s"])), what=raw["what"], detail=rest)
    hints = get_type_hints(cls)
    arguments: dict[str, Any] = {}
    for field in fields(cls):
        if field.name not in raw:
            if field.default is MISSING:
                raise TimelineError(f"event {index} ({raw['what']}) lacks {field.name}")
            continue
        arguments[field.name] = _checked(raw[field.name], hints[field.name], f"event {index}: {field.name}")
    return cls(**arguments)  # type: ignore[no-any-return]


def _is_number(value: object) -> bool:
    # Python's JSON reader accepts NaN and Infinity, which are no times.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _checked(value: Any, hint: Any, where: str) -> Any:
    """The value if it has the type that the field's annotation says."""
    if hint is Seconds:
        if _is_number(value):
            return Seconds(float(value))
    elif get_origin(hint) is tuple:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
    elif get_origin(hint) in (types.UnionType, Union):
        if value is None or isinstance(value, get_args(hint)[0]):
            return value
    elif hint is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    elif isinstance(value, hint):
        return value
    raise TimelineError(f"{where} has a value of the wrong type")
