"""The slice and its lagging copies (T77-T88), on a clock that only the test moves."""

from lameduck.ending.timeline import BackendsChanged, EndpointChanged, Event
from lameduck.pod.durations import Seconds
from lameduck.rehearse.endpoints import Endpoints, Lag
from lameduck.rehearse.traffic.backends import Backend

A, B = (Backend(pod, "127.0.0.1", 20_000) for pod in "ab")


class Played:
    """Endpoints, the hands of their clock, and what they recorded."""

    def __init__(self, lag: Lag, *, publish_not_ready_addresses: bool = False) -> None:
        self.now = 0.0
        self.events: list[Event] = []
        self.endpoints = Endpoints(
            lag,
            lambda: Seconds(self.now),
            self.events.append,
            publish_not_ready_addresses=publish_not_ready_addresses,
        )

    def backends(self, view: int = 0) -> set[str]:
        """All pods that new connections from there go to."""
        picked = (self.endpoints.pick(view) for _ in range(60))
        return {backend.pod for backend in picked if backend is not None}


def ready(played: Played, *backends: Backend) -> Played:
    for backend in backends:
        played.endpoints.set(backend, serving=True, terminating=False)
    played.endpoints.settle()
    return played


def test_a_marked_pod_gets_new_connections_until_the_change_arrives() -> None:
    played = ready(Played(Lag(Seconds(1), Seconds(1))), A, B)
    played.endpoints.set(A, serving=True, terminating=True)
    played.now = 0.999
    assert played.backends() == {"a", "b"}
    assert played.endpoints.serves("a")
    played.now = 1.0
    assert played.backends() == {"b"}
    assert not played.endpoints.serves("a")


def test_who_got_ready_first_does_not_change_which_backends_are_drawn() -> None:
    one, other = (ready(Played(Lag(Seconds(0), Seconds(0))), *order) for order in ((A, B), (B, A)))
    assert [one.endpoints.pick(0) for _ in range(20)] == [other.endpoints.pick(0) for _ in range(20)]


def test_the_last_pod_is_served_while_it_ends_if_it_still_serves() -> None:
    played = ready(Played(Lag(Seconds(0), Seconds(0))), A)
    played.endpoints.set(A, serving=True, terminating=True)
    assert played.backends() == {"a"}  # T87
    played.endpoints.set(A, serving=False, terminating=True)
    assert played.backends() == set()  # T71, T88


def test_a_terminating_pod_gets_nothing_while_a_ready_one_exists() -> None:
    played = ready(Played(Lag(Seconds(0), Seconds(0))), A, B)
    played.endpoints.set(A, serving=True, terminating=True)
    assert played.backends() == {"b"}  # T86
    played.endpoints.remove("b")
    assert played.backends() == {"a"}


def test_publish_not_ready_addresses_keeps_the_dying_pod_until_it_is_terminal() -> None:
    played = ready(Played(Lag(Seconds(0), Seconds(0)), publish_not_ready_addresses=True), A, B)
    played.endpoints.set(A, serving=False, terminating=True)
    assert played.backends() == {"a", "b"}  # T81
    played.endpoints.remove("a")
    assert played.backends() == {"b"}


def test_each_client_side_has_a_lag_of_its_own() -> None:
    played = ready(Played(Lag(Seconds(0.1), Seconds(1.1), sides=3)), A, B)
    played.endpoints.set(A, serving=True, terminating=True)
    for now, knowing in ((0.05, 0), (0.1, 1), (0.6, 2), (1.1, 3)):
        played.now = now
        assert sum(played.backends(view) == {"b"} for view in range(3)) == knowing
    assert played.endpoints.learnt()
    assert [event.t_s for event in played.events if isinstance(event, BackendsChanged) and event.t_s > 0] == [
        0.1,
        0.6,
        1.1,
    ]


def test_a_change_is_recorded_once_and_when_it_happened() -> None:
    played = ready(Played(Lag(Seconds(2), Seconds(2))), A)
    played.endpoints.set(A, serving=True, terminating=False)
    played.now = 3.0
    played.endpoints.remove("a")
    played.endpoints.remove("a")
    changes = [event for event in played.events if isinstance(event, EndpointChanged)]
    assert [(event.t_s, event.listed) for event in changes] == [(0.0, True), (3.0, False)]
    played.now = 9.0
    assert played.endpoints.learnt()
    told = [event for event in played.events if isinstance(event, BackendsChanged)]
    assert [(event.t_s, event.pods) for event in told] == [(0.0, ("a",)), (5.0, ())]


def test_both_pods_get_their_share() -> None:
    played = ready(Played(Lag(Seconds(0), Seconds(0))), A, B)
    picked = [played.endpoints.pick(0) for _ in range(400)]
    assert 120 < sum(backend is not None and backend.pod == "a" for backend in picked) < 280
