"""Why containers are killed at their deadline: one cause each."""

from dataclasses import replace

import pytest

from lameduck.ending.kills import KillCause, explain_kills, turn_came_too_late
from lameduck.ending.playing import Behaviour, play
from lameduck.ending.timeline import KillSent, Timeline
from lameduck.ending.verdict import PodEnding, judge
from lameduck.pod.containers import Container, Role
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, Sleep
from lameduck.pod.workloads import PodSpec

_PROXY = Container("proxy", at=(), role=Role.SIDECAR, image="p")


def _causes(spec: PodSpec, behaviours: dict[str, Behaviour]) -> dict[str, KillCause]:
    played = play(spec, behaviours, lag_s=Seconds(0))
    verdict = judge(played.timeline, {"web-a1": played.containers}, (), rtt_s=Seconds(0))
    return {kill.container.name: kill.cause for kill in explain_kills(played.timeline, verdict.endings[0], spec)}


def _app(reception: str, main: str, below: tuple[str, ...] = ()) -> KillCause:
    spec = PodSpec((Container("app", at=(), image="a"),), at=())
    causes = _causes(spec, {"app": Behaviour(drain_s=None, reception=reception, main=main, below=below)})
    return causes["app"]


@pytest.mark.parametrize(
    ("reception", "main", "below", "cause"),
    [
        ("discarded", "/bin/sh /start.sh", ("server",), KillCause.NOT_PASSED_ON),
        ("ignored", "bash -c server; true", ("server",), KillCause.NOT_PASSED_ON),
        ("default", "npm start", ("sh -c node x", "node x"), KillCause.NOT_PASSED_ON),
        ("discarded", "node /usr/bin/yarn start", ("node x",), KillCause.NOT_PASSED_ON),
        ("discarded", "busybox sh /start.sh", ("server",), KillCause.NOT_PASSED_ON),
        ("discarded", "sh -c while :; do :; done", (), KillCause.NOT_HANDLED),
        ("discarded", "node server.js", (), KillCause.NOT_HANDLED),
        ("discarded", "python manager.py", ("python worker.py",), KillCause.NOT_HANDLED),
        ("caught", "bash /start.sh", ("server",), KillCause.TRAP_WAITED),
        ("caught", "bash /start.sh", (), KillCause.TOO_SLOW),
        ("caught", "gunicorn app", ("gunicorn app",), KillCause.TOO_SLOW),
        ("blocked", "tini -- server", ("server",), KillCause.TOO_SLOW),
        ("blocked", "server", (), KillCause.CANNOT_TELL),
        ("unknown", "", (), KillCause.CANNOT_TELL),
    ],
)
def test_what_the_signal_met_decides(reception: str, main: str, below: tuple[str, ...], cause: KillCause) -> None:
    assert _app(reception, main, below) is cause


@pytest.mark.parametrize(
    ("handling", "listening", "cause"),
    [
        ("discarded", True, KillCause.NOT_HANDLED),  # node without a handler of the application's own
        ("discarded", False, KillCause.TOO_SLOW),  # a drain that takes one signal only
        ("caught", True, KillCause.TOO_SLOW),
        ("unknown", False, KillCause.TOO_SLOW),
    ],
)
def test_a_handler_that_is_gone_while_the_server_listens_gave_the_signal_back(
    handling: str, listening: bool, cause: KillCause
) -> None:
    spec = PodSpec((Container("app", at=(), image="a"),), at=())
    played = play(spec, {"app": Behaviour(drain_s=None, main="node server.js")}, lag_s=Seconds(0))
    met = tuple(
        replace(event, handling=handling, listening=listening) if isinstance(event, KillSent) else event
        for event in played.timeline.events
    )
    timeline = Timeline(met)
    verdict = judge(timeline, {"web-a1": played.containers}, (), rtt_s=Seconds(0))
    (kill,) = explain_kills(timeline, verdict.endings[0], spec)
    assert kill.cause is cause


def test_a_container_that_ended_in_time_has_no_cause() -> None:
    spec = PodSpec((Container("app", at=(), image="a"),), at=())
    assert _causes(spec, {"app": Behaviour(drain_s=Seconds(29.9))}) == {}


def test_a_hook_that_took_all_the_grace_is_the_cause_if_the_process_was_willing() -> None:
    spec = PodSpec((Container("app", at=(), image="a", pre_stop=Sleep(30, at=())),), at=())
    assert _causes(spec, {"app": Behaviour(drain_s=Seconds(3))}) == {"app": KillCause.HOOK_TOOK_ALL}
    deaf = Behaviour(drain_s=None, reception="discarded")
    assert _causes(spec, {"app": deaf}) == {"app": KillCause.NOT_HANDLED}


def test_a_late_turn_is_the_cause_if_the_sidecar_was_willing() -> None:
    spec = PodSpec((_PROXY, Container("app", at=(), image="a")), at=(), termination_grace_period_s=10)
    app = Behaviour(drain_s=Seconds(8.2))
    assert _causes(spec, {"app": app, "proxy": Behaviour(drain_s=Seconds(3))}) == {"proxy": KillCause.LATE_TURN}
    deaf = Behaviour(drain_s=None, reception="discarded")
    assert _causes(spec, {"app": app, "proxy": deaf}) == {"proxy": KillCause.NOT_HANDLED}
    early = Behaviour(drain_s=Seconds(4))
    assert _causes(spec, {"app": early, "proxy": Behaviour(drain_s=None)}) == {"proxy": KillCause.TOO_SLOW}


def _ending(spec: PodSpec, behaviours: dict[str, Behaviour]) -> PodEnding:
    played = play(spec, behaviours, lag_s=Seconds(0))
    return judge(played.timeline, {"web-a1": played.containers}, (), rtt_s=Seconds(0)).endings[0]


@pytest.mark.parametrize(("app_s", "late"), [(7.9, False), (8.0, True), (12.0, True)])
def test_a_turn_comes_too_late_when_it_leaves_the_minimum(app_s: float, late: bool) -> None:
    spec = PodSpec((_PROXY, Container("app", at=(), image="a")), at=(), termination_grace_period_s=10)
    ending = _ending(spec, {"app": Behaviour(drain_s=Seconds(app_s)), "proxy": Behaviour(drain_s=Seconds(1))})
    proxy, app = ending.containers
    assert turn_came_too_late(ending, proxy, spec) is late
    assert not turn_came_too_late(ending, app, spec)


def test_a_sidecar_whose_own_hook_took_all_was_not_late() -> None:
    hook = Exec(("drain",), at=())
    proxy = Container("proxy", at=(), role=Role.SIDECAR, image="p", pre_stop=hook)
    spec = PodSpec((proxy, Container("app", at=(), image="a")), at=(), termination_grace_period_s=10)
    ending = _ending(spec, {"app": Behaviour(drain_s=Seconds(9)), "proxy": Behaviour(hook_s=Seconds(20))})
    assert not turn_came_too_late(ending, ending.containers[0], spec)
