"""What one recorded pod did and met: only what a flow may be told, never what it has to find out.

Taken from a recording: requests, starts, how long hooks took and how they went, when processes chose to exit and how,
failed probes, the kubelet's own decisions and its restarts. Left in it for the comparison: signals, their times, time
limits, kills, exits that follow from kills, phases. Reactions are kept as delays, so that they follow the flow's own
signal and not the recorded one.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lameduck.ending.conformance.reactions import Acts, After, ExitPlan, HookPlan, summarised_exit, summarised_hook
from lameduck.ending.conformance.recordings import RecordedEvent, Recording, Run
from lameduck.ending.happenings import (
    ContainerStarted,
    DeletionRequested,
    FinalizersRemoved,
    Happening,
    KubeletKill,
    KubeletKilled,
    KubeletStarted,
    KubeletStopped,
)
from lameduck.pod.containers import Container, Role
from lameduck.pod.workloads import PodSpec

__all__ = ["PodPlan", "cut_of", "plan_of", "pods_of"]

_REQUESTS = ("delete-request", "evict-request")
_NODE = {"kubelet-stop": KubeletStopped(), "kubelet-is-down": KubeletStopped()}
_SOFT_GRACE = "evictionMaxPodGracePeriod "
"""Where a soft eviction's grace is told: in the question's words; 0 where it is not (T103)."""


@dataclass(slots=True)
class PodPlan:
    """All that the flow of one pod is told, and how its containers react."""

    spec: PodSpec
    image_stop_signals: Mapping[str, str]
    running: set[str] = field(default_factory=set)
    exited: dict[str, int] = field(default_factory=dict)
    scheduled: bool = True
    static: bool = False
    finalizers: bool = False
    happenings: list[tuple[float, Happening]] = field(default_factory=list)
    hooks: dict[str, deque[HookPlan]] = field(default_factory=dict)
    exits: dict[str, deque[ExitPlan]] = field(default_factory=dict)
    starts: dict[str, deque[float]] = field(default_factory=dict)
    """Seconds from an exit to the next start."""
    dead_unseen: set[str] = field(default_factory=set)
    """Containers whose exit the kubelet had not noticed when it killed them."""
    twin_at_s: float | None = None
    """When another pod of the same name appeared (T119)."""


def pods_of(recording: Recording, run: Run) -> list[str]:
    """The pods of a run that something happened to, by name."""
    named = [pod for pod, _ in run.containers]
    marked = [event.pod for event in recording.events if event.source == "api.pod" and event.what == "DELETED"]
    return list(dict.fromkeys([*named, *marked]))


def plan_of(recording: Recording, pod: str, run: Run) -> PodPlan | None:
    """What to tell the flow of that pod; None if nothing happened to it, or if a repeat does not tell enough.

    Raises ValueError if the recording does not hold the spec of a pod that was killed.
    """
    owner = recording.spec_of(pod)
    steps = {name: values for (of, name), values in run.containers.items() if of == pod}
    events = list(recording.events_of(pod))
    first_s = _first_step(steps)
    is_main = run is recording.runs[0]
    if owner is None:
        if first_s is not None:
            raise ValueError(f"{pod} was killed, and the recording does not hold its spec")
        return None
    plan = PodPlan(_with_ephemeral(recording.specs[owner], steps), recording.image_stop_signals.get(owner, {}))
    plan.static = any(e.what == "manifest-removed" and e.object in (owner, pod) for e in recording.events)
    if not plan.static:
        events, plan.twin_at_s = _before_twin(events)
    if not is_main and _tells_too_little(recording, events):
        return None
    lives = {c.name: Acts(c, [e for e in events if e.container == c.name]) for c in plan.spec.containers}
    _first_states(plan, lives, steps, is_main=is_main)
    plan.scheduled = bool(steps) or run.of_pod("final_phase", pod) != "Pending"
    removals = [e for e in events if e.what == "finalizer-removed" or e.detail.get("finalizers", "") is None]
    plan.finalizers = bool(removals) or owner in recording.with_finalizers
    plan.happenings += [(e.t_s, FinalizersRemoved()) for e in removals[:1]]
    plan.happenings += _requests(recording, owner, pod, first_s, is_main=is_main)
    plan.happenings += _kubelet(recording, pod, events, first_s if not is_main else None)
    for name, acts in lives.items():
        _container(plan, acts, steps.get(name, {}), first_s, is_main=is_main)
    plan.happenings.sort(key=lambda each: (each[0], not isinstance(each[1], KubeletStopped)))
    return plan


def _with_ephemeral(spec: PodSpec, steps: Mapping[str, object]) -> PodSpec:
    """The spec with the containers that were added to the running pod: only ephemeral ones can be (T47)."""
    known = {container.name for container in spec.containers}
    added = tuple(Container(name, spec.at, role=Role.EPHEMERAL) for name in steps if name not in known)
    return replace(spec, containers=spec.containers + added) if added else spec


def _first_step(steps: Mapping[str, Mapping[str, Any]]) -> float | None:
    times = [values.get(key) for values in steps.values() for key in ("hook_start_s", "stop_signal_s")]
    return min((time for time in times if time is not None), default=None)


def _before_twin(events: list[RecordedEvent]) -> tuple[list[RecordedEvent], float | None]:
    """The events without those of a later pod of the same name; its containers begin with a start."""
    deleted = next((e.t_s for e in events if e.source == "api.pod" and e.what == "DELETED"), None)
    added = [e.t_s for e in events if e.source == "api.pod" and e.what == "ADDED"]
    twin_at = next((t for t in added if deleted is not None and t >= deleted), None)
    if twin_at is None:
        return events, None
    until = twin_at
    kept = []
    for event in events:
        if event.container is None:
            if event.t_s < until:
                kept.append(event)
        elif event.t_s < cut_of(events, event.container, until):
            kept.append(event)
    return kept, until


def cut_of(events: Iterable[RecordedEvent], container: str, twin_at_s: float) -> float:
    """When a container's name begins to mean the later pod's: at its start there, or when the old one has exited."""
    own = [e for e in events if e.container == container and e.source == "runtime"]
    started = min((e.t_s for e in own if e.what == "start" and e.t_s >= twin_at_s), default=float("inf"))
    exits = [e.t_s for e in own if e.what == "exit"]
    if started == float("inf") or any(t <= started for t in exits):
        return started
    return min(exits, default=started) + 1e-3  # still there when its twin starts (T120)


def _tells_too_little(recording: Recording, events: list[RecordedEvent]) -> bool:
    """A repeat is a summary: it does not say when a kubelet stopped or a container was started again."""
    return any(e.what in (*_NODE, "kubelet-start") for e in recording.events) or any(
        e.source == "runtime" and e.what == "start" for e in events
    )


def _first_states(
    plan: PodPlan, lives: Mapping[str, Acts], steps: Mapping[str, Mapping[str, Any]], *, is_main: bool
) -> None:
    for name, acts in lives.items():
        seen = [e.t_s for e in acts.events if e.source in ("runtime", "process") and e.what != "start"]
        started = acts.starts[0] if acts.starts else None
        values = steps.get(name, {})
        ran = (bool(seen) and is_main) or any(values.get(key) is not None for key in ("stop_timeout_s", "exit_s"))
        if ran and (started is None or (bool(seen) and min(seen) < started)):
            plan.running.add(name)
        elif started is None and values.get("reason") not in (None, "ContainerStatusUnknown"):
            plan.exited[name] = int(values["api_exit_code"])


def _requests(
    recording: Recording, owner: str, pod: str, first_s: float | None, *, is_main: bool
) -> Iterator[tuple[float, Happening]]:
    """Deletes and API evictions: the client's own, or a controller's, which only its mark in the API tells of.

    A repeat does not hold the mark: there, the pod's first step stands for it, and tells which pod was chosen.
    """
    asked = [
        e
        for e in recording.events
        if e.source == "client" and e.what in _REQUESTS and e.object in (pod, owner) and "kind" not in e.detail
    ]
    done = [e for e in asked if int(e.detail.get("status") or 0) < 300]
    for event in done:
        options = event.detail if event.what == "delete-request" else (event.detail.get("deleteOptions") or {})
        yield event.t_s, DeletionRequested(options.get("gracePeriodSeconds"))
    of = (lambda e: e.pod == pod) if is_main else (lambda e: recording.spec_of(e.pod) == owner)
    marks = [
        e
        for e in recording.events
        if e.source == "api.pod" and e.detail.get("deletionTimestamp_s") is not None and of(e)
    ]
    if done or not marks or (first_s is None and not is_main):
        return
    flags = [str(flag) for e in recording.events if e.what == "drain-start" for flag in e.detail.get("flags", ())]
    given = [int(flag.partition("=")[2]) for flag in flags if flag.startswith("--grace-period=")]
    grace = given[-1] if given and given[-1] >= 0 else None
    yield marks[0].t_s if is_main or first_s is None else first_s, DeletionRequested(grace)


def _kubelet(
    recording: Recording, pod: str, events: list[RecordedEvent], first_s: float | None
) -> Iterator[tuple[float, Happening]]:
    """The kubelet's restarts and its own decisions."""
    for event in recording.events:
        if event.source != "client":
            continue
        if event.what in _NODE:
            yield event.t_s, _NODE[event.what]
        elif event.what == "kubelet-start":
            deleted = any(e.source == "api.pod" and e.what == "DELETED" and e.t_s <= event.t_s for e in events)
            yield event.t_s, KubeletStarted(orphan=deleted)
        elif event.what == "manifest-removed" and pod.startswith(event.object):
            yield event.t_s, KubeletKilled(KubeletKill.STATIC_POD_REMOVED)
    for event in events:
        if event.source != "api.event" or event.container is not None:
            continue
        kill = _decision(recording, event)
        if kill is not None:
            began_s = _first_sign(events, event, kill) if first_s is None else first_s
            if began_s is not None:
                yield began_s, kill
            return


def _first_sign(events: list[RecordedEvent], decision: RecordedEvent, kill: KubeletKilled) -> float | None:
    """When a kill of the kubelet's own began: its events may come late, and some are told well before it (T83)."""
    signs = [e.t_s for e in events if e.what == "stop-request" or (e.source == "api.event" and e.what == "Killing")]
    if kill.reason is KubeletKill.EVICTION and signs:
        signs.append(decision.t_s)
    return min(signs, default=None)


def _decision(recording: Recording, event: RecordedEvent) -> KubeletKilled | None:
    match event.what:
        case "Evicted" if str(event.detail.get("message", "")).startswith("The node had condition"):
            return KubeletKilled(KubeletKill.ORPHAN)  # not admitted again (T13)
        case "Evicted":
            soft = "soft" in str(recording.trigger.get("signal", ""))
            told = recording.question.partition(_SOFT_GRACE)[2].split(" ")[0].strip("().,:;")
            grace = int(told) if soft and told.isdecimal() else 0
            return KubeletKilled(KubeletKill.EVICTION, max(1, grace))
        case "DeadlineExceeded":
            return KubeletKilled(KubeletKill.ACTIVE_DEADLINE)
        case "Preempting":
            return KubeletKilled(KubeletKill.PREEMPTION)
        case _:
            return None


def _container(plan: PodPlan, acts: Acts, values: Mapping[str, Any], first_s: float | None, *, is_main: bool) -> None:
    name = acts.container.name
    starts = list(acts.starts) if is_main else []
    if starts and name not in plan.running and name not in plan.exited:
        plan.happenings.append((starts.pop(0), ContainerStarted(name)))
    plan.starts[name] = deque(
        max(0.0, start - max((e.t_s for e in acts.exits if e.t_s <= start), default=start)) for start in starts
    )
    if is_main:
        plan.happenings.extend(acts.failed_probes())
        plan.happenings.extend(acts.post_starts(in_first_life=name in plan.running))
    if starts:  # it has several lives, and the summary tells of one
        plan.hooks[name] = deque(acts.hooks())
        plan.exits[name] = deque(acts.exit_plans())
        return
    kubelet_starts = [t for t, each in plan.happenings if isinstance(each, KubeletStarted)]
    hook = summarised_hook(acts, values, kubelet_starts)
    left = summarised_exit(values, first_s, oom=acts.oom, orphan=_is_orphan(plan))
    if left is None and values.get("stop_timeout_s") is not None and values.get("exit_s") is None:
        plan.dead_unseen.add(name)  # no exit and no signal: it was dead before anybody looked
        left = ExitPlan(After.KILL_BEGAN, 0.0, int(values.get("api_exit_code") or 0))
    plan.hooks[name] = deque([hook] if hook is not None else ())
    plan.exits[name] = deque([left] if left is not None else ())


def _is_orphan(plan: PodPlan) -> bool:
    return any(isinstance(happening, KubeletStarted) and happening.orphan for _, happening in plan.happenings)
