"""What holds for every pod, whatever its containers do and whenever they are deleted."""

from collections import deque
from copy import deepcopy
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from lameduck.ending.commands import Command, RemovePod, SendSignal
from lameduck.ending.conformance.enactment import Enacted, enact, flow_of
from lameduck.ending.conformance.evidence import PodPlan
from lameduck.ending.conformance.reactions import After, ExitPlan, HookPlan
from lameduck.ending.happenings import (
    DeletionRequested,
    Happening,
    HookEnded,
    HookFailure,
    KubeletKill,
    KubeletKilled,
    KubeletStarted,
    KubeletStopped,
    ProcessExited,
    TimePassed,
)
from lameduck.ending.versions import V1_36
from lameduck.pod.containers import Container, Role
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Handler
from lameduck.pod.workloads import PodSpec
from tests.ending.pods import EXEC, GET, TCP, sleep

NONE: frozenset[str] = frozenset()


def moments(most: float) -> st.SearchStrategy[float]:
    """Seconds in steps of an eighth: floats add them without error."""
    return st.integers(0, int(most * 8)).map(lambda eighths: eighths / 8)


hooks: st.SearchStrategy[Handler | None] = st.one_of(
    st.none(), st.sampled_from([EXEC, GET, TCP]), st.integers(0, 8).map(sleep)
)
hook_plans = st.builds(
    HookPlan, st.one_of(st.none(), moments(10)), st.one_of(st.none(), st.just(HookFailure.EXIT_STATUS))
)
exit_plans = st.builds(
    ExitPlan,
    st.sampled_from([After.SIGNAL, After.SIGKILL, After.KILL_BEGAN]),
    moments(9),
    st.sampled_from([0, 1, 143]),
    st.booleans(),
)


@st.composite
def plans(draw: st.DrawFn, *, kubelet_restarts: bool = False) -> PodPlan:
    """A pod, what its containers do, and when it is deleted."""
    names = [f"s{n}" for n in range(draw(st.integers(0, 2)))], [f"c{n}" for n in range(draw(st.integers(1, 3)))]
    roles = [*((name, Role.SIDECAR) for name in names[0]), *((name, Role.REGULAR) for name in names[1])]
    containers = tuple(Container(name, at=(), role=role, pre_stop=draw(hooks)) for name, role in roles)
    spec = PodSpec(containers, at=(), termination_grace_period_s=draw(st.integers(-1, 8)))
    graces = st.one_of(st.none(), st.integers(0, 10))
    happenings: list[tuple[float, Happening]] = [(draw(moments(3)), DeletionRequested(draw(graces)))]
    if draw(st.booleans()):
        happenings.append((draw(moments(6)), DeletionRequested(draw(graces))))
    if draw(st.booleans()):
        kill = KubeletKilled(draw(st.sampled_from([KubeletKill.EVICTION, KubeletKill.ACTIVE_DEADLINE])), draw(graces))
        happenings.append((draw(moments(1)), kill))
    if kubelet_restarts:
        down = 4 + draw(moments(8))
        happenings += [(down, KubeletStopped()), (down + draw(moments(4)), KubeletStarted())]
    plan = PodPlan(spec, {}, running={name for name, _ in roles}, finalizers=False)
    plan.happenings = sorted(happenings, key=lambda each: each[0])
    plan.hooks = {name: deque([draw(hook_plans)]) for name, _ in roles}
    plan.exits = {name: deque([draw(exit_plans)]) for name, _ in roles}
    return plan


def played(plan: PodPlan) -> Enacted:
    return enact(plan, version=V1_36, gates=NONE)


def grace_of(enacted: Enacted, plan: PodPlan) -> int:
    """The largest grace that any rule could have given."""
    kills = [h.grace_s or 0 for _, h in plan.happenings if isinstance(h, KubeletKilled | DeletionRequested)]
    return max(1, plan.spec.termination_grace_period_s, *kills)


@settings(deadline=None)
@given(plans())
def test_no_signal_comes_before_its_hook_is_over(plan: PodPlan) -> None:
    for lives in played(plan).lives.values():
        for ending in lives:
            if ending.hook_start_s is not None and ending.stop_signal_s is not None:
                assert ending.hook_end_s is not None
                assert ending.stop_signal_s >= ending.hook_end_s


@settings(deadline=None)
@given(plans())
def test_sigkill_comes_exactly_when_the_signals_time_is_over_and_that_is_two_seconds_at_least(plan: PodPlan) -> None:
    for lives in played(plan).lives.values():
        for ending in lives:
            assert ending.stop_timeout_s is None or ending.stop_timeout_s >= 2
            if ending.kill_s is not None:
                assert ending.stop_signal_s is not None
                assert ending.stop_timeout_s is not None
                assert ending.kill_s == ending.stop_signal_s + ending.stop_timeout_s


@settings(deadline=None)
@given(plans())
def test_no_kill_lasts_longer_than_its_grace_and_the_documented_three_seconds(plan: PodPlan) -> None:
    enacted = played(plan)
    began = min(t for t, c in enacted.commands if type(c).__name__ == "Warn")
    for lives in enacted.lives.values():
        for ending in lives:
            for moment in (ending.kill_s, ending.stop_signal_s):
                assert moment is None or moment < began + grace_of(enacted, plan) + 3


@settings(deadline=None)
@given(plans())
def test_every_pod_that_is_deleted_goes_and_nothing_is_ordered_after_it_has(plan: PodPlan) -> None:
    enacted = played(plan)
    assert enacted.gone
    assert sum(isinstance(command, RemovePod) for _, command in enacted.commands) == 1
    flow = flow_of(plan, version=V1_36, gates=NONE)
    for t, happening in enacted.fed:
        flow.receive(happening, Seconds(t))
    hooked = [c.name for c in plan.spec.containers if c.pre_stop and enacted.lives[c.name][-1].hook_start_s is not None]
    late: list[Happening] = [TimePassed(), DeletionRequested(0), *(ProcessExited(name, 0) for name in plan.running)]
    late += [HookEnded(name, HookFailure.KILLED) for name in hooked]
    assert [flow.receive(each, Seconds(1000.0)) for each in late] == [()] * len(late)
    assert flow.wake_at is None


@settings(deadline=None)
@given(plans())
def test_a_sidecar_is_not_signalled_before_the_regular_containers_have_stopped_or_its_time_is_over(
    plan: PodPlan,
) -> None:
    enacted = played(plan)
    began = min(t for t, c in enacted.commands if type(c).__name__ == "Warn")
    roles = {container.name: container.role for container in plan.spec.containers}
    exits = [lives[-1].exit_s for name, lives in enacted.lives.items() if roles[name] is Role.REGULAR]
    least = 1  # whatever the grace was
    for t, command in enacted.commands:
        if isinstance(command, SendSignal) and roles[command.container] is Role.SIDECAR:
            assert all(exit_s is not None and exit_s <= t for exit_s in exits) or t >= began + least


@settings(deadline=None)
@given(plans(kubelet_restarts=True))
def test_the_same_feed_gives_the_same_answers(plan: PodPlan) -> None:
    first = played(plan)
    assert played(plan) == first
    flow = flow_of(plan, version=V1_36, gates=NONE)
    answers: list[tuple[float, Command]] = []
    for t, happening in first.fed:
        answers += [(t, command) for command in flow.receive(happening, Seconds(t))]
    assert answers == first.commands


@settings(deadline=None)
@given(plans(kubelet_restarts=True))
def test_looking_at_the_clock_more_often_changes_nothing(plan: PodPlan) -> None:
    ticking = deepcopy(plan)
    ticking.happenings = sorted(
        [*plan.happenings, *((n / 8 + 1 / 16, TimePassed()) for n in range(320))], key=lambda each: each[0]
    )
    assert played(ticking).commands == played(plan).commands


@settings(deadline=None)
@given(plans(kubelet_restarts=True))
def test_a_pod_outlives_a_restart_of_its_kubelet_and_goes_all_the_same(plan: PodPlan) -> None:
    assert played(plan).gone


@settings(deadline=None)
@given(plans())
def test_a_longer_grace_never_brings_a_regular_containers_signal_earlier(plan: PodPlan) -> None:
    def signals(grace_s: int) -> dict[str, float]:
        asked: list[tuple[float, Happening]] = [(0.0, DeletionRequested(grace_s))]
        orders = played(replace(plan, happenings=asked)).commands
        return {order.container: t for t, order in orders if isinstance(order, SendSignal)}

    long, short = signals(11), signals(5)
    for container in plan.spec.containers:
        if container.role is Role.REGULAR and container.name in long.keys() & short.keys():
            assert long[container.name] >= short[container.name]
