"""Reading recordings of real endings: one JSON file each, as tests/golden/README.md describes them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lameduck.ending.versions import CONTAINER_STOP_SIGNALS, KubernetesVersion
from lameduck.pod.objects.manifests import read_manifests
from lameduck.pod.place import InputError
from lameduck.pod.source import Source
from lameduck.pod.texts.documents import read_documents
from lameduck.pod.workloads import PodSpec

__all__ = ["RecordedEvent", "Recording", "Run", "read_folder", "read_recording"]

_STOPSIGNAL_IMAGES = {"-quit": "SIGQUIT", "-usr1": "SIGUSR1", "-winch": "SIGWINCH"}
"""What an image's name says about its STOPSIGNAL; the others have none."""
_GATED = "gate-"
"""Recordings of this family were made with the gate ContainerStopSignals on, all others with the default gates."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One line of `events`; `pod` and `container` are its object, taken apart."""

    t_s: float
    source: str
    object: str
    what: str
    detail: Mapping[str, Any]

    @property
    def pod(self) -> str:
        return self.object.partition("/")[0]

    @property
    def container(self) -> str | None:
        return self.object.partition("/")[2] or None


@dataclass(frozen=True, slots=True)
class Run:
    """One run's summary: `containers` by pod and container name, the rest as it stands in the file."""

    containers: Mapping[tuple[str, str], Mapping[str, Any]]
    summary: Mapping[str, Any]

    def of_pod(self, key: str, pod: str) -> Any:
        """A value that is given once, or once for each pod."""
        value = self.summary.get(key)
        return value.get(pod) if isinstance(value, dict) and pod in value else value


@dataclass(frozen=True, slots=True)
class Recording:
    """One scenario. `runs`: the one that has `events`, then the repeats."""

    name: str
    trigger: Mapping[str, Any]
    question: str
    tolerance_s: float
    specs: Mapping[str, PodSpec]
    with_finalizers: frozenset[str]
    image_stop_signals: Mapping[str, Mapping[str, str]]
    events: tuple[RecordedEvent, ...]
    runs: tuple[Run, ...]
    version: KubernetesVersion
    gates: frozenset[str]
    other: str = ""
    """What it holds instead of an ending; then there is nothing to replay."""

    def spec_of(self, pod: str) -> str | None:
        """The name of the spec behind a pod: its own, or the object whose pods are NAME-1, NAME-a1, ..."""
        if pod in self.specs:
            return pod
        owners = [name for name in self.specs if pod.startswith(f"{name}-")]
        return max(owners, key=len, default=None)

    def events_of(self, pod: str) -> Iterator[RecordedEvent]:
        """What happened to the pod and its containers."""
        return (event for event in self.events if event.pod == pod)


def read_folder(folder: Path) -> Iterator[Recording]:
    """The recordings of a folder, by name. Raises InputError: no such folder, none in it, or one cannot be read."""
    if not folder.is_dir():
        raise InputError("There is no such folder.", at=str(folder), do="Name a folder of recordings.")
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputError("There is no recording (NAME.json).", at=str(folder), do="Name a folder of recordings.")
    return (read_recording(file) for file in files)


def read_recording(file: Path) -> Recording:
    """One recording. Raises InputError if the file is not one."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"This is not JSON that can be read: {error}.", at=str(file), do="Record it again.") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("scenario"), str):
        raise InputError("This is not a recording: it has no scenario.", at=str(file), do="Move it elsewhere.")
    try:
        return _recording(file.stem, raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"This recording cannot be understood ({type(error).__name__}: {error})."
        raise InputError(what, at=str(file), do="Compare it with the format's description.") from error


def _recording(name: str, raw: dict[str, Any]) -> Recording:
    events = tuple(
        RecordedEvent(float(event["t"]), event["source"], event["object"], event["what"], event["detail"] or {})
        for event in sorted(raw.get("events", ()), key=lambda event: float(event["t"]))
    )
    other = ""
    if "summary" not in raw:
        other = next((words for key, words in _NOT_ENDINGS.items() if key in raw), "it summarises no ending")
    objects = [] if other else [*raw["pods"], *raw.get("objects", ())]
    templates = {obj["metadata"]["name"]: spec for obj in objects if (spec := _pod_template(obj)) is not None}
    version = [int(part) for part in str(raw["kubernetes"]).removeprefix("v").split(".")[:2]]
    pods = _pod_names(events)
    runs = [] if other else [raw["summary"], *raw.get("repeats", ())]
    return Recording(
        name=name,
        trigger=raw.get("trigger") or {},
        question=str(raw.get("question", "")),
        tolerance_s=float(raw.get("tolerance_s", 0.0)),
        specs={obj["metadata"]["name"]: _read(name, obj) for obj in objects if _pod_template(obj) is not None},
        with_finalizers=frozenset(obj["metadata"]["name"] for obj in objects if obj["metadata"].get("finalizers")),
        image_stop_signals={owner: _stop_signals(spec) for owner, spec in templates.items()},
        events=events,
        runs=tuple(Run(_by_pod(run["containers"], pods, templates), run) for run in runs),
        version=KubernetesVersion(version[0], version[1]),
        gates=frozenset({CONTAINER_STOP_SIGNALS} if str(raw["scenario"]).startswith(_GATED) else ()),
        other=other,
    )


_NOT_ENDINGS = {"cases": "api validation cases", "samples": "endpoint delays of many deletions"}


def _pod_names(events: tuple[RecordedEvent, ...]) -> list[str]:
    about = [event for event in events if event.source == "api.pod" or (event.source == "runtime" and event.container)]
    return list(dict.fromkeys(event.pod for event in about))


def _by_pod(
    containers: dict[str, Any], pods: list[str], templates: Mapping[str, Any]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Keys are `pod/container`, or just `container` where there is only one pod."""
    only = pods[0] if pods else next(iter(templates), "")
    found = {}
    for key, values in containers.items():
        pod, _, container = key.rpartition("/")
        found[pod or only, container] = values
    return found


def _pod_template(obj: dict[str, Any]) -> Any:
    """The pod spec in an object, wherever its kind keeps it; None for objects without one."""
    spec = obj.get("spec") or {}
    if obj.get("kind") == "Pod":
        return spec
    if obj.get("kind") == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template", {}).get("spec")


def _read(recording: str, obj: dict[str, Any]) -> PodSpec:
    title = f"{recording}: {obj['kind']}/{obj['metadata']['name']}"
    documents = read_documents(Source(title, json.dumps(obj)))
    workloads = read_manifests(documents.documents, documents.problems).workloads
    if not workloads:
        raise ValueError(f"{title} has no pod")
    return workloads[0].pod


def _stop_signals(spec: dict[str, Any]) -> dict[str, str]:
    found = {}
    for container in [*spec.get("initContainers", ()), *spec.get("containers", ())]:
        image = str(container.get("image", "")).partition(":")[0]
        signal = next((signal for suffix, signal in _STOPSIGNAL_IMAGES.items() if image.endswith(suffix)), None)
        if signal is not None:
            found[container["name"]] = signal
    return found
