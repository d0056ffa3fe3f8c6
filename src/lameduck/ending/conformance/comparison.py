"""Holding what a flow found out against what was recorded: step by step, within the recording's tolerance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lameduck.ending.commands import ContainerEnding, KillProcess, RemovePod, ReportEnd, SendSignal, Warn
from lameduck.ending.conformance.enactment import LATE_KILL_S, Enacted
from lameduck.ending.conformance.evidence import PodPlan, cut_of
from lameduck.ending.conformance.recordings import RecordedEvent, Recording, Run

__all__ = ["Compared", "compare"]

_TIMES = ("hook_start_s", "hook_end_s", "stop_signal_s", "kill_s", "exit_s")
_VALUES = ("hook_outcome", "stop_signal", "stop_timeout_s", "exit_code", "killed")
_CLEANING_UP_S = 1.5
"""What the node's relist and the clean-up of volumes may add to the removal of the object and of its endpoint."""
_PROMPT_S = 0.5
"""An event that is shown within this was not held up."""
_NEVER = float("inf")
_TERMINAL = ("Succeeded", "Failed")
_STEPS = {"stop-signal": "stop signal", "kill": "SIGKILL"}

_Step: TypeAlias = tuple[float, str, str]
"""When, which step, of which container."""


@dataclass(slots=True)
class Compared:
    """Differences as sentences, the races that were met, and how many containers were compared."""

    differences: list[str] = field(default_factory=list)
    only_charging: bool = True
    """Whether all differences come from one second more or less in a stop call's limit."""
    races: list[str] = field(default_factory=list)
    containers: int = 0


def compare(recording: Recording, run: Run, pod: str, plan: PodPlan, enacted: Enacted) -> Compared:
    """One pod of one run. Order, events and marks are known of the first run only."""
    comparison = _Comparison(recording, run, pod, plan, enacted)
    for (of, name), recorded in run.containers.items():
        if of == pod:
            comparison.container(name, recorded)
    comparison.phase()
    comparison.removal()
    if run is recording.runs[0]:
        comparison.marks()
        comparison.steps()
        comparison.warnings()
    return comparison.result


class _Comparison:
    def __init__(self, recording: Recording, run: Run, pod: str, plan: PodPlan, enacted: Enacted) -> None:
        self.result = Compared()
        self._run = run
        self._pod = pod
        self._plan = plan
        self._enacted = enacted
        self._events = list(recording.events_of(pod))
        self._deleted = {e.pod for e in recording.events if e.source == "api.pod" and e.what == "DELETED"}
        self._tolerance_s = recording.tolerance_s

    def _differs(self, what: str, recorded: object, found: object, tolerance_s: float | None = None) -> None:
        within = "" if tolerance_s is None else f" (tolerance {tolerance_s:.2f})"
        self.result.differences.append(f"{self._pod}/{what} recorded {_shown(recorded)}, flow {_shown(found)}{within}")

    def container(self, name: str, recorded: Mapping[str, Any]) -> None:
        """One container's numbers, against that of its lives which they fit best."""
        lives = self._enacted.lives.get(name)
        if lives is None:
            self._differs(name, "a container", "no such container")
            return
        self.result.containers += 1
        excused = set(self._races(name, recorded))
        unlike = min((list(_unlike(ending, recorded, excused, self._tolerance_s)) for ending in lives), key=len)
        limits = [(value, found) for what, value, found in unlike if what == "stop_timeout_s"]
        by_one = any(isinstance(a, int) and isinstance(b, int) and abs(a - b) == 1 for a, b in limits)
        others = [what for what, _, _ in unlike if what not in ("stop_timeout_s", "kill_s", "exit_s")]
        self.result.only_charging &= not unlike or (by_one and not others)
        for what, value, found in unlike:
            self._differs(f"{name} {what}", value, found, self._tolerance_s if what in _TIMES else None)

    def _races(self, name: str, recorded: Mapping[str, Any]) -> Iterator[str]:
        """The fields that a race decided in reality."""
        exit_s, hook_end_s = recorded.get("exit_s"), recorded.get("hook_end_s")
        signal_s, limit_s = recorded.get("stop_signal_s"), recorded.get("stop_timeout_s")
        if name in self._plan.dead_unseen:
            yield from ("exit_s", "exit_code", "stop_signal", "stop_signal_s")
            self.result.races.append(f"{name} had exited before the kubelet saw it")
        elif exit_s is not None and any(after is not None and exit_s <= after for after in (hook_end_s, signal_s)):
            yield from ("stop_signal", "stop_signal_s")
            self.result.races.append(f"{name} ended before its stop call, so a signal may have been sent or not")
        elif exit_s is None or signal_s is None or limit_s is None or recorded.get("killed"):
            return
        elif abs(exit_s - signal_s - limit_s) <= LATE_KILL_S:
            yield "kill_s"
            self.result.races.append(f"{name} ended by itself at its deadline, so SIGKILL may have been sent or not")

    def phase(self) -> None:
        """The terminal phase, if the API learned one."""
        recorded = self._run.of_pod("final_phase", self._pod)
        if self._plan.twin_at_s is not None:  # the summary speaks of the later pod
            phases = [e.detail["phase"] for e in self._events if "phase" in e.detail]
            recorded = next((phase for phase in phases if phase in _TERMINAL), None)
        found = self._enacted.phase
        before = found is None and bool(self._plan.exited) and not self._plan.running
        if not before and (recorded if recorded in _TERMINAL else None) != found:
            self._differs("final_phase", recorded, found)

    def removal(self) -> None:
        """When the object went, and the pod's endpoint."""
        tolerance_s = self._tolerance_s + _CLEANING_UP_S
        found, recorded = self._enacted.removed_s, self._run.summary.get("pod_gone_s")
        if isinstance(recorded, dict):
            recorded = recorded.get(self._pod)
        elif not self._is_meant:
            recorded = None
        if not _near(recorded, found, tolerance_s):
            self._differs("pod_gone_s", recorded, found, tolerance_s)
        left_s = (self._run.of_pod("endpoints", self._pod) or {}).get("removed_s")
        if left_s is None or not self._is_meant or not self._enacted.marks:  # without a mark: T83
            return
        ended_s = next((t for t, c in self._enacted.commands if isinstance(c, ReportEnd | RemovePod)), None)
        if not _near(left_s, ended_s, tolerance_s):
            self._differs("endpoints.removed_s", left_s, ended_s, tolerance_s)

    @property
    def _is_meant(self) -> bool:
        """Whether a value that is given once is about this pod: the only one that was killed, or else deleted."""
        killed = {pod for (pod, _), values in self._run.containers.items() if values.get("stop_timeout_s") is not None}
        return self._pod in (killed or self._deleted)

    def marks(self) -> None:
        """The graces that the API stored."""
        if self._plan.static:  # the marks are its mirror's
            return
        until = float("inf") if self._plan.twin_at_s is None else self._plan.twin_at_s
        stored = [e for e in self._events if e.detail.get("deletionGracePeriodSeconds") is not None and e.t_s < until]
        recorded = [int(e.detail["deletionGracePeriodSeconds"]) for e in stored]
        found = self._enacted.marks
        if recorded and recorded[-1] == 0 and found and found[-1] != 0:
            del recorded[-1]  # the kubelet's own last delete (T14)
        if recorded != found:
            self._differs("deletionGracePeriodSeconds", recorded, found)

    def steps(self) -> None:
        """How often each container was signalled and killed, in all its lives, and the order of what lies apart."""
        recorded, found = list(self._recorded_steps()), list(self._found_steps())
        raced = {race.partition(" ")[0] for race in self.result.races}
        for kind, name in dict.fromkeys(step[1:] for step in (*recorded, *found)):
            then = [t for t, *which in recorded if which == [kind, name]]
            now = [t for t, *which in found if which == [kind, name]]
            if len(then) != len(now) and name not in raced:
                self._differs(f"{name} {kind}", f"{len(then)} times", f"{len(now)} times")
        really = {step: t for t, step in _numbered(recorded)}
        numbered = list(_numbered(found))
        for index, (t1, step1) in enumerate(numbered):
            for t2, step2 in numbered[index + 1 :]:
                if t2 - t1 > self._tolerance_s and really.get(step2, _NEVER) < really.get(step1, -_NEVER):
                    self._differs(f"order of {step1[1]} {step1[0]} and {step2[1]} {step2[0]}", "reversed", "this one")

    def _recorded_steps(self) -> Iterator[_Step]:
        for event in self._events:
            if event.source != "runtime" or event.what not in _STEPS or event.container is None:
                continue
            if not self._is_twins(event):
                yield event.t_s, _STEPS[event.what], event.container

    def _is_twins(self, event: RecordedEvent) -> bool:
        at_s = self._plan.twin_at_s
        return at_s is not None and event.t_s >= cut_of(self._events, event.container or "", at_s)

    def _found_steps(self) -> Iterator[_Step]:
        by_runtime = {
            name for name, lives in self._enacted.lives.items() if any(life.kill_s is not None for life in lives)
        }
        for t, command in self._enacted.commands:
            match command:
                case SendSignal(container=name):
                    yield t, "stop signal", name
                case KillProcess(container=name) if name in by_runtime:  # else with its cgroup (T13)
                    yield t, "SIGKILL", name
                case _:
                    pass

    def warnings(self) -> None:
        """Warnings that were shown must be predicted; and the other way round, where events came through in time.

        The node sends events one by one and drops what comes too fast: of a pod with many, some are late or lost.
        """
        shown = [e for e in self._events if e.source == "api.event"]
        recorded = {e.container or "" for e in shown if e.what == "FailedPreStopHook"}
        warned = [(t, c) for t, c in self._enacted.commands if isinstance(c, Warn)]
        found = {c.container or "" for _, c in warned if c.reason == "FailedPreStopHook"}
        killing = {e.container: e.t_s for e in reversed(shown) if e.what == "Killing"}
        began = {c.container: t for t, c in reversed(warned) if c.reason == "Killing"}
        prompt = all(name in killing and killing[name] - t < _PROMPT_S for name, t in began.items())
        if recorded - found or (prompt and recorded != found):
            self._differs("FailedPreStopHook", sorted(recorded), sorted(found))


def _numbered(steps: list[_Step]) -> Iterator[tuple[float, tuple[str, str, int]]]:
    """Each step with how many of its kind its container had before."""
    seen: dict[tuple[str, str], int] = {}
    for t, kind, name in steps:
        seen[kind, name] = seen.get((kind, name), 0) + 1
        yield t, (kind, name, seen[kind, name])


def _near(recorded: float | None, found: float | None, tolerance_s: float) -> bool:
    if recorded is None or found is None:
        return recorded is found
    return abs(recorded - found) <= tolerance_s


def _unlike(
    ending: ContainerEnding, recorded: Mapping[str, Any], excused: set[str], tolerance_s: float
) -> Iterator[tuple[str, object, object]]:
    """The fields in which an ending and a recorded one differ, with both values."""
    before = recorded.get("exit_s") is None  # it had exited when the recording began, or did not exit
    for name in _TIMES:
        value, found = recorded.get(name), getattr(ending, name)
        if name not in excused and not _near(value, found, tolerance_s):
            yield name, value, found
    for name in _VALUES:
        value, found = recorded.get(name), getattr(ending, name)
        if name not in excused and value != found and not (name == "exit_code" and before):
            yield name, value, found
    reason, shown = recorded.get("reason"), recorded.get("api_exit_code")
    if reason is not None and reason != ending.reason:  # null: the object was gone before its last status
        yield "reason", reason, ending.reason
    code = 137 if ending.reason == "ContainerStatusUnknown" else ending.exit_code
    if shown is not None and shown != code:
        yield "api_exit_code", shown, code


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return "none" if value is None else str(value)
