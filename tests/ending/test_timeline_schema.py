"""The published schema of the timeline is made from the classes, and says what the reader enforces."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lameduck.ending import timeline as tl
from lameduck.ending.timeline_schema import timeline_schema

PUBLISHED = Path(tl.__file__).with_name("timeline.schema.json")


def test_the_published_schema_is_the_one_the_classes_make() -> None:
    again = "python -m lameduck.ending.timeline_schema > src/lameduck/ending/timeline.schema.json"
    assert json.loads(PUBLISHED.read_text()) == timeline_schema(), f"write it again: {again}"


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(timeline_schema())


def test_docstrings_of_classes_and_attributes_are_its_descriptions() -> None:
    defined = timeline_schema()["$defs"]
    assert defined["kill-sent"]["description"] == "SIGKILL at the deadline (T18)."
    assert defined["hook-started"]["properties"]["handler"]["description"].startswith("In words: `exec sleep 5`")


def test_every_event_is_described() -> None:
    assert not [name for name, event in timeline_schema()["$defs"].items() if not event["description"]]


@pytest.mark.parametrize(
    "event",
    [
        {"t_s": 1.0},
        {"t_s": "1", "what": "note", "text": "x"},
        {"t_s": 1.0, "what": "note"},
        {"t_s": 1.0, "what": "pod-ready", "pod": "p", "ready": 1},
        {"t_s": 1.0, "what": "backends-changed", "view": 0, "pods": [1]},
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(event: dict[str, Any]) -> None:
    document = {"version": 1, "events": [event]}
    with pytest.raises(tl.TimelineError):
        tl.Timeline.from_json(document)
    assert not jsonschema.Draft202012Validator(timeline_schema()).is_valid(document)


def test_an_event_of_a_later_version_is_valid() -> None:
    document = {"version": 1, "events": [{"t_s": 1.0, "what": "teleported", "to": ["node-b"]}]}
    assert jsonschema.Draft202012Validator(timeline_schema()).is_valid(document)
