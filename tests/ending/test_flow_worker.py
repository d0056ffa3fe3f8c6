"""What the pod's one worker does first: postStart, kills of single containers, restarts (T11, T39, T49, T73-T75)."""

import pytest

from lameduck.ending.commands import (
    KillProcess,
    MarkTerminating,
    ReportEnd,
    RestartContainer,
    RunHook,
    SendSignal,
    Warn,
)
from lameduck.ending.flow import Stage
from lameduck.ending.happenings import (
    ContainerStarted,
    DeletionRequested,
    HookEnded,
    HookFailure,
    KubeletStarted,
    KubeletStopped,
    PostStartBegan,
    PostStartEnded,
    ProbeFailed,
    ProbeKind,
    ProcessExited,
)
from lameduck.ending.outcomes import backoff_s
from lameduck.pod.containers import Probe
from lameduck.pod.durations import Seconds
from tests.ending.pods import EXEC, GET, PROBE, Fed, killing, pod, regular, sidecar

DELETED = DeletionRequested()
LIVENESS = ProbeFailed("app", ProbeKind.LIVENESS)


def term(timeout_s: int, name: str = "app") -> SendSignal:
    return SendSignal(name, "SIGTERM", timeout_s)


def test_a_post_start_that_runs_keeps_the_termination_waiting_and_the_grace_starts_after_it() -> None:
    fed = Fed(pod(regular(post_start=EXEC), grace=8), running=())
    fed.tell(-2.0, ContainerStarted("app"), PostStartBegan("app"))
    assert fed.tell(0.0, DELETED) == [MarkTerminating(8)]
    assert fed.tell(5.0, PostStartEnded("app", ok=True)) == [killing("app"), term(8)]
    assert fed.wait(14.0) == [(13.0, KillProcess("app"))]


def test_after_a_post_start_the_sync_still_starts_the_later_containers_which_are_killed_at_once() -> None:
    fed = Fed(pod(regular(post_start=EXEC), regular("later"), grace=8), running=())
    fed.tell(-2.0, ContainerStarted("app"))
    fed.tell(0.0, DELETED)
    assert fed.tell(5.0, PostStartEnded("app", ok=True)) == []
    assert fed.tell(5.1, ContainerStarted("later")) == [killing("app"), term(8), killing("later"), term(8, "later")]


def test_a_failed_post_start_kills_the_container_with_its_hook_and_it_is_started_again() -> None:
    fed = Fed(pod(regular(post_start=EXEC, pre_stop=EXEC), grace=6), running=())
    fed.tell(0.0, ContainerStarted("app"))
    assert fed.tell(1.0, PostStartEnded("app", ok=False)) == [
        Warn("FailedPostStartHook", "app"),
        killing("app"),
        RunHook("app", EXEC, Seconds(6.0)),
    ]
    assert fed.tell(2.0, HookEnded("app")) == [term(5)]
    assert fed.tell(3.0, ProcessExited("app", 0)) == []
    assert fed.wait(4.0) == [(3.5, RestartContainer("app"))]


def test_a_second_failure_waits_for_the_back_off() -> None:
    fed = Fed(pod(regular(post_start=EXEC), grace=6), running=())
    for start in (0.0, 10.0):
        fed.tell(start, ContainerStarted("app"))
        fed.tell(start + 1.0, PostStartEnded("app", ok=False))
        fed.tell(start + 2.0, ProcessExited("app", 0))
    assert fed.wait(60.0) == [(22.5, RestartContainer("app"))]


def test_a_delete_during_the_kill_after_a_failed_post_start_waits_and_nothing_is_started_again() -> None:
    fed = Fed(pod(regular(post_start=EXEC), grace=6), running=())
    fed.tell(0.0, ContainerStarted("app"))
    fed.tell(1.0, PostStartEnded("app", ok=False))
    assert fed.tell(2.0, DELETED) == [MarkTerminating(6)]
    assert fed.tell(3.0, ProcessExited("app", 0)) == []
    assert fed.flow.stage is Stage.ENDED
    assert RestartContainer("app") not in [c for _, c in fed.story]


@pytest.mark.parametrize(("own", "grace_s"), [(4, 4), (60, 60), (None, 12)])
def test_a_failed_liveness_probe_kills_one_container_with_the_probes_grace(own: int | None, grace_s: int) -> None:
    probe = Probe(GET, at=(), termination_grace_period_s=own)
    fed = Fed(pod(regular(liveness=probe, pre_stop=EXEC), regular("other"), grace=12))
    assert fed.tell(0.0, LIVENESS) == [killing("app"), RunHook("app", EXEC, Seconds(float(grace_s)))]
    assert fed.tell(2.0, HookEnded("app")) == [term(grace_s - 2)]
    assert fed.tell(3.0, ProcessExited("app", 0)) == [RestartContainer("app")]
    assert fed.flow.stage is Stage.SERVING


def test_a_startup_probe_has_a_grace_of_its_own() -> None:
    startup = Probe(GET, at=(), termination_grace_period_s=3)
    fed = Fed(pod(regular(startup=startup, liveness=PROBE), grace=12))
    assert fed.tell(0.0, ProbeFailed("app", ProbeKind.STARTUP)) == [killing("app"), term(3)]


def test_a_delete_during_a_liveness_kill_waits_for_it_and_for_the_new_start_and_begins_with_a_full_grace() -> None:
    fed = Fed(pod(regular(liveness=PROBE, pre_stop=EXEC), grace=6))
    fed.tell(0.0, LIVENESS)
    assert fed.tell(1.0, DELETED) == [MarkTerminating(6)]
    assert fed.tell(2.0, HookEnded("app")) == [term(4)]
    assert fed.tell(3.0, ProcessExited("app", 0)) == [RestartContainer("app")]
    assert RunHook("app", EXEC, Seconds(6.0)) in fed.tell(3.2, ContainerStarted("app"))
    assert fed.tell(4.2, HookEnded("app")) == [term(5)]
    assert [ending.exit_s for ending in fed.flow.restarted] == [3.0]


def test_what_restart_policy_never_does_not_start_again_ends_the_pod() -> None:
    fed = Fed(pod(regular(liveness=PROBE), grace=6, restart_policy="Never"))
    fed.tell(0.0, LIVENESS)
    assert fed.tell(1.0, ProcessExited("app", 1)) == []
    assert fed.wait(9.0) == [(1.67, ReportEnd("Failed", fed.flow.endings))]
    assert fed.flow.wake_at is None


def test_a_liveness_failure_during_the_drain_has_no_effect() -> None:
    fed = Fed(pod(regular(liveness=PROBE)))
    fed.tell(0.0, DELETED)
    assert fed.tell(1.0, LIVENESS) == []
    fed.tell(2.0, ProcessExited("app", 0))
    assert fed.flow.stage is Stage.ENDED


def test_a_liveness_kill_knows_no_order_of_sidecars() -> None:
    fed = Fed(pod(sidecar("s", liveness=PROBE), regular("app")))
    assert fed.tell(0.0, ProbeFailed("s", ProbeKind.LIVENESS)) == [killing("s"), term(30, "s")]
    assert fed.tell(1.0, ProcessExited("s", 0)) == [RestartContainer("s")]


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [("Always", 0, True), ("OnFailure", 1, True), ("OnFailure", 0, False), ("Never", 1, False)],
)
def test_a_container_that_exits_by_itself_is_started_again_by_policy(policy: str, code: int, again: bool) -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), regular("other"), restart_policy=policy))
    fed.tell(0.0, ProcessExited("app", code))
    assert fed.wait(2.0) == ([(0.5, RestartContainer("app"))] if again else [])


def test_when_the_regular_containers_are_done_the_sidecars_are_stopped_with_hook_and_signal() -> None:
    fed = Fed(pod(sidecar("s", pre_stop=EXEC), regular("app"), grace=8, restart_policy="Never"))
    fed.tell(0.0, ProcessExited("app", 0))
    assert fed.wait(1.0) == [(0.5, killing("s")), (0.5, RunHook("s", EXEC, Seconds(8.0)))]
    assert fed.tell(2.5, HookEnded("s")) == [term(6, "s")]
    fed.tell(3.5, ProcessExited("s", 1))
    assert fed.finish() == [(3.67, ReportEnd("Succeeded", fed.flow.endings))]
    assert not fed.flow.gone  # the object stays until somebody deletes it


def test_a_container_whose_start_was_under_way_is_killed_at_once() -> None:
    fed = Fed(pod(regular("app"), regular("slow"), grace=8), running={"app"})
    fed.tell(0.0, DELETED)
    assert fed.tell(0.5, ContainerStarted("slow")) == [killing("slow"), term(8, "slow")]
    fed.tell(1.0, ProcessExited("app", 0))
    assert fed.flow.stage is Stage.ENDING


def test_a_presumed_container_may_still_be_told_to_have_started() -> None:
    fed = Fed(pod())
    assert fed.tell(0.0, ContainerStarted("app")) == []
    assert fed.tell(1.0, DELETED) == [MarkTerminating(30), killing("app"), term(30)]


def test_a_hook_of_an_earlier_life_may_end_late() -> None:
    fed = Fed(pod(regular(liveness=PROBE, pre_stop=EXEC), grace=3))
    fed.tell(0.0, LIVENESS)
    fed.tell(4.0, ProcessExited("app", 1))
    fed.tell(4.1, ContainerStarted("app"))
    assert fed.tell(4.2, HookEnded("app", HookFailure.KILLED)) == []


def test_a_start_that_comes_after_all_was_down_takes_back_the_report() -> None:
    fed = Fed(pod(grace=4), running=())
    fed.tell(0.0, DELETED)
    assert fed.tell(0.1, ContainerStarted("app")) == [killing("app"), term(4)]
    assert fed.wait(4.0) == []
    fed.tell(5.0, ProcessExited("app", 137))
    assert [type(c).__name__ for _, c in fed.finish()] == ["ReportEnd", "RemovePod"]


def test_a_container_that_waits_for_its_back_off_is_not_started_in_a_pod_that_ends() -> None:
    fed = Fed(pod(regular("app"), regular("other"), grace=30))
    fed.tell(0.0, ProcessExited("app", 1))
    fed.tell(0.6, ContainerStarted("app"))
    fed.tell(1.0, ProcessExited("app", 1))
    fed.tell(2.0, DELETED)
    fed.wait(30.0)
    assert [t for t, c in fed.story if c == RestartContainer("app")] == [0.5]


def test_while_a_deletion_waits_for_a_post_start_nothing_else_is_started_again() -> None:
    fed = Fed(pod(regular("app"), regular("slow", post_start=EXEC)), running={"app"})
    fed.tell(0.0, ContainerStarted("slow"))
    fed.tell(0.1, ProcessExited("app", 1))
    fed.tell(0.2, DELETED)
    assert fed.wait(5.0) == []


def test_a_kubelet_that_stops_within_a_liveness_kill_forgets_it() -> None:
    fed = Fed(pod(regular(liveness=PROBE, pre_stop=EXEC), grace=8))
    fed.tell(0.0, LIVENESS)
    fed.tell(1.0, KubeletStopped())
    assert fed.tell(1.5, LIVENESS) == []  # nobody is there to see it
    fed.tell(2.0, KubeletStarted())
    assert fed.wait(5.0) == []
    assert RunHook("app", EXEC, Seconds(8.0)) in fed.tell(5.0, DELETED)


@pytest.mark.parametrize(("before", "wait_s"), [(0, 0.0), (1, 10.0), (2, 20.0), (4, 80.0), (9, 300.0), (99, 300.0)])
def test_the_back_off_doubles_up_to_five_minutes(before: int, wait_s: float) -> None:
    assert backoff_s(before) == wait_s
