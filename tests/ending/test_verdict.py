"""The judge's verdict: whole values, and arithmetic that adds up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.ending.commands import ContainerEnding
from lameduck.ending.losses import Cause, Loss
from lameduck.ending.requests import ClientKind, Fate, Request
from lameduck.ending.timeline import (
    BackendsChanged,
    ContainerExited,
    DeletionMarked,
    EndpointChanged,
    Event,
    HookFinished,
    KillSent,
    SignalSent,
    Timeline,
)
from lameduck.ending.verdict import GraceUse, PodEnding, Tally, Verdict, judge
from lameduck.pod.durations import Seconds

A, B = "web-a", "web-b"
_NONE_LOST = tuple((fate, 0) for fate in Fate if fate.lost)


def _request(
    fate: Fate,
    sent_s: float,
    ended_s: float,
    *,
    pod: str | None = A,
    reused: bool = False,
    retried: bool = False,
) -> Request:
    answered = fate in (Fate.OK, Fate.CUT, Fate.SERVER_ERROR)
    connected = None if fate is Fate.REFUSED else sent_s - 60 if reused else sent_s
    return Request(
        kind=ClientKind.NEW,
        method="GET",
        due_s=Seconds(sent_s),
        sent_s=Seconds(sent_s),
        ended_s=Seconds(ended_s),
        fate=fate,
        pod=pod,
        reused=reused,
        connected_s=None if connected is None else Seconds(connected),
        first_byte_s=Seconds(ended_s) if answered else None,
        retried=retried,
    )


def _ending(
    *,
    marked_s: float = 0.0,
    signal_s: float | None = 5.0,
    exit_s: float = 6.0,
    kill_s: float | None = None,
    updated_s: float | None = 1.0,
    pod: str = A,
    grace_s: int = 30,
) -> tuple[Timeline, dict[str, tuple[ContainerEnding, ...]]]:
    """One pod's ending with one container; times but `marked_s` count from the mark."""
    at = marked_s
    events: list[Event] = [
        EndpointChanged(t_s=Seconds(at - 9), pod=each, ready=True, serving=True, terminating=False) for each in (A, B)
    ]
    events += [
        BackendsChanged(t_s=Seconds(at - 9), view=0, pods=(A, B)),
        DeletionMarked(t_s=Seconds(at), pod=pod, grace_s=grace_s),
        EndpointChanged(t_s=Seconds(at), pod=pod, ready=False, serving=True, terminating=True),
        ContainerExited(t_s=Seconds(at + exit_s), pod=pod, container="app", exit_code=0, reason="Completed"),
    ]
    if updated_s is not None:
        events.append(BackendsChanged(t_s=Seconds(at + updated_s), view=0, pods=(B,)))
    if signal_s is not None:
        events.append(SignalSent(t_s=Seconds(at + signal_s), pod=pod, container="app", signal="SIGTERM", timeout_s=25))
    if kill_s is not None:
        events.append(KillSent(t_s=Seconds(at + kill_s), pod=pod, container="app"))
    container = ContainerEnding(
        "app",
        stop_signal=None if signal_s is None else "SIGTERM",
        stop_signal_s=None if signal_s is None else Seconds(at + signal_s),
        kill_s=None if kill_s is None else Seconds(at + kill_s),
        exit_s=Seconds(at + exit_s),
        exit_code=0,
        killed=kill_s is not None,
    )
    return Timeline(tuple(events)), {pod: (container,)}


def _judged(ending: tuple[Timeline, dict[str, tuple[ContainerEnding, ...]]], *requests: Request) -> Verdict:
    return judge(*ending, requests, rtt_s=Seconds(0))


def _use(
    endpoints_s: float,
    idle_s: float,
    draining_s: float,
    cleaning_up_s: float,
    hanging_s: float,
    margin_s: float,
) -> GraceUse:
    return GraceUse(*map(Seconds, (endpoints_s, idle_s, draining_s, cleaning_up_s, hanging_s, margin_s)))


def test_an_ending_that_loses_nothing_is_graceful() -> None:
    requests = (_request(Fate.OK, 0.5, 0.6), _request(Fate.OK, 4.0, 5.5), _request(Fate.UNFINISHED, 8.0, 9.0, pod=B))
    assert _judged(_ending(marked_s=10.0), *(request.since(Seconds(-10.0)) for request in requests)) == Verdict(
        graceful=True,
        reasons=(),
        tally=Tally(
            sent=3,
            ok=2,
            lost=0,
            unrelated=0,
            unfinished=1,
            saved_by_retry=0,
            not_counted=0,
            by_fate=_NONE_LOST,
            by_cause=(),
        ),
        losses=(),
        endings=(
            PodEnding(
                pod=A,
                grace_s=30,
                marked_s=Seconds(10),
                total_s=Seconds(6),
                containers=(
                    ContainerEnding(
                        "app",
                        stop_signal="SIGTERM",
                        stop_signal_s=Seconds(5),
                        exit_s=Seconds(6),
                        exit_code=0,
                    ),
                ),
                last_new_connection_s=Seconds(4),
                last_answer_s=Seconds(5.5),
                use=_use(5, 0, 0.5, 0.5, 0, 24),
                endpoints_updated_s=Seconds(1),
            ),
        ),
    )


def test_the_tally_tells_losses_of_the_ending_from_others() -> None:
    requests = (
        _request(Fate.OK, 0.1, 0.2),
        _request(Fate.OK, 5.1, 5.2, reused=True, retried=True),
        _request(Fate.REFUSED, 5.2, 5.2),
        _request(Fate.REFUSED, 5.3, 5.3),
        _request(Fate.CUT, 4.0, 5.01),
        _request(Fate.SERVER_ERROR, 3.0, 3.1, pod=B),
        _request(Fate.UNFINISHED, 5.0, 9.0, pod=B),
    )
    verdict = judge(*_ending(), requests, rtt_s=Seconds(0), not_counted=4)
    assert verdict.tally == Tally(
        sent=7,
        ok=2,
        lost=3,
        unrelated=1,
        unfinished=1,
        saved_by_retry=1,
        not_counted=4,
        by_fate=tuple((fate, {Fate.REFUSED: 2, Fate.CUT: 1}.get(fate, 0)) for fate in Fate if fate.lost),
        by_cause=((Cause.BEFORE_ENDPOINTS, 2), (Cause.CUT_BY_STOP, 1)),
    )
    assert verdict.losses == (
        Loss(requests[5], Cause.NOT_THE_ENDING, "before"),
        Loss(requests[4], Cause.CUT_BY_STOP, "stopping"),
        Loss(requests[2], Cause.BEFORE_ENDPOINTS, "stopping"),
        Loss(requests[3], Cause.BEFORE_ENDPOINTS, "stopping"),
    )


# Graceful or not


def test_a_request_lost_to_the_ending_is_ungraceful_and_said_with_its_cause() -> None:
    verdict = _judged(_ending(), _request(Fate.REFUSED, 5.2, 5.2), _request(Fate.OK, 1.0, 1.1))
    assert (verdict.graceful, verdict.reasons) == (
        False,
        ("1 of 2 requests lost: 1 came before the endpoints were updated",),
    )


def test_a_request_lost_to_something_else_is_not_ungraceful() -> None:
    verdict = _judged(_ending(), _request(Fate.SERVER_ERROR, 3.0, 3.1, pod=B))
    assert (verdict.graceful, verdict.reasons, verdict.tally.unrelated) == (True, (), 1)


def test_a_container_killed_at_its_deadline_is_ungraceful() -> None:
    verdict = _judged(_ending(marked_s=7.0, signal_s=0.0, kill_s=30.0, exit_s=30.1))
    assert verdict.reasons == ("web-a/app was killed at its deadline, 30.0 s after the deletion request",)


@pytest.mark.parametrize(
    ("outcome", "reasons"),
    [
        ("none", ()),
        ("ok", ()),
        ("failed", ("the preStop hook of web-a/app failed: the stop signal followed at once",)),
        ("outlasted", ("the preStop hook of web-a/app outlasted the grace of 30 s",)),
    ],
)
def test_a_hook_that_failed_or_outlasted_the_grace_is_ungraceful(outcome: str, reasons: tuple[str, ...]) -> None:
    timeline, _ = _ending()
    containers = (ContainerEnding("app", hook_outcome=outcome, exit_s=Seconds(6), exit_code=0),)
    assert _judged((timeline, {A: containers})).reasons == reasons


@pytest.mark.parametrize(("cause", "graceful"), [("killed", True), ("exit-status", False), (None, False)])
def test_a_hook_cut_by_the_end_of_its_own_container_has_not_failed(cause: str | None, graceful: bool) -> None:
    timeline, _ = _ending(signal_s=None)
    finished = HookFinished(t_s=Seconds(6), pod=A, container="app", outcome="failed", cause=cause)
    containers = (ContainerEnding("app", hook_outcome="failed", exit_s=Seconds(6), exit_code=0),)
    verdict = _judged((Timeline((*timeline.events, finished)), {A: containers}))
    assert verdict.graceful is graceful


def test_all_that_is_wrong_is_said_losses_first() -> None:
    ending = _ending(signal_s=0.0, kill_s=30.0, exit_s=30.1)
    verdict = _judged(ending, _request(Fate.CUT, 20.0, 30.05))
    assert verdict.reasons == (
        "1 of 1 requests lost: 1 cut by SIGKILL",
        "web-a/app was killed at its deadline, 30.0 s after the deletion request",
    )


# Where the grace went


@pytest.mark.parametrize(
    ("story", "requests", "use"),
    [
        ("nobody came", (), _use(1, 4, 0, 1, 0, 24)),
        ("answered in the delay", (_request(Fate.OK, 2.0, 3.0),), _use(3, 2, 0, 1, 0, 24)),
        ("busy at the signal", (_request(Fate.OK, 2.0, 5.25),), _use(5, 0, 0.25, 0.75, 0, 24)),
        ("asked after the signal", (_request(Fate.OK, 5.2, 5.5, reused=True),), _use(1, 4, 0.5, 0.5, 0, 24)),
        ("an answer noticed after the exit", (_request(Fate.OK, 5.2, 6.4, reused=True),), _use(1, 4, 1, 0, 0, 24)),
        ("another pod's answers", (_request(Fate.OK, 2.0, 5.4, pod=B),), _use(1, 4, 0, 1, 0, 24)),
        ("answered before the mark", (_request(Fate.OK, -2.0, -1.0),), _use(1, 4, 0, 1, 0, 24)),
    ],
)
def test_seconds_before_the_signal_are_needed_or_idle_and_after_it_draining_or_cleaning_up(
    story: str, requests: tuple[Request, ...], use: GraceUse
) -> None:
    assert _judged(_ending(), *requests).endings[0].use == use


def test_endpoints_that_are_never_updated_are_waited_for_until_the_signal() -> None:
    assert _judged(_ending(updated_s=None)).endings[0].use == _use(5, 0, 0, 1, 0, 24)


def test_endpoints_updated_after_the_signal_leave_no_idle_time() -> None:
    assert _judged(_ending(updated_s=5.5)).endings[0].use == _use(5, 0, 0, 1, 0, 24)


def test_an_exit_before_the_signal_leaves_nothing_to_drain() -> None:
    assert _judged(_ending(signal_s=None, exit_s=2.0)).endings[0].use == _use(1, 1, 0, 0, 0, 28)


def test_a_signal_after_the_exit_was_seen_counts_from_the_exit() -> None:
    assert _judged(_ending(signal_s=2.01, exit_s=2.0)).endings[0].use == _use(1, 1, 0, 0, 0, 28)


def test_what_sigkill_ends_was_hanging_since_the_last_answer() -> None:
    ending = _ending(signal_s=5.0, kill_s=30.0, exit_s=30.5)
    assert _judged(ending).endings[0].use == _use(1, 4, 0, 0, 25.5, -0.5)
    assert _judged(ending, _request(Fate.OK, 4.0, 7.0)).endings[0].use == _use(5, 0, 2, 0, 23.5, -0.5)
    assert _judged(ending, _request(Fate.CUT, 4.0, 30.6)).endings[0].use == _use(5, 0, 25.5, 0, 0, -0.5)


def test_a_pod_without_an_exit_has_no_total() -> None:
    timeline, _ = _ending()
    (ending,) = _judged((timeline, {A: (ContainerEnding("app"),)})).endings
    assert (ending.total_s, ending.use) == (0.0, _use(0, 0, 0, 0, 0, 30))


@given(
    signal_s=st.none() | st.floats(min_value=0, max_value=40),
    exit_s=st.floats(min_value=0, max_value=40),
    killed=st.booleans(),
    updated_s=st.none() | st.floats(min_value=0, max_value=50),
    requests=st.lists(
        st.builds(
            lambda fate, sent_s, for_s, reused: _request(
                fate, sent_s, sent_s + for_s, reused=reused and fate is not Fate.REFUSED
            ),
            st.sampled_from(list(Fate)),
            st.floats(min_value=-10, max_value=50),
            st.floats(min_value=0, max_value=30),
            st.booleans(),
        ),
        max_size=5,
    ),
)
def test_the_parts_of_the_grace_add_up_and_none_is_negative(
    signal_s: float | None, exit_s: float, killed: bool, updated_s: float | None, requests: list[Request]
) -> None:
    ending = _ending(signal_s=signal_s, exit_s=exit_s, kill_s=exit_s if killed else None, updated_s=updated_s)
    (judged,) = _judged(ending, *requests).endings
    use = judged.use
    parts = (use.endpoints_s, use.idle_s, use.draining_s, use.cleaning_up_s, use.hanging_s)
    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(judged.total_s)
    assert use.margin_s == pytest.approx(30 - judged.total_s)
    assert (use.hanging_s if not killed else use.cleaning_up_s) == 0.0


# Several pods, several client sides


def test_each_pod_that_ended_has_its_ending_in_the_order_of_their_marks() -> None:
    late, late_containers = _ending(marked_s=20.0, pod=A)
    early, early_containers = _ending(marked_s=3.0, pod=B, exit_s=7.0)
    verdict = _judged((Timeline((*late.events, *early.events)), late_containers | early_containers))
    assert [(ending.pod, ending.marked_s, ending.total_s) for ending in verdict.endings] == [
        (B, 3.0, 7.0),
        (A, 20.0, 6.0),
    ]


def test_a_second_delete_does_not_move_the_mark_nor_its_grace() -> None:
    timeline, containers = _ending()
    again = DeletionMarked(t_s=Seconds(2), pod=A, grace_s=3)
    (ending,) = _judged((Timeline((*timeline.events, again)), containers)).endings
    assert (ending.marked_s, ending.grace_s) == (0.0, 30)


def test_a_pod_that_is_still_ending_has_no_ending_yet() -> None:
    timeline, _ = _ending()
    assert _judged((timeline, {})).endings == ()


def test_the_endpoints_are_updated_when_the_last_client_side_knows() -> None:
    timeline, containers = _ending(updated_s=1.0)
    slow = (
        BackendsChanged(t_s=Seconds(-9), view=1, pods=(A, B)),
        BackendsChanged(t_s=Seconds(3), view=1, pods=(B,)),
    )
    (ending,) = _judged((Timeline((*timeline.events, *slow)), containers)).endings
    assert ending.endpoints_updated_s == 3.0
    (ending,) = _judged((Timeline((*timeline.events, slow[0])), containers)).endings
    assert ending.endpoints_updated_s is None


@pytest.mark.parametrize(("updated_s", "needed_s"), [(None, None), (0.0, 1), (0.3, 2), (1.0, 2), (1.004, 2), (1.2, 3)])
def test_the_delay_needed_is_the_lag_in_whole_seconds_and_one_more(
    updated_s: float | None, needed_s: int | None
) -> None:
    (ending,) = _judged(_ending(updated_s=updated_s)).endings
    assert ending.delay_needed_s == needed_s
