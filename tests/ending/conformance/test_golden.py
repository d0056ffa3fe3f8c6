"""The recordings of a real kubelet: each is reproduced; and they notice when a rule is broken."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lameduck.ending import container_kill, grace
from lameduck.ending.api_object import ApiObject
from lameduck.ending.cause import Cause
from lameduck.ending.conformance.enactment import Enacted, enact, flow_of
from lameduck.ending.conformance.evidence import PodPlan, plan_of, pods_of
from lameduck.ending.conformance.recordings import Recording, read_folder
from lameduck.ending.conformance.replaying import replay
from lameduck.ending.container_kill import Process, Step
from lameduck.ending.happenings import Happening, HookEnded, HookFailure, ProcessExited, TimePassed
from lameduck.ending.lives import Lives
from lameduck.pod.durations import Seconds

GOLDEN = Path(__file__).parents[2] / "golden"
NOT_ABOUT_THE_FLOW = {
    "api-validation",
    "api-validation-stopsignal",
    "endpoint-lag-busy",
    "endpoint-lag-idle",
    "endpoint-lag-idle-nftables",
}


@cache
def recordings() -> dict[str, Recording]:
    return {recording.name: recording for recording in read_folder(GOLDEN)}


NAMES = sorted(file.stem for file in GOLDEN.glob("*.json"))


def planned(recording: Recording) -> Iterator[tuple[PodPlan, Enacted]]:
    """The pods of the recording's first run, as plans and as played."""
    for pod in pods_of(recording, recording.runs[0]) if recording.runs else ():
        plan = plan_of(recording, pod, recording.runs[0])
        if plan is not None:
            yield plan, enact(plan, version=recording.version, gates=recording.gates)


def test_all_recordings_are_here() -> None:
    assert len(NAMES) == 215


@pytest.mark.parametrize("name", NAMES)
def test_it_is_reproduced_or_is_not_about_the_flow(name: str) -> None:
    result = replay(recordings()[name])
    assert result.differences == ()
    assert result.about_flow is (name not in NOT_ABOUT_THE_FLOW)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_feed_gives_the_same_orders_event_by_event_and_late_events_give_none(name: str) -> None:
    recording = recordings()[name]
    for plan, enacted in planned(recording):
        flow = flow_of(plan, version=recording.version, gates=recording.gates)
        orders = [(t, order) for t, happening in enacted.fed for order in flow.receive(happening, Seconds(t))]
        assert orders == enacted.commands
        if not flow.gone:
            continue
        late: list[Happening] = [TimePassed(), *(ProcessExited(c, 0) for c in plan.running)]
        late += [HookEnded(e.name, HookFailure.KILLED) for e in flow.endings if e.hook_start_s is not None]
        assert [flow.receive(each, Seconds(1000.0)) for each in late] == [()] * len(late)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_ABOUT_THE_FLOW])
def test_waking_a_flow_more_often_than_it_asks_changes_nothing(name: str) -> None:
    recording = recordings()[name]
    for plan, enacted in planned(recording):
        ticking = deepcopy(plan)
        ticks: list[tuple[float, Happening]] = [(n / 20, TimePassed()) for n in range(-40, 400)]
        ticking.happenings = sorted([*plan.happenings, *ticks], key=lambda each: each[0])
        assert enact(ticking, version=recording.version, gates=recording.gates).commands == enacted.commands


def _exact_charge(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(grace, "charged", lambda taken: round(taken))


def _no_floor(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(grace, "stop_timeout", lambda left: max(left, 0))


def _free_hook(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(grace, "charged", lambda taken: 0)


def _no_order(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lives, "turn_came", lambda self, life: True)


def _exit_releases(patch: pytest.MonkeyPatch) -> None:
    def turn_came(self: Lives, life: container_kill.Life) -> bool:
        return all(other.process is Process.EXITED for other in self if other is not life)

    patch.setattr(Lives, "turn_came", turn_came)


def _generous(patch: pytest.MonkeyPatch) -> None:
    really = container_kill.ContainerKill._stop

    def stop(self: Any, now: Seconds) -> Any:
        self._left_s += 1
        return really(self, now)

    patch.setattr(container_kill.ContainerKill, "_stop", stop)


def _spec_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(grace, "kill_grace", lambda spec, *graces: max(1, spec))


def _hurried(patch: pytest.MonkeyPatch) -> None:
    delete = ApiObject.delete

    def deleted(self: ApiObject, asked_s: int | None, now: Seconds) -> Any:
        first = self.stored_s is None
        return delete(self, asked_s, now) if first else []

    patch.setattr(ApiObject, "delete", deleted)


def _never_busy(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lives, "keep_busy", property(lambda self: any(life.kill is not None for life in self)))


def _polite_orphan(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Cause, "is_orphan", property(lambda self: False))


def _impatient_sleep(patch: pytest.MonkeyPatch) -> None:
    table = {**container_kill.TRANSITIONS[Step.HOOK], container_kill.Trigger.PROCESS_GONE: Step.DONE}
    patch.setattr(container_kill, "TRANSITIONS", {**container_kill.TRANSITIONS, Step.HOOK: table})


BROKEN: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "time is rounded, not cut (T17)": (_exact_charge, "hook-4.9"),
    "a hook is free (T17)": (_free_hook, "hook-exec-sleep3"),
    "there is no floor (T24)": (_no_floor, "grace-1"),
    "sidecars have no order (T41)": (_no_order, "sidecar-order"),
    "sidecars wait for each other both ways (T41)": (_exit_releases, "sidecar-order"),
    "every signal has a second more (T18)": (_generous, "no-handler-sleep"),
    "a delete's grace is not heard (T8)": (_spec_only, "grace-longer"),
    "a second delete is not stored (T4)": (_hurried, "second-delete-shorter"),
    "a postStart does not keep the worker (T11)": (_never_busy, "poststart-running"),
    "an orphan is treated like any pod (T13)": (_polite_orphan, "kubelet-restart-orphan"),
    "a kill ends with its process even within the hook (T36)": (_impatient_sleep, "hook-exec-app-exits"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_noticed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    break_it, noticed_by = BROKEN[rule]
    break_it(monkeypatch)
    assert replay(recordings()[noticed_by]).differences
