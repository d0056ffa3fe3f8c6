"""Rollouts, decided from pod states alone (T112-T121)."""

import pytest

from lameduck.pod.place import InputError
from lameduck.pod.workloads import OnDelete, PodSpec, Recreate, RollingUpdate, Strategy, Workload
from lameduck.rehearse.replacing import (
    PodState,
    Replacing,
    Steps,
    replacement_due,
    replacing_of,
    rollout_steps,
)
from tests.made_up import NowhereDocument


def workload(kind: str = "Deployment", strategy: Strategy | None = None, replicas: int = 1) -> Workload:
    return Workload(
        kind=kind,
        name="web",
        pod=PodSpec(containers=(), at=()),
        document=NowhereDocument(),
        replicas=replicas,
        strategy=strategy or RollingUpdate(),
    )


def old(name: str, **state: bool) -> PodState:
    return PodState(name, old=True, **{"available": True, **state})


def new(name: str, **state: bool) -> PodState:
    return PodState(name, old=False, **state)


def test_with_one_replica_the_old_pod_stays_until_the_new_one_is_available() -> None:
    web = workload()
    assert rollout_steps(web, 1, [old("a")]) == Steps(create=1)
    assert rollout_steps(web, 1, [old("a"), new("b")]) == Steps()
    assert rollout_steps(web, 1, [old("a"), new("b", available=True)]) == Steps(delete=("a",))
    assert rollout_steps(web, 1, [old("a", marked=True), new("b", available=True)]) == Steps()


def test_max_unavailable_lets_an_old_pod_go_at_once() -> None:
    web = workload(strategy=RollingUpdate(0, 1))
    assert rollout_steps(web, 2, [old("a"), old("b")]) == Steps(delete=("a",))
    # A marked pod does not count: its replacement comes at the mark (T112).
    assert rollout_steps(web, 2, [old("a", marked=True), old("b")]) == Steps(create=1)
    assert rollout_steps(web, 2, [old("a", marked=True), old("b"), new("c")]) == Steps()


def test_old_pods_that_serve_nobody_go_first() -> None:
    web = workload()
    pods = [old("a"), old("b", available=False), new("c", available=True)]
    assert rollout_steps(web, 2, pods) == Steps(delete=("b",))


def test_recreate_ends_all_before_it_creates_one() -> None:
    web = workload(strategy=Recreate())
    assert rollout_steps(web, 2, [old("a"), old("b")]) == Steps(delete=("a", "b"))
    assert rollout_steps(web, 2, [old("a", marked=True, terminal=True), old("b", marked=True)]) == Steps()
    terminal = [old("a", marked=True, terminal=True), old("b", marked=True, gone=True)]
    assert rollout_steps(web, 2, terminal) == Steps(create=2)


def test_a_statefulset_goes_from_the_highest_ordinal_and_waits_until_the_object_is_gone() -> None:
    web = workload("StatefulSet")
    assert rollout_steps(web, 2, [old("web-0"), old("web-1")]) == Steps(delete=("web-1",))
    assert rollout_steps(web, 2, [old("web-0"), old("web-1", marked=True, terminal=True)]) == Steps()
    assert rollout_steps(web, 2, [old("web-0"), old("web-1", marked=True, gone=True)]) == Steps(create=1)
    replaced = [old("web-0"), old("web-1", marked=True, gone=True), new("web-1")]
    assert rollout_steps(web, 2, replaced) == Steps()
    available = [*replaced[:2], new("web-1", available=True)]
    assert rollout_steps(web, 2, available) == Steps(delete=("web-0",))


def test_a_daemonset_creates_when_the_old_pod_is_terminal() -> None:
    web = workload("DaemonSet", RollingUpdate(0, 1))
    assert rollout_steps(web, 1, [old("a", marked=True)]) == Steps()
    assert rollout_steps(web, 1, [old("a", marked=True, terminal=True)]) == Steps(create=1)


@pytest.mark.parametrize("web", [workload("Pod"), workload(strategy=OnDelete())])
def test_what_nothing_rolls_out_is_bad_input(web: Workload) -> None:
    with pytest.raises(InputError):
        rollout_steps(web, 1, [old("a")])


@pytest.mark.parametrize(
    ("kind", "replacing", "due_when"),
    [
        ("Deployment", Replacing.AT_MARK, old("a", marked=True)),
        ("Rollout", Replacing.AT_MARK, old("a", marked=True)),
        ("DaemonSet", Replacing.AT_END, old("a", marked=True, terminal=True)),
        ("StatefulSet", Replacing.WHEN_GONE, old("a", marked=True, terminal=True, gone=True)),
    ],
)
def test_each_kind_replaces_a_deleted_pod_at_its_own_moment(
    kind: str, replacing: Replacing, due_when: PodState
) -> None:
    assert replacing_of(workload(kind)) is replacing
    assert replacement_due(replacing, due_when)
    assert not replacement_due(replacing, old("a"))


def test_a_bare_pod_is_never_replaced() -> None:
    assert not replacement_due(replacing_of(workload("Pod")), old("a", marked=True, terminal=True, gone=True))
