"""Several containers: side by side, and sidecars in their order (T40-T48)."""

from lameduck.ending.commands import (
    AbandonHook,
    KillProcess,
    MarkTerminating,
    RestartContainer,
    RunHook,
    SendSignal,
    StopProbing,
    Warn,
)
from lameduck.ending.happenings import DeletionRequested, HookEnded, HookFailure, ProbeFailed, ProbeKind, ProcessExited
from lameduck.ending.versions import SIDECAR_CONTAINERS, KubernetesVersion
from lameduck.pod.containers import Container, Role
from lameduck.pod.durations import Seconds
from tests.ending.pods import EXEC, PROBE, Fed, killing, pod, regular, sidecar, sleep

DELETED = DeletionRequested()


def term(name: str, timeout_s: int) -> SendSignal:
    return SendSignal(name, "SIGTERM", timeout_s)


def plain_init(name: str = "init") -> Container:
    return Container(name, at=(), role=Role.INIT)


def test_regular_containers_are_stopped_side_by_side_each_with_its_own_account() -> None:
    fed = Fed(pod(regular("a", pre_stop=sleep(2)), regular("b"), grace=6))
    assert fed.tell(0.0, DELETED) == [
        MarkTerminating(6),
        killing("a"),
        RunHook("a", sleep(2), Seconds(6.0)),
        killing("b"),
        term("b", 6),
    ]
    fed.tell(1.0, ProcessExited("b", 0))
    assert fed.wait(10.0) == [(2.0, term("a", 4)), (6.0, KillProcess("a"))]


def test_sidecars_stop_after_the_regular_containers_and_in_reverse_order() -> None:
    fed = Fed(pod(sidecar("s1"), sidecar("s2"), regular("main"), grace=10))
    assert fed.tell(0.0, DELETED)[1:] == [killing("s1"), killing("s2"), killing("main"), term("main", 10)]
    assert fed.tell(2.5, ProcessExited("main", 0)) == [term("s2", 8)]
    assert fed.tell(4.0, ProcessExited("s2", 0)) == [term("s1", 6)]


def test_a_sidecars_hook_runs_at_once_and_only_its_signal_waits() -> None:
    fed = Fed(pod(sidecar("s1", pre_stop=EXEC), regular("main"), grace=10))
    assert RunHook("s1", EXEC, Seconds(10.0)) in fed.tell(0.0, DELETED)
    assert fed.tell(1.9, HookEnded("s1")) == []
    assert fed.tell(4.0, ProcessExited("main", 0)) == [term("s1", 7)]  # 1.9 costs 1, the wait of 2.1 costs 2


def test_a_sidecar_whose_hook_runs_is_not_signalled_even_when_its_turn_has_come() -> None:
    fed = Fed(pod(sidecar("s1", pre_stop=EXEC), regular("main"), grace=10))
    fed.tell(0.0, DELETED)
    assert fed.tell(1.0, ProcessExited("main", 0)) == []
    assert fed.tell(3.0, HookEnded("s1")) == [term("s1", 7)]


def test_sidecars_that_waited_for_the_whole_grace_are_signalled_together_with_two_seconds() -> None:
    fed = Fed(pod(sidecar("s1"), sidecar("s2"), regular("main"), grace=6))
    fed.tell(0.0, DELETED)
    assert fed.wait(9.0) == [
        (6.0, term("s1", 2)),
        (6.0, term("s2", 2)),
        (6.0, KillProcess("main")),
        (8.0, KillProcess("s1")),
        (8.0, KillProcess("s2")),
    ]


def test_a_sidecars_wait_may_last_longer_than_the_grace_by_the_part_of_a_second_that_its_hook_was_not_charged() -> None:
    fed = Fed(pod(sidecar("s1", pre_stop=EXEC), regular("main", pre_stop=EXEC), grace=6))
    fed.tell(0.0, DELETED)
    fed.tell(1.9, HookEnded("s1"), HookEnded("main"))  # main: SIGKILL at 6.9
    assert fed.wait(7.5)[0] == (6.9, term("s1", 2))


def test_a_sidecar_that_outlasts_its_hook_does_not_wait_for_its_turn() -> None:
    fed = Fed(pod(sidecar("s1", pre_stop=EXEC), regular("main", pre_stop=sleep(2)), grace=4))
    fed.tell(0.0, DELETED)
    assert [c for t, c in fed.wait(4.5) if t == 4.0] == [AbandonHook("s1"), term("s1", 2), KillProcess("main")]


def test_what_releases_a_sidecar_is_the_end_of_the_main_kill_and_not_its_exit() -> None:
    fed = Fed(pod(sidecar("s1"), regular("main", pre_stop=sleep(4)), grace=10))
    fed.tell(0.0, DELETED)
    assert fed.tell(1.0, ProcessExited("main", 0)) == []
    assert fed.wait(5.0) == [(4.0, term("s1", 6))]


def test_a_sidecar_that_exits_early_stays_down_and_gets_a_stop_call_without_a_signal() -> None:
    fed = Fed(pod(sidecar("s1", pre_stop=EXEC), sidecar("s2"), regular("main"), grace=10))
    fed.tell(0.0, DELETED)
    fed.tell(0.1, ProcessExited("s2", 0))
    fed.tell(0.2, HookEnded("s1"))
    assert fed.tell(4.0, ProcessExited("main", 0)) == [term("s1", 7)]
    assert (fed.ending("s2").stop_signal, fed.ending("s2").stop_timeout_s) == (None, 6)


def test_containers_that_do_not_run_keep_no_sidecar_waiting() -> None:
    fed = Fed(pod(sidecar("s1"), sidecar("s2"), regular("main")), running={"s1"}, exited={"main": 1})
    assert fed.tell(0.0, DELETED)[1:] == [killing("s1"), term("s1", 30)]


def test_a_running_plain_init_container_is_stopped_side_by_side_without_a_hook() -> None:
    fed = Fed(pod(sidecar("s1"), plain_init(), regular("main")), running={"s1", "init"})
    assert fed.tell(0.0, DELETED)[1:] == [killing("s1"), term("s1", 30), killing("init"), term("init", 30)]


def test_a_pod_whose_main_container_never_started_has_failed() -> None:
    fed = Fed(pod(plain_init(), regular("main")), running={"init"})
    fed.tell(0.0, DELETED)
    fed.tell(1.0, ProcessExited("init", 0))
    fed.finish()
    assert [type(c).__name__ for _, c in fed.story][-2:] == ["ReportEnd", "RemovePod"]
    assert "Failed" in str(fed.story[-2][1])
    assert fed.ending("main").reason is None


def test_sidecars_do_not_wait_for_an_ephemeral_container() -> None:
    debug = Container("debug", at=(), role=Role.EPHEMERAL, pre_stop=EXEC)
    fed = Fed(pod(sidecar("s1"), regular("main"), debug), running={"s1", "main", "debug"})
    assert term("debug", 30) in fed.tell(0.0, DELETED)
    assert fed.tell(1.0, ProcessExited("main", 0)) == [term("s1", 29)]


def test_before_sidecars_existed_they_are_plain_init_containers() -> None:
    spec = pod(sidecar("s1", pre_stop=EXEC), regular("main"))
    old = Fed(spec, version=KubernetesVersion(1, 28), running={"s1", "main"})
    assert old.tell(0.0, DELETED)[1:] == [killing("s1"), term("s1", 30), killing("main"), term("main", 30)]
    gated = Fed(spec, version=KubernetesVersion(1, 28), gates=frozenset({SIDECAR_CONTAINERS}))
    assert RunHook("s1", EXEC, Seconds(30.0)) in gated.tell(0.0, DELETED)


def test_a_sidecars_liveness_probe_goes_on_and_can_do_nothing() -> None:
    fed = Fed(pod(sidecar("s1", liveness=PROBE), regular("main")))
    assert not any(isinstance(c, StopProbing) for c in fed.tell(0.0, DELETED))
    assert fed.tell(1.0, ProbeFailed("s1", ProbeKind.LIVENESS)) == []
    fed.tell(2.0, ProcessExited("main", 0))
    assert fed.tell(3.0, ProcessExited("s1", 0)) == [StopProbing("s1", (ProbeKind.LIVENESS,))]


def test_a_sidecars_hook_that_fails_does_not_cost_it_its_place() -> None:
    fed = Fed(pod(sidecar("s1", pre_stop=EXEC), regular("main"), grace=10))
    fed.tell(0.0, DELETED)
    assert fed.tell(0.1, HookEnded("s1", HookFailure.EXIT_STATUS)) == [Warn("FailedPreStopHook", "s1")]
    assert fed.tell(2.0, ProcessExited("main", 0)) == [term("s1", 9)]


def test_a_sidecar_that_is_killed_alone_does_not_wait_after_its_hook() -> None:
    fed = Fed(pod(sidecar("s1", pre_stop=EXEC, liveness=PROBE), regular("main"), grace=10))
    fed.tell(0.0, ProbeFailed("s1", ProbeKind.LIVENESS))
    assert fed.tell(1.0, HookEnded("s1")) == [term("s1", 9)]


def test_a_sidecar_is_started_again_whatever_the_pods_policy_is() -> None:
    fed = Fed(pod(sidecar("s1"), regular("main"), restart_policy="Never"))
    fed.tell(0.0, ProcessExited("s1", 0))
    assert fed.wait(2.0) == [(0.5, RestartContainer("s1"))]
