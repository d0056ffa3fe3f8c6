"""Hook, signal and SIGKILL of one container (T16-T28)."""

import pytest

from lameduck.ending.commands import (
    AbandonHook,
    Command,
    ContainerEnding,
    KillProcess,
    MarkTerminating,
    RemovePod,
    ReportEnd,
    RunHook,
    SendSignal,
    StopProbing,
    Warn,
)
from lameduck.ending.flow import Flow
from lameduck.ending.happenings import DeletionRequested, HookEnded, HookFailure, ProbeKind, ProcessExited
from lameduck.pod.durations import Seconds
from tests.ending.pods import EXEC, GET, PROBE, TCP, Fed, killing, pod, regular, sleep

DELETED = DeletionRequested()
FAILED = Warn("FailedPreStopHook", "app")


def term(timeout_s: int) -> SendSignal:
    return SendSignal("app", "SIGTERM", timeout_s)


def steps(fed: Fed) -> list[tuple[float, Command]]:
    """The story without its frame: mark, Killing, report and removal."""
    frame = (MarkTerminating, ReportEnd, RemovePod)
    return [(t, c) for t, c in fed.story if not isinstance(c, frame) and c != killing("app")]


def test_a_pod_without_hook_is_signalled_at_once_and_gone_after_its_exit() -> None:
    fed = Fed(pod(grace=8))
    fed.tell(0.0, DELETED)
    fed.tell(1.0, ProcessExited("app", 0))
    fed.finish()
    ending = ContainerEnding(
        "app", stop_signal="SIGTERM", stop_signal_s=Seconds(0.0), stop_timeout_s=8, exit_s=Seconds(1.0), exit_code=0,
        reason="Completed",
    )  # fmt: skip
    assert fed.story == [
        (0.0, MarkTerminating(8)),
        (0.0, killing("app")),
        (0.0, term(8)),
        (1.17, ReportEnd("Succeeded", (ending,))),
        (1.97, RemovePod()),
    ]
    assert fed.flow.gone


def test_the_signal_follows_the_hook_and_the_rest_of_the_grace_is_the_signals() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC)))
    fed.tell(0.0, DELETED)
    fed.tell(5.0, HookEnded("app"))
    fed.finish()
    assert steps(fed) == [(0.0, RunHook("app", EXEC, Seconds(30.0))), (5.0, term(25)), (30.0, KillProcess("app"))]


def test_4_9_seconds_cost_4_so_sigkill_comes_almost_a_second_after_the_grace() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=8))
    fed.tell(0.0, DELETED)
    fed.tell(4.9, HookEnded("app"))
    fed.finish()
    assert steps(fed)[1:] == [(4.9, term(4)), (8.9, KillProcess("app"))]


def test_a_hook_that_ends_just_before_the_grace_leaves_the_floor_of_two_seconds() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC)))
    fed.tell(0.0, DELETED)
    fed.tell(29.0, HookEnded("app"))
    fed.finish()
    assert steps(fed)[1:] == [(29.0, term(2)), (31.0, KillProcess("app"))]


@pytest.mark.parametrize("handler", [EXEC, GET])
def test_a_hook_that_outlasts_the_grace_is_given_up_without_a_warning(handler: object) -> None:
    fed = Fed(pod(regular(pre_stop=handler), grace=6))
    fed.tell(0.0, DELETED)
    fed.finish()
    assert steps(fed)[1:] == [(6.0, AbandonHook("app")), (6.0, term(2)), (8.0, KillProcess("app"))]
    assert fed.ending().hook_outcome == "outlasted"


def test_a_hook_that_was_given_up_may_fail_late_when_its_container_is_down() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=6))
    fed.tell(0.0, DELETED)
    fed.tell(7.0, ProcessExited("app", 0))
    assert fed.tell(7.01, HookEnded("app", HookFailure.KILLED)) == [FAILED]
    assert fed.ending().hook_outcome == "outlasted"


def test_a_hook_that_was_given_up_may_end_well_late_and_nobody_cares() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=6))
    fed.tell(0.0, DELETED)
    assert fed.tell(7.0, HookEnded("app")) == []


@pytest.mark.parametrize("failure", HookFailure)
def test_a_hook_that_fails_brings_the_signal_at_once(failure: HookFailure) -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=8))
    fed.tell(0.0, DELETED)
    assert fed.tell(0.05, HookEnded("app", failure)) == [FAILED, term(8)]
    assert fed.ending().hook_outcome == "failed"


def test_the_flow_times_a_sleep_by_itself() -> None:
    fed = Fed(pod(regular(pre_stop=sleep(3)), grace=8))
    fed.tell(0.0, DELETED)
    fed.finish()
    assert steps(fed) == [
        (0.0, RunHook("app", sleep(3), Seconds(8.0))),
        (3.0, term(5)),
        (8.0, KillProcess("app")),
    ]
    assert (fed.ending().hook_outcome, fed.ending().hook_end_s) == ("ok", 3.0)


def test_hands_that_report_a_sleeps_end_change_nothing() -> None:
    fed = Fed(pod(regular(pre_stop=sleep(3)), grace=8))
    fed.tell(0.0, DELETED)
    assert fed.tell(2.99, HookEnded("app")) == []
    assert fed.tell(3.01, HookEnded("app")) == []
    assert [t for t, c in fed.story if c == term(5)] == [3.0]


def test_a_sleep_as_long_as_the_grace_is_outlasted() -> None:
    fed = Fed(pod(regular(pre_stop=sleep(6)), grace=6))
    fed.tell(0.0, DELETED)
    fed.finish()
    assert steps(fed)[1:] == [(6.0, AbandonHook("app")), (6.0, term(2)), (8.0, KillProcess("app"))]


def test_a_sleep_does_not_end_with_its_process_and_then_no_signal_is_sent() -> None:
    fed = Fed(pod(regular(pre_stop=sleep(5)), grace=8))
    fed.tell(0.0, DELETED)
    fed.tell(1.0, ProcessExited("app", 0))
    fed.finish()
    assert steps(fed) == [(0.0, RunHook("app", sleep(5), Seconds(8.0)))]
    assert fed.story[-1] == (5.97, RemovePod())
    assert (fed.ending().stop_timeout_s, fed.ending().stop_signal) == (3, None)


def test_a_tcp_socket_hook_always_fails_at_once() -> None:
    fed = Fed(pod(regular(pre_stop=TCP), grace=8))
    assert fed.tell(0.0, DELETED)[1:] == [killing("app"), RunHook("app", TCP, Seconds(8.0)), FAILED, term(8)]


def test_a_process_that_ends_within_its_exec_hook_fails_it_and_gets_no_signal() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=8))
    fed.tell(0.0, DELETED)
    fed.tell(1.06, ProcessExited("app", 0))
    assert fed.tell(1.08, HookEnded("app", HookFailure.KILLED)) == [FAILED]
    assert fed.ending().stop_timeout_s == 7


def test_grace_one_leaves_a_hook_one_second_and_the_process_two_more() -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), grace=10))
    fed.tell(0.0, DeletionRequested(1))
    fed.finish()
    assert steps(fed) == [
        (0.0, RunHook("app", EXEC, Seconds(1.0))),
        (1.0, AbandonHook("app")),
        (1.0, term(2)),
        (3.0, KillProcess("app")),
    ]


def test_who_is_killed_at_the_deadline_has_exit_code_137_and_killed() -> None:
    fed = Fed(pod(grace=3))
    fed.tell(0.0, DELETED)
    fed.tell(3.02, ProcessExited("app", 137))
    ending = fed.ending()
    assert (ending.kill_s, ending.exit_code, ending.reason, ending.killed) == (3.0, 137, "Error", True)


def test_who_ends_by_itself_while_sigkill_is_on_its_way_was_not_killed() -> None:
    fed = Fed(pod(grace=3))
    fed.tell(0.0, DELETED)
    fed.tell(3.02, ProcessExited("app", 0))
    assert (fed.ending().kill_s, fed.ending().killed) == (3.0, False)


def test_an_exit_at_the_very_deadline_comes_before_sigkill() -> None:
    fed = Fed(pod(grace=3))
    fed.tell(0.0, DELETED)
    assert fed.tell(3.0, ProcessExited("app", 0)) == []
    assert fed.ending().kill_s is None


def test_an_oom_kill_labels_the_exit_and_is_not_the_deadlines_doing() -> None:
    fed = Fed(pod())
    fed.tell(0.0, DELETED)
    fed.tell(0.5, ProcessExited("app", 137, oom=True))
    assert (fed.ending().reason, fed.ending().killed) == ("OOMKilled", False)


def test_liveness_and_startup_probes_stop_with_the_beginning_and_readiness_at_the_end() -> None:
    fed = Fed(pod(regular(startup=PROBE, readiness=PROBE, liveness=PROBE)))
    fed.tell(0.0, DELETED)
    assert fed.story[1] == (0.0, StopProbing("app", (ProbeKind.LIVENESS, ProbeKind.STARTUP)))
    assert fed.tell(2.0, ProcessExited("app", 0)) == [StopProbing("app", (ProbeKind.READINESS,))]


def test_the_image_names_the_signal() -> None:
    fed = Fed(pod(), image_stop_signals={"app": "QUIT", "not-played": "USR1"})
    assert fed.tell(0.0, DELETED)[-1] == SendSignal("app", "SIGQUIT", 30)


def test_a_caller_that_is_late_finds_done_first_what_was_due_before() -> None:
    flow = Flow(pod(regular(pre_stop=EXEC), grace=6))
    flow.receive(DELETED, Seconds(0.0))
    late = flow.receive(HookEnded("app"), Seconds(6.5))
    assert late == (AbandonHook("app"), term(2))
    assert flow.wake_at == 8.5  # the process gets its two seconds from the real signal on
