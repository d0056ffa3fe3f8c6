"""How one recorded container reacts: how long its hooks take, when its process exits, which probes fail.

Delays, not times: they are counted from what the container reacts to, so that they follow the flow's own orders.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lameduck.ending.conformance.recordings import RecordedEvent
from lameduck.ending.happenings import (
    Happening,
    HookFailure,
    PostStartBegan,
    PostStartEnded,
    ProbeFailed,
    ProbeKind,
)
from lameduck.pod.containers import Container
from lameduck.pod.handlers import Exec, HttpGet

__all__ = ["Acts", "After", "ExitPlan", "HookPlan", "summarised_exit", "summarised_hook"]

_EVER = float("inf")
_HELD_UP_S = 0.3
"""How much later than its kill a Killing event may be shown."""


class After(Enum):
    """What a process' exit is counted from."""

    SIGNAL = "its stop signal"
    KILL_BEGAN = "the start of its kill"
    START = "the recording's zero"
    SIGKILL = "SIGKILL"


@dataclass(frozen=True, slots=True)
class ExitPlan:
    """An exit: `delay_s` after something, with the code that the process chose; after SIGKILL it has no choice."""

    after: After
    delay_s: float
    code: int
    oom: bool = False


@dataclass(frozen=True, slots=True)
class HookPlan:
    """How an exec or httpGet hook went. `seconds` None: until its container was down; `failure`: how it ended then."""

    seconds: float | None
    failure: HookFailure | None


class Acts:
    """One container's events, and what they say about its kills."""

    def __init__(self, container: Container, events: list[RecordedEvent]) -> None:
        self.container = container
        self.events = events
        self.starts = self._times("start")
        self.exits = [e for e in events if e.source == "runtime" and e.what == "exit"]
        self.stops = self._times("stop-request")
        self.killings = [e.t_s for e in events if e.source == "api.event" and e.what == "Killing"]

    def _times(self, what: str) -> list[float]:
        return [e.t_s for e in self.events if e.source == "runtime" and e.what == what]

    def last(self, what: str, before_s: float, since_s: float) -> RecordedEvent | None:
        """The latest runtime event of that kind in [since, before]."""
        found = [e for e in self.events if e.source == "runtime" and e.what == what and since_s <= e.t_s <= before_s]
        return found[-1] if found else None

    @property
    def oom(self) -> bool:
        """Whether an OOM kill was seen in the container."""
        return any(e.what == "oom" for e in self.events)

    def failed_probes(self) -> Iterator[tuple[float, Happening]]:
        """Liveness and startup probes that failed for good, as the reason of a kill tells."""
        for event in self.events:
            if event.source == "api.event" and event.what == "Killing":
                message = str(event.detail.get("message", ""))
                for kind in (ProbeKind.LIVENESS, ProbeKind.STARTUP):
                    if f"failed {kind.value} probe" in message:
                        yield event.t_s, ProbeFailed(self.container.name, kind)

    def post_starts(self, *, in_first_life: bool) -> Iterator[tuple[float, Happening]]:
        """Ends of postStart hooks: of one that ran when the recording began, and of those of later starts."""
        if self.container.post_start is None:
            return
        name = self.container.name
        begins = [-_EVER, *self.starts] if in_first_life else self.starts
        for begin, until in zip(begins, [*begins[1:], _EVER], strict=True):
            killing = next((k for k in self.killings if k >= begin), _EVER)
            span = [e for e in self.events if begin <= e.t_s <= min(killing, until)]
            ended = next((e for e in span if e.what in ("exec-exit", "hook-reply")), None)
            failed = next((e for e in span if e.what == "FailedPostStartHook"), None)
            opened = next((e for e in span if e.what in ("exec-start", "hook-request")), None)
            if begin == -_EVER:
                if ended is None or (opened is not None and opened.t_s < ended.t_s):
                    continue  # it was over before the recording began
                yield min(0.0, ended.t_s) - 1.0, PostStartBegan(name)
            moment = ended or failed
            well = failed is None and (ended is None or ended.detail.get("exit_status", 0) == 0)
            yield (begin if moment is None else moment.t_s), PostStartEnded(name, ok=well)

    def hooks(self) -> Iterator[HookPlan]:
        """The hooks of all its kills, each between the kill's start and its stop call."""
        if not isinstance(self.container.pre_stop, Exec | HttpGet):
            return
        for stop_s in self.stops:
            killing = max((killing for killing in self.killings if killing <= stop_s), default=stop_s)
            call = self.call(killing - _HELD_UP_S, stop_s)
            failed = any(e.what == "FailedPreStopHook" and killing <= e.t_s <= stop_s + 0.5 for e in self.events)
            if call is not None:
                began, ended = call
                well = not failed and ended.detail.get("exit_status", 0) in (0, None)
                seconds = ended.t_s - min(killing, began.t_s)
                yield HookPlan(seconds, None if well else HookFailure.EXIT_STATUS)
            elif failed:
                yield HookPlan(stop_s - killing, HookFailure.CONNECTION)
            else:
                yield HookPlan(None, HookFailure.KILLED)

    def call(self, since_s: float, until_s: float) -> tuple[RecordedEvent, RecordedEvent] | None:
        """The last exec, or request to a hook, that began and ended in that time."""
        within = [e for e in self.events if since_s <= e.t_s <= until_s]
        for ended in reversed(within):
            opening = {"exec-exit": "exec-start", "hook-reply": "hook-request"}.get(ended.what)
            same = [e for e in within if e.what == opening and e.detail.get("exec") == ended.detail.get("exec")]
            if same:
                return same[-1], ended
        return None

    def exit_plans(self) -> Iterator[ExitPlan]:
        """All its exits, each after the last stop signal or SIGKILL before it."""
        before = -_EVER
        for event in self.exits:
            code = int(event.detail.get("exit_status") or 0)
            kill, signal = self.last("kill", event.t_s, before), self.last("stop-signal", event.t_s, before)
            if kill is not None and code == 137:
                yield ExitPlan(After.SIGKILL, event.t_s - kill.t_s, 137)
            elif signal is not None:
                yield ExitPlan(After.SIGNAL, event.t_s - signal.t_s, code, self.oom)
            else:
                yield ExitPlan(After.START, event.t_s, code, self.oom)
            before = event.t_s


def summarised_exit(values: Mapping[str, Any], first_s: float | None, *, oom: bool, orphan: bool) -> ExitPlan | None:
    """The one exit of a container that was not started again; None if it did not exit."""
    exit_s, signal_s, code = values.get("exit_s"), values.get("stop_signal_s"), values.get("exit_code")
    if exit_s is None or code is None:
        return None
    if values.get("killed") and values.get("kill_s") is not None:
        return ExitPlan(After.SIGKILL, max(0.0, exit_s - values["kill_s"]), 137)
    if orphan and code == 137 and not oom:
        return ExitPlan(After.SIGKILL, 0.0, 137)
    if signal_s is not None and exit_s >= signal_s:
        return ExitPlan(After.SIGNAL, exit_s - signal_s, code, oom)
    if values.get("stop_timeout_s") is not None:
        began_s = values.get("hook_start_s")
        began_s = first_s if began_s is None else began_s
        return ExitPlan(After.KILL_BEGAN, max(0.0, exit_s - (0.0 if began_s is None else began_s)), code, oom)
    return ExitPlan(After.START, exit_s, code, oom)


def summarised_hook(acts: Acts, values: Mapping[str, Any], kubelet_starts: list[float]) -> HookPlan | None:
    """Its hook, from start to end of the kubelet's call; None where the flow knows by itself, or there was none."""
    start_s, end_s, outcome = values.get("hook_start_s"), values.get("hook_end_s"), values.get("hook_outcome")
    if not isinstance(acts.container.pre_stop, Exec | HttpGet) or outcome in (None, "none", "running"):
        return None
    if outcome == "outlasted" or start_s is None or end_s is None:
        well = any(  # its late end, which nobody waited for (T19)
            (e.what == "exec-exit" and e.detail.get("exit_status") == 0) or e.what == "hook-reply"
            for e in acts.events
            if start_s is not None and e.t_s >= start_s
        )
        return HookPlan(None, None if well else HookFailure.KILLED)
    back_s = max((back for back in kubelet_starts if start_s < back < end_s), default=None)
    if back_s is not None:  # run anew by a new kubelet (T13)
        call = acts.call(back_s, end_s)
        signs = [killing for killing in acts.killings if back_s <= killing < end_s]
        start_s = min([*signs, call[0].t_s] if call is not None else signs, default=start_s)
    seconds = end_s - start_s
    return HookPlan(seconds, None if outcome == "ok" else HookFailure.EXIT_STATUS)
