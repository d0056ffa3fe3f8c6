"""The record of an ending: its order, its questions, and its JSON form, which users keep for years."""

import json
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.ending import timeline as tl
from lameduck.pod.durations import Seconds

SCHEMA = Path(tl.__file__).with_name("timeline.schema.json")

names = st.text(min_size=1, max_size=12)
times = st.integers(-3_600_000, 3_600_000).map(lambda ms: Seconds(ms / 1000))
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    int: st.integers(-10, 10_000),
    bool: st.booleans(),
    Seconds: times,
    tuple[str, ...]: st.lists(names, max_size=3).map(tuple),
    str | None: st.none() | st.text(max_size=20),
}


def of_class(cls: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: VALUES[hints[field.name]] for field in fields(cls)})


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner))
unknown = st.builds(
    tl.Other,
    t_s=times,
    what=st.text().filter(lambda name: name not in tl.EVENT_TYPES),
    detail=st.dictionaries(st.text().filter(lambda key: key not in ("t_s", "what")), json_values, max_size=3),
)
events = st.one_of(*map(of_class, tl.EVENT_TYPES.values()), unknown)
timelines = st.builds(
    tl.Timeline, st.lists(events, max_size=8).map(tuple), witness=st.sampled_from(["rehearse", "forecast"])
)


def note(t_s: float, text: str = "x") -> tl.Note:
    return tl.Note(t_s=Seconds(t_s), text=text)


def document(*written: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "witness": "rehearse", "events": list(written)}


EXITED = {"t_s": 1.0, "what": "container-exited", "pod": "p", "container": "c", "exit_code": 0, "reason": "Completed"}


@given(timelines)
def test_what_is_written_is_read_back_the_same(line: tl.Timeline) -> None:
    assert tl.Timeline.from_json(json.loads(json.dumps(line.to_json()))) == line


@given(timelines)
def test_what_is_written_obeys_the_published_schema(line: tl.Timeline) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(json.dumps(line.to_json())))


def test_every_class_of_event_has_a_name_in_the_json_form() -> None:
    assert {*tl.EVENT_TYPES.values(), tl.Other} == set(tl.Event.__args__)


def test_every_class_of_event_is_public() -> None:
    assert {cls.__name__ for cls in tl.EVENT_TYPES.values()} <= set(tl.__all__)


def test_events_stand_in_the_order_of_their_times() -> None:
    assert tl.Timeline((note(2.0), note(-1.0), note(1.0))).events == (note(-1.0), note(1.0), note(2.0))


def test_events_of_one_moment_stay_in_the_order_in_which_they_were_given() -> None:
    assert tl.Timeline((note(1.0, "first"), note(1.0, "second"))).events == (note(1.0, "first"), note(1.0, "second"))


def test_events_are_asked_for_by_class_pod_and_container() -> None:
    kills = [
        tl.KillSent(t_s=Seconds(1.0), pod=pod, container=container)
        for pod, container in (("a", "app"), ("a", "proxy"), ("b", "app"))
    ]
    line = tl.Timeline((*kills, note(0.5)))
    assert list(line.of(tl.KillSent)) == kills
    assert list(line.of(tl.KillSent, pod="a")) == kills[:2]
    assert list(line.of(tl.KillSent, pod="a", container="app")) == kills[:1]
    assert list(line.of(tl.PodGone)) == []


def test_times_are_written_to_the_millisecond() -> None:
    assert tl.Timeline((note(1.23456),)).to_json()["events"][0]["t_s"] == 1.235


def test_an_event_of_a_later_version_is_kept_as_it_was_read() -> None:
    later = {"t_s": 0.5, "what": "teleported", "to": ["node-b"], "why": None}
    line = tl.Timeline.from_json(document(later))
    assert line.events == (tl.Other(t_s=Seconds(0.5), what="teleported", detail={"to": ["node-b"], "why": None}),)
    assert line.to_json()["events"] == [later]


def test_a_key_of_a_later_version_is_passed_over() -> None:
    line = tl.Timeline.from_json(document({**EXITED, "core_dump": True}))
    assert line.to_json()["events"] == [EXITED]


def test_what_has_a_default_may_be_missing() -> None:
    line = tl.Timeline.from_json(
        document({"t_s": 1, "what": "signal-sent", "pod": "p", "container": "c", "signal": "SIGTERM", "timeout_s": 30})
    )
    assert next(line.of(tl.SignalSent)).reception == "unknown"


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ([], "has no version"),
        (None, "has no version"),
        ({"events": []}, "has no version"),
        ({"version": True, "events": []}, "has no version"),
        ({"version": "1", "events": []}, "has no version"),
        ({"version": 2, "events": []}, "version 2"),
        ({"version": 1}, "events is not a list"),
        ({"version": 1, "events": {}}, "events is not a list"),
        ({"version": 1, "events": [], "witness": 7}, "witness is not text"),
        (document(["t_s"]), "event 0 has no t_s or what"),  # type: ignore[arg-type]
        (document({"what": "note", "text": "x"}), "event 0 has no t_s or what"),
        (document({"t_s": 1.0}), "event 0 has no t_s or what"),
        (document({"t_s": True, "what": "note", "text": "x"}), "event 0 has no t_s or what"),
        (document({"t_s": float("nan"), "what": "note", "text": "x"}), "event 0 has no t_s or what"),
        (document({"t_s": float("inf"), "what": "note", "text": "x"}), "event 0 has no t_s or what"),
        (document(EXITED, {"t_s": 1.0, "what": "kill-sent", "pod": "p"}), "event 1 (kill-sent) lacks container"),
        (document({**EXITED, "exit_code": "0"}), "event 0: exit_code"),
        (document({**EXITED, "exit_code": True}), "event 0: exit_code"),
        (document({**EXITED, "exit_code": 0.5}), "event 0: exit_code"),
        (document({**EXITED, "pod": None}), "event 0: pod"),
        (document({"t_s": 1.0, "what": "note", "text": "x", "pod": 3}), "event 0: pod"),
        (document({"t_s": 1.0, "what": "pod-ready", "pod": "p", "ready": 1}), "event 0: ready"),
        (document({"t_s": 1.0, "what": "backends-changed", "view": 0, "pods": ["a", 1]}), "event 0: pods"),
        (document({"t_s": 1.0, "what": "backends-changed", "view": 0, "pods": "a"}), "event 0: pods"),
    ],
)
def test_what_is_not_a_timeline_is_refused_with_the_place_of_the_fault(written: Any, complaint: str) -> None:
    with pytest.raises(tl.TimelineError) as refusal:
        tl.Timeline.from_json(written)
    assert complaint in str(refusal.value)


def test_no_event_holds_an_enum_that_the_json_form_would_lose() -> None:
    hints = {hint for cls in tl.EVENT_TYPES.values() for hint in get_type_hints(cls).values()}
    assert not [hint for hint in hints if isinstance(hint, type) and issubclass(hint, Enum)]
