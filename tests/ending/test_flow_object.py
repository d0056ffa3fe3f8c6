"""What deletes do to the object, and what they do not do to the node (T1-T10, T14)."""

from typing import Any

import pytest

from lameduck.ending.commands import (
    Command,
    KillProcess,
    MarkTerminating,
    RemovePod,
    ReportEnd,
    RunHook,
    SendSignal,
    Warn,
)
from lameduck.ending.flow import Stage
from lameduck.ending.happenings import (
    DeletionRequested,
    FinalizersRemoved,
    HookEnded,
    KubeletKill,
    KubeletKilled,
    ProcessExited,
    TimePassed,
)
from lameduck.ending.latencies import Latencies
from lameduck.pod.durations import Seconds
from tests.ending.pods import EXEC, Fed, killing, pod, regular, sidecar, sleep

DELETED = DeletionRequested()
TERM_2 = SendSignal("app", "SIGTERM", 2)


def test_a_force_delete_removes_the_object_first_and_the_process_still_gets_its_signal_and_two_seconds() -> None:
    fed = Fed(pod(grace=10))
    assert fed.tell(0.0, DeletionRequested(0)) == [MarkTerminating(0), RemovePod(), killing("app"), TERM_2]
    assert fed.flow.stage is Stage.ENDING
    assert fed.finish() == [(2.0, KillProcess("app"))]
    fed.tell(2.01, ProcessExited("app", 137))
    assert fed.flow.gone
    assert fed.story[-1] == (2.0, KillProcess("app"))  # no phase is reported to an object that is gone


def test_grace_zero_in_the_spec_makes_every_delete_a_force_delete() -> None:
    assert Fed(pod(grace=0)).tell(0.0, DELETED) == [MarkTerminating(0), RemovePod(), killing("app"), TERM_2]


def test_a_forced_pod_with_a_hook_gives_it_one_second() -> None:
    fed = Fed(pod(regular(pre_stop=sleep(5)), grace=10))
    assert fed.tell(0.0, DeletionRequested(0))[-1] == RunHook("app", sleep(5), Seconds(1.0))
    assert [(t, c) for t, c in fed.finish() if isinstance(c, SendSignal | KillProcess)] == [
        (1.0, TERM_2),
        (3.0, KillProcess("app")),
    ]


def test_the_first_delete_may_give_more_than_the_spec() -> None:
    assert Fed(pod(grace=3)).tell(0.0, DeletionRequested(8))[-1] == SendSignal("app", "SIGTERM", 8)


@pytest.mark.parametrize(("second", "marks"), [(None, []), (20, []), (3, [MarkTerminating(3, first=False)])])
def test_a_second_delete_changes_the_object_at_most(second: int | None, marks: list[Command]) -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=12))
    fed.tell(0.0, DELETED)
    assert fed.tell(2.0, DeletionRequested(second)) == marks
    assert fed.tell(5.0, HookEnded("app")) == [SendSignal("app", "SIGTERM", 7)]


def test_a_second_delete_by_force_takes_the_object_and_leaves_the_schedule() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=12))
    fed.tell(0.0, DELETED)
    assert fed.tell(2.0, DeletionRequested(0)) == [MarkTerminating(0, first=False), RemovePod()]
    assert fed.tell(5.0, HookEnded("app")) == [SendSignal("app", "SIGTERM", 7)]
    fed.finish()
    fed.tell(12.1, ProcessExited("app", 137))
    assert fed.flow.gone
    assert not any(isinstance(c, ReportEnd) for _, c in fed.story)


def test_a_finalizer_keeps_the_object_after_the_containers_are_gone() -> None:
    fed = Fed(pod(), finalizers=True)
    fed.tell(0.0, DELETED)
    fed.tell(1.0, ProcessExited("app", 0))
    fed.finish()
    assert fed.flow.stage is Stage.ENDED
    assert fed.tell(5.0, FinalizersRemoved()) == [RemovePod()]
    assert fed.flow.gone


def test_a_finalizer_that_goes_in_time_changes_nothing() -> None:
    fed = Fed(pod(), finalizers=True)
    fed.tell(0.0, DELETED)
    assert fed.tell(0.5, FinalizersRemoved()) == []
    fed.tell(1.0, ProcessExited("app", 0))
    assert fed.finish()[-1] == (1.97, RemovePod())


def test_a_finalizer_outlives_even_a_force_delete() -> None:
    fed = Fed(pod(), finalizers=True)
    assert fed.tell(0.0, DeletionRequested(0)) == [MarkTerminating(0), killing("app"), TERM_2]


def test_a_pod_without_a_node_goes_at_once() -> None:
    fed = Fed(pod(), scheduled=False, running=())
    assert fed.tell(0.0, DELETED) == [MarkTerminating(0), RemovePod()]
    assert fed.flow.gone


def test_a_pod_that_has_ended_goes_at_once() -> None:
    fed = Fed(pod(restart_policy="Never"), exited={"app": 0}, running=())
    assert fed.tell(0.0, DELETED) == [MarkTerminating(0), RemovePod()]
    assert fed.flow.gone


def test_a_pod_in_a_crash_loop_gets_neither_hook_nor_signal_and_has_failed() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=8), exited={"app": 1}, running=())
    assert fed.tell(0.0, DELETED) == [MarkTerminating(8)]
    assert fed.finish() == [(0.17, ReportEnd("Failed", fed.flow.endings)), (0.97, RemovePod())]


def test_a_container_that_never_started_is_shown_as_of_unknown_status() -> None:
    fed = Fed(pod(), running=())
    fed.tell(0.0, DELETED)
    fed.finish()
    assert fed.ending().reason == "ContainerStatusUnknown"


@pytest.mark.parametrize(
    ("codes", "phase"),
    [
        ({"a": 0, "b": 0, "s": 1}, "Succeeded"),
        ({"a": 0, "b": 3, "s": 0}, "Failed"),
        ({"a": 143, "b": 0, "s": 0}, "Failed"),
    ],
)
def test_the_phase_is_that_of_the_regular_containers_alone(codes: dict[str, int], phase: str) -> None:
    fed = Fed(pod(sidecar("s"), regular("a"), regular("b")))
    fed.tell(0.0, DELETED)
    for name in ("a", "b", "s"):
        fed.tell(1.0, ProcessExited(name, codes[name]))
    assert fed.finish()[0] == (1.17, ReportEnd(phase, fed.flow.endings))


def test_the_nodes_latencies_are_the_callers_choice() -> None:
    fed = Fed(pod(), latencies=Latencies(report_s=Seconds(0.0), removal_s=Seconds(0.5)))
    fed.tell(0.0, DELETED)
    assert isinstance(fed.tell(1.0, ProcessExited("app", 0))[-1], ReportEnd)
    assert fed.finish() == [(1.5, RemovePod())]


LATE: list[Any] = [DELETED, ProcessExited("app", 0), HookEnded("app"), TimePassed(), FinalizersRemoved()]


@pytest.mark.parametrize("late", LATE, ids=lambda late: type(late).__name__)
def test_nothing_happens_to_a_pod_that_is_gone(late: Any) -> None:
    fed = Fed(pod(regular(pre_stop=EXEC)))
    fed.tell(0.0, DELETED)
    fed.tell(1.0, HookEnded("app"))
    fed.tell(2.0, ProcessExited("app", 0))
    fed.finish()
    before = fed.flow.endings
    assert fed.tell(99.0, late) == []
    assert (fed.flow.endings, fed.flow.wake_at) == (before, None)


def test_a_delete_while_the_kubelet_ends_the_pod_by_itself_only_lets_it_be_removed() -> None:
    fed = Fed(pod(grace=8))
    fed.tell(0.0, KubeletKilled(KubeletKill.ACTIVE_DEADLINE))
    assert fed.tell(1.0, DeletionRequested(2)) == [MarkTerminating(2)]
    fed.tell(2.0, ProcessExited("app", 0))
    assert fed.finish()[-1][1] == RemovePod()
    assert Warn("ExceededGracePeriod") not in [c for _, c in fed.story]


def test_a_pod_without_a_node_waits_for_its_finalizers_and_nothing_is_reported() -> None:
    fed = Fed(pod(), scheduled=False, running=(), finalizers=True)
    assert fed.tell(0.0, DELETED) == [MarkTerminating(0)]
    assert fed.finish() == []
    assert fed.tell(5.0, FinalizersRemoved()) == [RemovePod()]
    assert fed.flow.gone


def test_a_delete_between_the_kubelets_end_and_its_report_lets_the_pod_be_removed_after_it() -> None:
    fed = Fed(pod(grace=8))
    fed.tell(0.0, KubeletKilled(KubeletKill.ACTIVE_DEADLINE))
    fed.tell(1.0, ProcessExited("app", 0))
    assert fed.tell(1.125, DELETED) == [MarkTerminating(8)]
    assert [type(c) for _, c in fed.finish()] == [ReportEnd, RemovePod]


def test_a_force_delete_between_the_end_and_its_report_leaves_nothing_to_report() -> None:
    fed = Fed(pod(grace=8))
    fed.tell(0.0, DELETED)
    fed.tell(1.0, ProcessExited("app", 0))
    assert fed.tell(1.125, DeletionRequested(0)) == [MarkTerminating(0, first=False), RemovePod()]
    assert fed.flow.gone
    assert fed.flow.wake_at is None
