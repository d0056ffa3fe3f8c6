"""The kubelet's own decisions, and its restarts (T13, T53, T83, T102-T111)."""

import pytest

from lameduck.ending.commands import (
    KillProcess,
    MarkTerminating,
    RemovePod,
    ReportEnd,
    RestartContainer,
    RunHook,
    SendSignal,
    Warn,
)
from lameduck.ending.flow import Stage
from lameduck.ending.happenings import (
    DeletionRequested,
    HookEnded,
    HookFailure,
    KubeletKill,
    KubeletKilled,
    KubeletStarted,
    KubeletStopped,
    ProcessExited,
)
from lameduck.pod.durations import Seconds
from tests.ending.pods import EXEC, Fed, killing, pod, regular, sidecar, sleep

DELETED = DeletionRequested()


def term(timeout_s: int) -> SendSignal:
    return SendSignal("app", "SIGTERM", timeout_s)


@pytest.mark.parametrize(
    ("reason", "given", "grace_s"),
    [
        (KubeletKill.EVICTION, 1, 1),
        (KubeletKill.EVICTION, 4, 4),
        (KubeletKill.EVICTION, 60, 10),  # never more than the spec's
        (KubeletKill.NODE_SHUTDOWN, 30, 10),
        (KubeletKill.PREEMPTION, None, 10),
        (KubeletKill.ACTIVE_DEADLINE, None, 10),
    ],
)
def test_the_kubelets_own_kills_run_hooks_without_a_mark_and_end_failed(
    reason: KubeletKill, given: int | None, grace_s: int
) -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=10))
    answers = fed.tell(0.0, KubeletKilled(reason, given))
    assert answers == [killing("app"), RunHook("app", EXEC, Seconds(float(grace_s)))]
    fed.tell(0.5, HookEnded("app"))
    fed.tell(1.0, ProcessExited("app", 0))
    assert fed.finish() == [(1.17, ReportEnd("Failed", fed.flow.endings))]


def test_a_kill_by_the_kubelet_that_takes_too_long_is_reported_and_goes_on() -> None:
    fed = Fed(pod(grace=30))
    fed.tell(0.0, KubeletKilled(KubeletKill.PREEMPTION))
    fed.tell(30.1, ProcessExited("app", 137))
    fed.finish()
    assert Warn("ExceededGracePeriod") not in [c for _, c in fed.story]
    slow = Fed(pod(grace=2))
    slow.tell(0.0, KubeletKilled(KubeletKill.PREEMPTION))
    assert (10.0, Warn("ExceededGracePeriod")) in slow.wait(20.0)
    deadline = Fed(pod(grace=2))
    deadline.tell(0.0, KubeletKilled(KubeletKill.ACTIVE_DEADLINE))
    assert Warn("ExceededGracePeriod") not in [c for _, c in deadline.wait(20.0)]


def test_in_an_evicted_pod_who_exited_long_before_the_others_is_shown_as_of_unknown_status() -> None:
    fed = Fed(pod(regular("early"), regular("app")))
    fed.tell(0.0, KubeletKilled(KubeletKill.EVICTION, 1))
    fed.tell(0.1, ProcessExited("early", 0))
    fed.tell(2.1, ProcessExited("app", 137))
    fed.finish()
    assert [(e.name, e.reason, e.exit_code) for e in fed.flow.endings] == [
        ("early", "ContainerStatusUnknown", 0),
        ("app", "Error", 137),
    ]


def test_a_kubelet_that_was_down_at_the_delete_gives_the_full_grace_when_it_is_back() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=4))
    fed.tell(0.0, KubeletStopped())
    assert fed.tell(0.0, DELETED) == [MarkTerminating(4)]
    fed.tell(6.0, KubeletStarted())
    assert fed.wait(8.0) == [(7.3, killing("app")), (7.3, RunHook("app", EXEC, Seconds(4.0)))]


def test_a_restart_within_the_hook_cuts_it_and_runs_it_again_with_the_whole_grace() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=12))
    fed.tell(0.0, DELETED)
    fed.tell(2.0, KubeletStopped())
    assert fed.ending().hook_outcome == "running"
    assert fed.tell(2.05, HookEnded("app", HookFailure.KILLED)) == []
    fed.tell(3.0, KubeletStarted())
    assert fed.wait(5.0) == [(4.3, killing("app")), (4.3, RunHook("app", EXEC, Seconds(12.0)))]
    assert fed.tell(8.3, HookEnded("app")) == [term(8)]
    assert (fed.ending().hook_start_s, fed.ending().hook_end_s, fed.ending().hook_outcome) == (0.0, 8.3, "ok")


def test_a_restart_after_the_signal_sends_none_again_and_starts_the_grace_again() -> None:
    fed = Fed(pod(grace=6))
    fed.tell(0.0, DELETED)
    fed.tell(2.0, KubeletStopped())
    assert fed.wait(10.0) == []  # nobody kills while the kubelet is down
    fed.tell(10.0, KubeletStarted())
    assert fed.wait(20.0) == [(11.3, killing("app")), (17.3, KillProcess("app"))]


def test_who_ended_while_the_kubelet_was_down_is_reported_when_it_is_back() -> None:
    fed = Fed(pod(grace=6))
    fed.tell(0.0, DELETED)
    fed.tell(2.0, KubeletStopped())
    fed.tell(3.0, ProcessExited("app", 0))
    fed.tell(4.0, KubeletStarted())
    story = fed.finish()
    assert [(round(t, 3), type(c)) for t, c in story] == [(5.47, ReportEnd), (6.27, RemovePod)]


def test_an_orphan_gets_no_hook_and_its_cgroup_is_emptied_after_its_signal() -> None:
    fed = Fed(pod(sidecar("s"), regular("app", pre_stop=EXEC), grace=12))
    fed.tell(0.0, DELETED)
    fed.tell(1.0, KubeletStopped())
    assert fed.tell(2.0, DeletionRequested(0)) == [MarkTerminating(0, first=False), RemovePod()]
    fed.tell(3.0, KubeletStarted(orphan=True))
    story = [(round(t, 3), c) for t, c in fed.wait(9.0)]
    assert story == [
        (5.3, killing("s")),
        (5.3, SendSignal("s", "SIGTERM", 2)),
        (5.3, killing("app")),
        (5.3, term(2)),
        (5.316, KillProcess("s")),
        (5.316, KillProcess("app")),
    ]
    fed.tell(9.0, ProcessExited("app", 137), ProcessExited("s", 137))
    assert (fed.ending().kill_s, fed.ending().killed, fed.ending().hook_outcome) == (None, False, "running")
    assert fed.flow.gone


def test_a_pod_that_is_not_admitted_again_has_two_seconds_without_a_hook_and_fails() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=10))
    assert fed.tell(0.0, KubeletKilled(KubeletKill.ORPHAN)) == [killing("app"), term(2)]
    assert fed.wait(5.0) == [(2.0, KillProcess("app"))]
    fed.tell(5.0, ProcessExited("app", 137))
    assert fed.finish()[0][1] == ReportEnd("Failed", fed.flow.endings)


def test_an_eviction_is_forgotten_with_the_kubelet_and_a_deletion_is_not() -> None:
    evicted = Fed(pod(regular(pre_stop=EXEC)))
    evicted.tell(0.0, KubeletKilled(KubeletKill.EVICTION, 4))
    evicted.tell(1.0, KubeletStopped())
    evicted.tell(2.0, KubeletStarted())
    assert evicted.finish() == []
    assert evicted.flow.stage is Stage.SERVING
    both = Fed(pod(regular(pre_stop=sleep(9))))
    both.tell(0.0, KubeletKilled(KubeletKill.EVICTION, 4), DELETED)
    both.tell(1.0, KubeletStopped())
    both.tell(2.0, KubeletStarted())
    assert both.wait(4.0)[-1] == (3.3, RunHook("app", sleep(9), Seconds(30.0)))


def test_deleting_a_static_pods_mirror_stops_nothing_and_removing_its_manifest_does() -> None:
    fed = Fed(pod(grace=8), static=True)
    assert fed.tell(0.0, DELETED) == []
    assert fed.tell(4.0, KubeletKilled(KubeletKill.STATIC_POD_REMOVED)) == [killing("app"), term(8)]
    fed.tell(6.0, ProcessExited("app", 0))
    assert fed.finish() == [(6.97, RemovePod())]
    assert fed.flow.gone


def test_a_kubelet_that_restarts_under_a_serving_pod_does_nothing_to_it() -> None:
    fed = Fed(pod())
    fed.tell(0.0, KubeletStopped())
    fed.tell(1.0, KubeletStarted())
    assert fed.finish() == []
    assert fed.tell(9.0, DELETED)[-1] == term(30)


def test_a_kubelet_that_restarts_after_the_report_removes_the_object_when_it_is_back() -> None:
    fed = Fed(pod())
    fed.tell(0.0, DELETED)
    fed.tell(1.0, ProcessExited("app", 0))
    fed.wait(1.5)
    fed.tell(1.5, KubeletStopped())
    fed.tell(2.0, KubeletStarted())
    assert fed.finish() == [(3.3, RemovePod())]


def test_a_kubelet_that_restarts_after_an_eviction_starts_nothing_again() -> None:
    fed = Fed(pod())
    fed.tell(0.0, KubeletKilled(KubeletKill.EVICTION, 1))
    fed.tell(1.0, ProcessExited("app", 0))
    fed.wait(1.5)
    fed.tell(1.5, KubeletStopped())
    fed.tell(2.0, KubeletStarted())
    assert fed.finish() == []


def test_a_kubelet_that_restarts_after_all_is_over_has_nothing_to_do() -> None:
    fed = Fed(pod())
    fed.tell(0.0, DeletionRequested(0))
    fed.tell(1.0, ProcessExited("app", 0))
    assert fed.tell(2.0, KubeletStopped(), KubeletStarted(orphan=True)) == []
    assert (fed.flow.gone, fed.flow.wake_at) == (True, None)


def test_an_orphan_cannot_be_deleted_once_more() -> None:
    fed = Fed(pod(grace=9))
    fed.tell(0.0, DELETED)
    fed.tell(1.0, KubeletStopped())
    fed.tell(2.0, KubeletStarted(orphan=True))
    assert fed.tell(2.5, DeletionRequested(1)) == []


def test_what_exits_while_the_kubelet_is_down_is_started_again_when_it_is_back() -> None:
    fed = Fed(pod())
    fed.tell(0.0, KubeletStopped())
    fed.tell(1.0, ProcessExited("app", 1))
    assert fed.wait(5.0) == []
    fed.tell(5.0, KubeletStarted())
    assert fed.finish() == [(6.3, RestartContainer("app"))]
