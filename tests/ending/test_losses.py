"""The cause of each lost request, from what its client saw and what its pod was doing."""

import pytest

from lameduck.ending.losses import Cause, Loss, PodMoments, explain_losses, moments_of
from lameduck.ending.requests import ClientKind, Fate, Request
from lameduck.ending.timeline import (
    ContainerExited,
    DeletionMarked,
    EndpointChanged,
    Event,
    HookStarted,
    KillSent,
    PodGone,
    ReplicaPlanned,
    SignalSent,
    Timeline,
)
from lameduck.pod.durations import Seconds

A, B, C = "web-a", "web-b", "web-c"


def _marked(t_s: float, pod: str = A) -> tuple[Event, ...]:
    return (
        DeletionMarked(t_s=Seconds(t_s), pod=pod, grace_s=30),
        EndpointChanged(t_s=Seconds(t_s), pod=pod, ready=False, serving=True, terminating=True),
    )


def _ready(t_s: float, pod: str) -> EndpointChanged:
    return EndpointChanged(t_s=Seconds(t_s), pod=pod, ready=True, serving=True, terminating=False)


def _hook(t_s: float, handler: str) -> HookStarted:
    return HookStarted(t_s=Seconds(t_s), pod=A, container="app", handler=handler)


def _signal(t_s: float, container: str = "app", pod: str = A) -> SignalSent:
    return SignalSent(t_s=Seconds(t_s), pod=pod, container=container, signal="SIGTERM", timeout_s=25)


def _exit(t_s: float, container: str = "app", pod: str = A) -> ContainerExited:
    return ContainerExited(t_s=Seconds(t_s), pod=pod, container=container, exit_code=0, reason="Completed")


def _kill(t_s: float, container: str = "app") -> KillSent:
    return KillSent(t_s=Seconds(t_s), pod=A, container=container)


def _timeline(*events: Event | tuple[Event, ...]) -> Timeline:
    flat: list[Event] = [_ready(-10, A), _ready(-10, B)]
    for event in events:
        flat += event if isinstance(event, tuple) else (event,)
    return Timeline(tuple(flat))


def _request(
    fate: Fate,
    sent_s: float,
    ended_s: float | None = None,
    *,
    pod: str | None = A,
    reused: bool = False,
    connected_s: float | None = None,
    first_byte_s: float | None = None,
) -> Request:
    ended = sent_s + 0.002 if ended_s is None else ended_s
    if connected_s is None and fate is not Fate.REFUSED:
        connected_s = sent_s - 10 if reused else sent_s + 0.001
    if first_byte_s is None and fate in (Fate.OK, Fate.CUT, Fate.SERVER_ERROR):
        first_byte_s = min(sent_s + 0.002, ended)
    return Request(
        kind=ClientKind.KEEPALIVE if reused else ClientKind.NEW,
        method="GET",
        due_s=Seconds(sent_s),
        sent_s=Seconds(sent_s),
        ended_s=Seconds(ended),
        fate=fate,
        pod=pod,
        reused=reused,
        connected_s=None if connected_s is None else Seconds(connected_s),
        first_byte_s=None if first_byte_s is None else Seconds(first_byte_s),
    )


def _why(timeline: Timeline, *requests: Request, rtt_s: float = 0.0) -> list[tuple[Cause, str]]:
    return [(loss.cause, loss.phase) for loss in explain_losses(timeline, requests, rtt_s=Seconds(rtt_s))]


_EXITS_AT_ONCE = _timeline(_marked(0), _signal(0.02), _exit(0.06))
_DELAYED = _timeline(_marked(0), _hook(0, "sleep 5 s"), _signal(5.0), _exit(5.02))
_DRAINS = _timeline(_marked(0), _hook(0, "sleep 5 s"), _signal(5.0), _exit(9.0))
_KILLED = _timeline(_marked(0), _signal(0.0), _kill(30.0), _exit(30.01))


def test_a_loss_is_the_request_its_cause_and_the_phase_of_its_pod() -> None:
    request = _request(Fate.REFUSED, 0.3)
    assert explain_losses(_EXITS_AT_ONCE, (request,), rtt_s=Seconds(0)) == (
        Loss(request, Cause.BEFORE_ENDPOINTS, "ended"),
    )


def test_losses_come_in_the_order_in_which_they_ended_and_only_losses_come() -> None:
    late, early = _request(Fate.CUT, 0.0, 5.01), _request(Fate.SERVER_ERROR, 5.0, 5.005)
    fine, open_still = _request(Fate.OK, 1.0), _request(Fate.UNFINISHED, 2.0)
    losses = explain_losses(_DELAYED, (late, fine, early, open_still), rtt_s=Seconds(0))
    assert [loss.request for loss in losses] == [early, late]


# New connections that nobody accepts


def test_a_connection_refused_while_another_pod_is_ready_came_before_the_endpoints_were_updated() -> None:
    assert _why(_EXITS_AT_ONCE, _request(Fate.REFUSED, 0.5)) == [(Cause.BEFORE_ENDPOINTS, "ended")]


def test_a_connection_refused_by_a_draining_server_did_so_too() -> None:
    assert _why(_timeline(_marked(0), _signal(0), _exit(4)), _request(Fate.REFUSED, 0.5)) == [
        (Cause.BEFORE_ENDPOINTS, "stopping")
    ]


def test_a_connection_that_stays_in_the_accept_queue_until_the_exit_was_never_accepted() -> None:
    timeline = _timeline(_marked(0), _signal(0), _exit(4))
    assert _why(timeline, _request(Fate.RESET, 0.5, 4.0)) == [(Cause.BEFORE_ENDPOINTS, "ended")]


def test_a_connection_that_no_pod_was_there_for_had_no_endpoint() -> None:
    assert _why(_EXITS_AT_ONCE, _request(Fate.REFUSED, 0.5, pod=None)) == [(Cause.NO_ENDPOINT, "ended")]


def test_a_connection_refused_by_the_only_pod_had_no_endpoint_to_go_to() -> None:
    only = Timeline((_ready(-10, A), *_marked(0), _signal(0.02), _exit(0.06)))
    assert _why(only, _request(Fate.REFUSED, 0.5)) == [(Cause.NO_ENDPOINT, "ended")]


def test_a_replacement_that_gets_ready_meanwhile_does_not_change_that() -> None:
    # Until the client side knows the replacement, the old pod is its last resort (T87).
    only = Timeline((_ready(-10, A), *_marked(0), _signal(0.02), _exit(0.06), _ready(3.0, C)))
    assert _why(only, _request(Fate.REFUSED, 3.5)) == [(Cause.NO_ENDPOINT, "ended")]


def test_two_pods_that_end_together_are_no_endpoints_for_each_other() -> None:
    both = _timeline(_marked(0, A), _marked(0.001, B), _signal(0.02), _exit(0.06), _ready(3.0, C))
    assert _why(both, _request(Fate.REFUSED, 0.5), _request(Fate.REFUSED, 3.5)) == [
        (Cause.NO_ENDPOINT, "ended"),
        (Cause.NO_ENDPOINT, "ended"),
    ]


def test_in_a_rollout_the_others_may_change_as_long_as_there_is_one() -> None:
    rolling = _timeline(_marked(0), _signal(0), _exit(0.1), _ready(1.9, C), _marked(2.0, B))
    assert _why(rolling, _request(Fate.REFUSED, 2.5)) == [(Cause.BEFORE_ENDPOINTS, "ended")]


def test_a_pod_that_left_the_slice_is_no_endpoint() -> None:
    left = EndpointChanged(t_s=Seconds(-1), pod=B, ready=True, serving=True, terminating=False, listed=False)
    assert _why(_timeline(left, _marked(0), _signal(0), _exit(0.1)), _request(Fate.REFUSED, 0.5)) == [
        (Cause.NO_ENDPOINT, "ended")
    ]


# Requests in flight


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.RESET])
@pytest.mark.parametrize("reused", [False, True])
def test_a_request_in_flight_that_ends_with_the_signal_was_cut_by_the_stop(fate: Fate, reused: bool) -> None:
    assert _why(_DELAYED, _request(fate, 4.0, 5.03, reused=reused)) == [(Cause.CUT_BY_STOP, "ended")]


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.RESET])
@pytest.mark.parametrize("reused", [False, True])
def test_a_request_in_flight_that_ends_with_a_later_exit_was_cut_by_the_exit(fate: Fate, reused: bool) -> None:
    assert _why(_DRAINS, _request(fate, 4.0, 9.01, reused=reused)) == [(Cause.CUT_BY_EXIT, "ended")]


def test_a_request_that_is_cut_within_the_drain_was_cut_by_the_stop() -> None:
    assert _why(_DRAINS, _request(Fate.CUT, 4.0, 7.0)) == [(Cause.CUT_BY_STOP, "stopping")]


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.RESET])
@pytest.mark.parametrize("reused", [False, True])
@pytest.mark.parametrize("sent_s", [-3.0, 12.0, 29.99])
def test_a_request_in_flight_at_sigkill_was_cut_by_it(fate: Fate, reused: bool, sent_s: float) -> None:
    assert _why(_KILLED, _request(fate, sent_s, 30.005, reused=reused)) == [(Cause.CUT_BY_KILL, "stopping")]


def test_a_kept_alive_connection_that_sigkill_closes_is_the_kills_fault() -> None:
    assert _why(_KILLED, _request(Fate.RESET, 30.012, 30.014, reused=True)) == [(Cause.CUT_BY_KILL, "ended")]


def test_a_request_cut_long_before_sigkill_was_not_cut_by_it() -> None:
    assert _why(_KILLED, _request(Fate.CUT, -1.0, 8.0)) == [(Cause.CUT_BY_STOP, "stopping")]


def test_a_connection_after_sigkill_is_refused_for_its_own_reason() -> None:
    assert _why(_KILLED, _request(Fate.REFUSED, 30.5)) == [(Cause.BEFORE_ENDPOINTS, "ended")]


def test_a_process_that_exits_in_its_hook_cuts_by_its_exit() -> None:
    timeline = _timeline(_marked(0), _hook(0, "exec sh -c sleep 3; nginx -s stop"), _exit(3.0))
    assert _why(timeline, _request(Fate.CUT, 2.0, 3.01), _request(Fate.RESET, 2.9, 3.01)) == [
        (Cause.CUT_BY_EXIT, "ended"),
        (Cause.CUT_BY_EXIT, "ended"),
    ]


def test_a_process_that_exits_during_a_sleep_cuts_by_its_exit() -> None:
    timeline = _timeline(_marked(0), _hook(0, "sleep 5 s"), _exit(3.0))
    assert _why(timeline, _request(Fate.CUT, 2.0, 2.99)) == [(Cause.CUT_BY_EXIT, "preStop")]


def test_a_request_that_a_hook_makes_the_server_drop_was_cut_by_the_stop() -> None:
    timeline = _timeline(_marked(0), _hook(0, "exec /stop.sh"), _signal(5), _exit(6))
    assert _why(timeline, _request(Fate.CUT, 1.0, 2.0), _request(Fate.RESET, 1.0, 2.1, reused=True)) == [
        (Cause.CUT_BY_STOP, "preStop"),
        (Cause.CUT_BY_STOP, "preStop"),
    ]


def test_of_several_containers_that_one_counts_whose_stop_explains_the_loss() -> None:
    # The sidecar-like helper has no hook and is signalled at once; the server sleeps first.
    timeline = _timeline(
        _marked(0), _signal(0, "helper"), _exit(0.1, "helper"), _hook(0, "sleep 5 s"), _signal(5), _exit(5.02)
    )
    assert _why(timeline, _request(Fate.RESET, 4.0, 5.01), _request(Fate.RESET, 4.9, 5.01, reused=True)) == [
        (Cause.CUT_BY_STOP, "stopping"),
        (Cause.CUT_BY_STOP, "stopping"),
    ]


# Kept-alive connections


@pytest.mark.parametrize("timeline", [_DELAYED, _DRAINS])
def test_a_reused_connection_that_is_reset_at_once_after_the_signal_lost_the_race(timeline: Timeline) -> None:
    assert [cause for cause, _ in _why(timeline, _request(Fate.RESET, 5.001, 5.003, reused=True))] == [
        Cause.KEEPALIVE_RACE
    ]


def test_a_reused_connection_reset_late_in_the_drain_lost_the_race_too() -> None:
    assert _why(_DRAINS, _request(Fate.RESET, 7.5, 7.502, reused=True)) == [(Cause.KEEPALIVE_RACE, "stopping")]


def test_a_hook_that_drains_the_server_makes_races_before_the_signal() -> None:
    timeline = _timeline(_marked(0), _hook(0, "exec nginx -s quit"), _signal(5), _exit(6))
    assert _why(timeline, _request(Fate.RESET, 0.4, 0.402, reused=True)) == [(Cause.KEEPALIVE_RACE, "preStop")]


def test_a_retried_request_is_judged_by_its_last_connection() -> None:
    # The first attempt went out before the signal; the second, on a new connection, after it.
    retried = _request(Fate.RESET, 4.99, 9.0, connected_s=5.2)
    assert _why(_DRAINS, retried) == [(Cause.BEFORE_ENDPOINTS, "ended")]


# Distance


def test_a_request_on_its_way_when_the_server_closes_lost_the_race_not_its_answer() -> None:
    # Sent 20 ms before the signal, it arrives 5 ms after it; the reset is back after the whole round trip.
    request = _request(Fate.RESET, 4.98, 5.03, reused=True)
    assert _why(_DELAYED, request, rtt_s=0.05) == [(Cause.KEEPALIVE_RACE, "ended")]
    assert _why(_DELAYED, request, rtt_s=0.0) == [(Cause.CUT_BY_STOP, "ended")]


def test_a_new_connection_asks_when_it_is_connected() -> None:
    # SYN, SYN-ACK and the request: the request arrives one and a half round trips after the connect began.
    request = _request(Fate.RESET, 4.9, 5.2, connected_s=5.0)
    assert _why(_DELAYED, request, rtt_s=0.1) == [(Cause.BEFORE_ENDPOINTS, "ended")]
    early = _request(Fate.RESET, 4.8, 5.07, connected_s=4.9)
    assert _why(_DELAYED, early, rtt_s=0.1) == [(Cause.CUT_BY_STOP, "ended")]


def test_an_answer_that_is_cut_is_noticed_half_a_round_trip_later() -> None:
    # 0.3 s of distance: noticed at 9.16, it was cut with the exit at 9.0, not 0.16 s after it.
    assert _why(_DRAINS, _request(Fate.CUT, 3.0, 9.16), rtt_s=0.3) == [(Cause.CUT_BY_EXIT, "ended")]
    assert _why(_DRAINS, _request(Fate.CUT, 3.0, 9.16), rtt_s=0.0) == [(Cause.CUT_BY_STOP, "ended")]


# Answers that are none


def test_an_error_from_a_stopping_server_is_an_answer_of_its_own_kind() -> None:
    assert _why(_DRAINS, _request(Fate.SERVER_ERROR, 6.0)) == [(Cause.ANSWERED_5XX, "stopping")]


def test_a_request_without_any_answer_was_never_answered() -> None:
    assert _why(_KILLED, _request(Fate.TIMEOUT, 2.0, 12.0)) == [(Cause.NEVER_ANSWERED, "stopping")]


# What is not the ending's


@pytest.mark.parametrize("fate", [fate for fate in Fate if fate.lost])
def test_a_loss_on_a_pod_that_is_not_ending_is_not_the_endings(fate: Fate) -> None:
    assert _why(_DELAYED, _request(fate, 2.0, pod=B)) == [(Cause.NOT_THE_ENDING, "before")]


@pytest.mark.parametrize("fate", [fate for fate in Fate if fate.lost])
def test_a_loss_before_the_mark_is_not_the_endings(fate: Fate) -> None:
    assert _why(_DELAYED, _request(fate, -2.0)) == [(Cause.NOT_THE_ENDING, "before")]


def test_no_endpoint_before_any_mark_is_not_the_endings() -> None:
    assert _why(_DELAYED, _request(Fate.REFUSED, -2.0, pod=None)) == [(Cause.NOT_THE_ENDING, "before")]


@pytest.mark.parametrize("fate", [fate for fate in Fate if fate.lost])
@pytest.mark.parametrize("reused", [False, True])
@pytest.mark.parametrize("hook", ["sleep 5 s", "exec sleep 5", "exec /bin/sleep 5", "exec sh -c sleep 5"])
def test_a_loss_while_the_hook_only_sleeps_is_not_the_endings(fate: Fate, reused: bool, hook: str) -> None:
    timeline = _timeline(_marked(0), _hook(0, hook), _signal(5.0), _exit(5.1))
    request = _request(fate, 2.0, reused=reused and fate is not Fate.REFUSED)
    assert _why(timeline, request) == [(Cause.NOT_THE_ENDING, "preStop")]


@pytest.mark.parametrize("hook", ["exec sh -c sleep 5; nginx -s quit", "httpGet :8080/drain", "exec sleepy 5"])
def test_a_hook_that_does_more_than_sleep_reaches_the_server(hook: str) -> None:
    timeline = _timeline(_marked(0), _hook(0, hook), _signal(5.0), _exit(5.1))
    assert _why(timeline, _request(Fate.SERVER_ERROR, 2.0)) == [(Cause.ANSWERED_5XX, "preStop")]


def test_only_not_the_ending_is_not_because_of_it() -> None:
    assert [cause for cause in Cause if not cause.because_of_ending] == [Cause.NOT_THE_ENDING]


# New pods


def _replacement(t_s: float, *, replacement: bool = True) -> tuple[Event, ...]:
    planned = ReplicaPlanned(t_s=Seconds(t_s), pod=C, replacement=replacement)
    return (planned, _ready(t_s + 0.1, C))


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.RESET])
def test_a_replacement_that_has_answered_nothing_did_not_listen_yet(fate: Fate) -> None:
    timeline = _timeline(_marked(0), _replacement(0))
    assert _why(timeline, _request(fate, 1.0, pod=C), _request(Fate.OK, 3.0, pod=C)) == [
        (Cause.NOT_LISTENING_YET, "before")
    ]


def test_a_new_pod_of_a_rollout_may_come_before_any_mark() -> None:
    timeline = _timeline(_replacement(-1), _marked(0))
    assert _why(timeline, _request(Fate.REFUSED, -0.5, pod=C)) == [(Cause.NOT_LISTENING_YET, "before")]


def test_a_replacement_that_has_answered_loses_requests_for_other_reasons() -> None:
    timeline = _timeline(_marked(0), _replacement(0))
    assert _why(timeline, _request(Fate.OK, 1.0, pod=C), _request(Fate.REFUSED, 1.5, pod=C)) == [
        (Cause.NOT_THE_ENDING, "before")
    ]


@pytest.mark.parametrize(
    "request_",
    [
        _request(Fate.SERVER_ERROR, 1.0, pod=C),
        _request(Fate.TIMEOUT, 1.0, pod=C),
        _request(Fate.RESET, 1.0, pod=C, reused=True),
    ],
    ids=["5xx", "timeout", "reused"],
)
def test_a_replacement_that_accepts_does_listen(request_: Request) -> None:
    assert _why(_timeline(_marked(0), _replacement(0)), request_) == [(Cause.NOT_THE_ENDING, "before")]


def test_a_replica_that_was_there_from_the_start_is_not_new() -> None:
    timeline = _timeline(_marked(0), _replacement(-20, replacement=False))
    assert _why(timeline, _request(Fate.REFUSED, 1.0, pod=C)) == [(Cause.NOT_THE_ENDING, "before")]


# The moments themselves


def test_moments_are_those_since_the_mark() -> None:
    # A liveness kill came before the deletion; a second container has neither signal nor exit.
    timeline = _timeline(
        _signal(-8, "app"),
        _exit(-7, "app"),
        _marked(0),
        _hook(0, "sleep 2 s"),
        _signal(2, "app"),
        _signal(2.5, "proxy"),
        _exit(3, "app"),
        _kill(8, "proxy"),
        _exit(8.1, "proxy"),
        PodGone(t_s=Seconds(9), pod=A),
    )
    t = Seconds
    assert moments_of(timeline, A) == PodMoments(
        pod=A,
        marked_s=t(0),
        signal_s=t(2),
        signals_s=(t(2), t(2.5)),
        kill_s=t(8),
        exit_s=t(8.1),
        exits_s=(t(3), t(8.1)),
        gone_s=t(9),
        reached_s=t(2),
        stops_s=((t(2), t(3)), (t(2.5), t(8.1))),
    )


def test_a_pod_that_nothing_happened_to_has_no_moments() -> None:
    moments = moments_of(_timeline(), B)
    assert (moments.marked_s, moments.reached_s, moments.stop_before(Seconds(1))) == (None, None, None)


@pytest.mark.parametrize(("t_s", "phase"), [(-1, "before"), (1, "preStop"), (6, "stopping"), (9, "ended")])
def test_a_phase_lasts_until_the_next_moment(t_s: float, phase: str) -> None:
    assert moments_of(_DRAINS, A).phase_at(Seconds(t_s)) == phase
