"""Playing an ending on the virtual clock: whole timelines, compared."""

from dataclasses import replace

import pytest

from lameduck.ending.commands import ContainerEnding
from lameduck.ending.happenings import HookFailure
from lameduck.ending.playing import Behaviour, Played, play
from lameduck.ending.timeline import (
    BackendsChanged,
    ContainerExited,
    DeletionMarked,
    EndpointChanged,
    HookFinished,
    HookStarted,
    KillSent,
    Note,
    PhaseReported,
    PodGone,
    PodReady,
    ReplicaPlanned,
    SignalSent,
    Timeline,
)
from lameduck.pod.containers import Container, Role
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, Handler, HttpGet, Sleep, TcpSocket
from lameduck.pod.workloads import PodSpec


def _pod(*containers: Container, grace_s: int = 30) -> PodSpec:
    return PodSpec(containers, at=("spec",), termination_grace_period_s=grace_s)


def _app(pre_stop: Handler | None = None) -> Container:
    return Container("app", at=("spec", "containers", 0), image="app:1", pre_stop=pre_stop)


def _play(pod: PodSpec, app: Behaviour, **more: object) -> Played:
    arguments = {"lag_s": Seconds(1), "others": ("web-a2",)} | more
    return play(pod, {"app": app}, **arguments)  # type: ignore[arg-type]


def test_an_ending_is_written_down_from_the_mark_to_the_removal() -> None:
    played = _play(_pod(_app(Sleep(3, at=()))), Behaviour(drain_s=Seconds(2), main="nginx", below=("worker",)))
    pod, app = "web-a1", "app"
    t = Seconds
    assert played == Played(
        Timeline(
            (
                ReplicaPlanned(t_s=t(0), pod=pod, replacement=False),
                ReplicaPlanned(t_s=t(0), pod="web-a2", replacement=False),
                EndpointChanged(t_s=t(0), pod=pod, ready=True, serving=True, terminating=False),
                EndpointChanged(t_s=t(0), pod="web-a2", ready=True, serving=True, terminating=False),
                BackendsChanged(t_s=t(0), view=0, pods=(pod, "web-a2")),
                DeletionMarked(t_s=t(0), pod=pod, grace_s=30),
                Note(t_s=t(0), text="event Killing", pod=pod, container=app),
                HookStarted(t_s=t(0), pod=pod, container=app, handler="sleep 3 s"),
                EndpointChanged(t_s=t(0), pod=pod, ready=False, serving=True, terminating=True),
                BackendsChanged(t_s=t(1), view=0, pods=("web-a2",)),
                HookFinished(t_s=t(3), pod=pod, container=app, outcome="ok"),
                SignalSent(
                    t_s=t(3),
                    pod=pod,
                    container=app,
                    signal="SIGTERM",
                    timeout_s=27,
                    reception="caught",
                    main="nginx",
                    below=("worker",),
                ),
                ContainerExited(t_s=t(5), pod=pod, container=app, exit_code=0, reason="Completed"),
                PhaseReported(t_s=t(5.17), pod=pod, phase="Succeeded"),
                EndpointChanged(t_s=t(5.17), pod=pod, ready=False, serving=False, terminating=True, listed=False),
                PodGone(t_s=t(5.97), pod=pod),
            ),
            witness="forecast",
        ),
        (
            ContainerEnding(
                "app",
                hook_start_s=t(0),
                hook_end_s=t(3),
                hook_outcome="ok",
                stop_signal="SIGTERM",
                stop_signal_s=t(3),
                stop_timeout_s=27,
                exit_s=t(5),
                exit_code=0,
                reason="Completed",
            ),
        ),
    )


def test_a_process_that_never_exits_is_killed_at_its_deadline() -> None:
    played = _play(_pod(_app()), Behaviour(drain_s=None))
    assert tuple(played.timeline.of(KillSent)) == (KillSent(t_s=Seconds(30), pod="web-a1", container="app"),)
    (ending,) = played.containers
    assert (ending.exit_s, ending.exit_code, ending.reason, ending.killed) == (30.0, 137, "Error", True)


def test_an_exit_that_was_due_after_the_kill_does_not_happen() -> None:
    played = _play(_pod(_app(), grace_s=5), Behaviour(drain_s=Seconds(5.5)))
    assert [event.t_s for event in played.timeline.of(ContainerExited)] == [5.0]


def test_the_only_replica_keeps_its_backends_until_it_leaves_the_slice_and_its_replacement_takes_over() -> None:
    played = _play(
        _pod(_app(Sleep(4, at=()))), Behaviour(drain_s=Seconds(1)), others=(), replacement_ready_s=Seconds(8)
    )
    assert tuple(played.timeline.of(BackendsChanged)) == (
        BackendsChanged(t_s=Seconds(0), view=0, pods=("web-a1",)),  # T87: terminating, and nobody else
        BackendsChanged(t_s=Seconds(6.17), view=0, pods=()),  # the exit at 5, reported 0.17 s later, and the lag
        BackendsChanged(t_s=Seconds(9), view=0, pods=("web-a1-new",)),
    )
    assert tuple(played.timeline.of(PodReady)) == (PodReady(t_s=Seconds(8), pod="web-a1-new", ready=True),)
    assert tuple(played.timeline.of(ReplicaPlanned, pod="web-a1-new")) == (
        ReplicaPlanned(t_s=Seconds(0), pod="web-a1-new", replacement=True),
    )


@pytest.mark.parametrize(
    ("hook", "behaviour", "outcome", "cause", "signal_s"),
    [
        (Exec(("a",), at=()), Behaviour(hook_s=Seconds(4.9)), "ok", None, 4.9),
        (HttpGet(80, at=()), Behaviour(hook_s=Seconds(2)), "ok", None, 2),
        (
            Exec(("a",), at=()),
            Behaviour(hook_s=Seconds(0.1), hook_failure=HookFailure.EXIT_STATUS),
            "failed",
            "exit-status",
            0.1,
        ),
        (TcpSocket(80, at=()), Behaviour(), "failed", "not-implemented", 0),
        (Exec(("a",), at=()), Behaviour(hook_s=Seconds(99)), "outlasted", None, 30),
        (Sleep(30, at=()), Behaviour(), "outlasted", None, 30),
    ],
)
def test_a_hook_ends_as_it_was_said_to(
    hook: Handler, behaviour: Behaviour, outcome: str, cause: str | None, signal_s: float
) -> None:
    played = _play(_pod(_app(hook)), behaviour)
    (finished,) = played.timeline.of(HookFinished)
    assert (finished.outcome, finished.cause) == (outcome, cause)
    assert [sent.t_s for sent in played.timeline.of(SignalSent)] == [signal_s]
    assert played.containers[0].hook_outcome == outcome


def test_a_process_that_exits_takes_its_exec_hook_along_and_gets_no_signal() -> None:
    played = _play(_pod(_app(Exec(("quit",), at=()))), Behaviour(hook_s=Seconds(20), exits_in_hook_s=Seconds(2)))
    (finished,) = played.timeline.of(HookFinished)
    assert (finished.t_s, finished.outcome, finished.cause) == (2.0, "failed", "killed")  # T31
    assert tuple(played.timeline.of(SignalSent)) == ()
    assert played.containers[0].exit_s == 2.0


def test_an_http_hook_loses_its_connection_when_the_process_exits() -> None:
    played = _play(_pod(_app(HttpGet(80, at=()))), Behaviour(hook_s=Seconds(20), exits_in_hook_s=Seconds(2)))
    assert [finished.cause for finished in played.timeline.of(HookFinished)] == ["connection"]


def test_a_sleep_goes_on_when_the_process_exits() -> None:
    early = Behaviour(exits_in_hook_s=Seconds(2))
    played = _play(_pod(_app(Sleep(5, at=()))), early)
    # Only a hook that runs in the container can make it exit; a sleep is no such hook (T36).
    assert played.containers[0].exit_s == 5.0


def test_a_given_up_hook_that_ends_later_is_not_told_again() -> None:
    played = _play(_pod(_app(Exec(("a",), at=())), grace_s=3), Behaviour(hook_s=Seconds(4), drain_s=Seconds(1.5)))
    assert [(event.t_s, event.outcome) for event in played.timeline.of(HookFinished)] == [(3.0, "outlasted")]
    assert played.containers[0].exit_s == 4.5


def test_a_sidecar_is_signalled_after_the_app() -> None:
    proxy = Container("proxy", at=(), role=Role.SIDECAR, image="p")
    played = play(
        _pod(proxy, _app()),
        {"app": Behaviour(drain_s=Seconds(3)), "proxy": Behaviour(drain_s=Seconds(2))},
        lag_s=Seconds(0),
    )
    assert [(sent.container, sent.t_s) for sent in played.timeline.of(SignalSent)] == [("app", 0.0), ("proxy", 3.0)]
    assert [ending.name for ending in played.containers] == ["proxy", "app"]
    assert played.containers[0].exit_s == 5.0


def test_a_container_that_is_not_named_exits_well_at_once() -> None:
    played = play(_pod(_app()), {}, lag_s=Seconds(0))
    assert (played.containers[0].exit_s, played.containers[0].exit_code) == (0.0, 0)


def test_the_delete_may_give_another_grace_and_the_image_another_signal() -> None:
    played = _play(_pod(_app()), Behaviour(drain_s=None), grace_s=5, image_stop_signals={"app": "SIGQUIT"})
    assert [mark.grace_s for mark in played.timeline.of(DeletionMarked)] == [5]
    assert [sent.signal for sent in played.timeline.of(SignalSent)] == ["SIGQUIT"]
    assert played.containers[0].kill_s == 5.0


def test_the_same_play_gives_the_same_timeline() -> None:
    pod = _pod(_app(Exec(("a",), at=())))
    behaviour = Behaviour(hook_s=Seconds(1), drain_s=Seconds(1))
    assert _play(pod, behaviour) == _play(pod, behaviour)
    assert _play(pod, replace(behaviour, exit_code=1)) != _play(pod, behaviour)


def test_events_stand_in_the_order_of_their_times() -> None:
    times = [event.t_s for event in _play(_pod(_app()), Behaviour(drain_s=None)).timeline.events]
    assert times == sorted(times)
