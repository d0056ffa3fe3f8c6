"""What is drawn over time, before any format draws it."""

from dataclasses import replace

import pytest

from lameduck.ending.timeline import BackendsChanged, Timeline
from lameduck.pod.durations import Seconds
from lameduck.report.answer import Answer
from lameduck.report.lanes import Chart, Lane, Mark, MarkKind, Phase, Span, charts, overview
from tests.report import sample_answers


def lane(chart: Chart, name: str) -> Lane:
    return next(lane for lane in chart.lanes if lane.name == name)


def phases(of: Lane) -> list[tuple[Phase, float, float]]:
    return [(span.phase, span.start_s, span.end_s) for span in of.spans]


def only_chart(answer: Answer) -> Chart:
    (chart,) = charts(answer)
    return chart


def test_a_container_runs_runs_its_hook_and_stops() -> None:
    chart = only_chart(sample_answers.graceful())
    app = lane(chart, "app")
    assert phases(app) == [
        (Phase.RUNNING, chart.start_s, 0.02),
        (Phase.HOOK, 0.02, 5.03),
        (Phase.STOPPING, 5.03, 6.4),
    ]
    assert [mark.kind for mark in app.marks] == [MarkKind.SIGNAL, MarkKind.EXIT]
    assert (app.outcome, app.bad) == ("exit 0 · 6.4 s", False)


def test_a_signal_that_nobody_hears_is_no_stopping() -> None:
    app = lane(only_chart(sample_answers.killed()), "app")
    assert [span.phase for span in app.spans] == [Phase.RUNNING, Phase.HOOK, Phase.UNHEARD]
    assert Mark(Seconds(30.04), MarkKind.KILL, "its time was over") in app.marks
    assert app.bad


def test_a_sidecar_whose_hook_is_done_waits_for_its_turn() -> None:
    proxy = lane(only_chart(sample_answers.sidecars()), "proxy")
    assert (Phase.WAITING, 1.02, 3.52) in phases(proxy)


def test_the_grace_is_marked_where_the_chart_reaches_it() -> None:
    assert only_chart(sample_answers.sidecars()).deadline_s == Seconds(8.0)
    assert only_chart(sample_answers.graceful()).deadline_s is None


def test_the_endpoints_lane_ends_when_no_client_side_sends_any_more() -> None:
    endpoints = lane(only_chart(sample_answers.graceful()), "endpoints")
    assert [(phase, end_s) for phase, _, end_s in phases(endpoints)] == [(Phase.ROUTED, 1.5)]
    assert endpoints.outcome == "until 1.5 s"


def test_client_sides_that_learn_at_different_times_are_seen() -> None:
    endpoints = lane(charts(sample_answers.rollout())[0], "endpoints")
    assert [(phase, end_s) for phase, _, end_s in phases(endpoints)] == [
        (Phase.ROUTED, 0.4),
        (Phase.PARTLY_ROUTED, 1.1),
    ]


@pytest.mark.parametrize(("at_s", "outcome"), [(0.0, "until 0.0 s"), (None, "all along")])
def test_endpoints_that_change_at_once_or_never(at_s: float | None, outcome: str) -> None:
    answer = sample_answers.graceful()
    kept = [event for event in answer.timeline.events if not isinstance(event, BackendsChanged) or event.t_s < 0]
    if at_s is not None:
        kept.append(BackendsChanged(t_s=Seconds(at_s), view=0, pods=("web-1",)))
    chart = only_chart(replace(answer, timeline=Timeline(tuple(kept))))
    assert lane(chart, "endpoints").outcome == outcome


def test_without_clients_there_is_no_endpoints_lane() -> None:
    assert [lane.name for lane in only_chart(sample_answers.no_traffic()).lanes] == ["app"]


def test_the_replacement_is_seen_from_its_creation_to_its_readiness() -> None:
    chart = only_chart(sample_answers.graceful())
    assert phases(lane(chart, "replacement")) == [(Phase.STARTING, 0.0, 1.2), (Phase.READY, 1.2, chart.end_s)]


def test_a_chart_reaches_as_far_as_its_losses_and_its_replacement() -> None:
    chart = only_chart(sample_answers.no_pre_stop())
    assert chart.end_s > 1.5
    assert max(map(chart.lost_at, chart.losses)) <= chart.end_s


def test_each_ending_of_a_rollout_counts_from_its_own_deletion() -> None:
    first, second = charts(sample_answers.rollout())
    assert (first.zero_s, second.zero_s) == (0.0, 2.2)
    assert lane(second, "app").spans[-1].end_s == pytest.approx(2.4)
    assert (len(first.losses), len(second.losses)) == (0, 4)


def test_the_overview_of_a_rollout_shows_old_and_new_pods_in_the_order_of_their_turns() -> None:
    whole = overview(sample_answers.rollout(), most=9)
    assert whole is not None
    assert [lane.name for lane in whole.lanes] == ["web-b-0", "web-a-0", "web-b-1", "web-a-1"]
    assert lane(whole, "web-a-1").spans[-1] == Span(Seconds(3.23), Seconds(4.6), Phase.STOPPING)


def test_one_ending_needs_no_overview() -> None:
    assert overview(sample_answers.graceful(), most=9) is None


def test_an_overview_that_leaves_pods_out_says_so() -> None:
    whole = overview(sample_answers.many_pods(30), most=12)
    assert whole is not None
    assert (whole.title, len(whole.lanes)) == ("The first 12 of 30 pods", 12)
