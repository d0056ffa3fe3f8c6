"""The JSON envelope: what is encoded obeys the published schema, and every key of it is documented."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

import lameduck
from lameduck.ending.losses import Cause
from lameduck.report.answer import Answer
from tests.report import sample_answers

PACKAGE = Path(lameduck.__file__).parent
DOCS = PACKAGE.parents[1] / "docs" / "json.md"
ENVELOPE = json.loads((PACKAGE / "report" / "envelope.schema.json").read_text())
TIMELINE = json.loads((PACKAGE / "ending" / "timeline.schema.json").read_text())
ANSWERS = (*sample_answers.everything(), sample_answers.hostile())


def validator() -> jsonschema.Draft202012Validator:
    resource: Resource[Any] = Resource.from_contents(TIMELINE)
    registry: Registry[Any] = Registry().with_resource(TIMELINE["$id"], resource)
    return jsonschema.Draft202012Validator(ENVELOPE, registry=registry)


def keys(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that the schema names, at any depth, with its own schema."""
    for name, inner in schema.get("properties", {}).items():
        yield name, inner
        yield from keys(inner)
    if "items" in schema:
        yield from keys(schema["items"])
    for inner in schema.get("$defs", {}).values():
        yield from keys(inner)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.title[:30])
def test_an_answer_obeys_the_published_schema(answer: Answer) -> None:
    validator().validate(json.loads(json.dumps(answer.to_json())))


def test_every_key_of_an_answer_is_in_the_schema() -> None:
    written = sample_answers.no_pre_stop().to_json()
    named = {name for name, _ in keys(ENVELOPE)}
    objects = [
        written,
        written["requests"],
        written["requests"]["by_fate"],
        written["endings"][0],
        written["endings"][0]["grace_use"],
        written["endings"][0]["containers"][0],
        written["findings"][0],
    ]
    assert not {key for one in objects for key in one} - named


@pytest.mark.parametrize(
    "break_it",
    [
        {"schema": 2},
        {"verdict": "good"},
        {"requests": {"sent": 1}},
        {"endings": [{"pod": "p"}]},
        {"findings": [{"code": "X1"}]},
        {"timeline": {"version": 2, "events": []}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_schema_refuses_what_breaks_the_promise(break_it: dict[str, Any]) -> None:
    written = json.loads(json.dumps(sample_answers.graceful().to_json()))
    assert validator().is_valid(written)
    assert not validator().is_valid({**written, **break_it})


def test_a_witness_that_runs_nothing_may_leave_out_what_only_an_ending_knows() -> None:
    assert validator().is_valid({"schema": 1, "witness": "check", "verdict": "graceful", "findings": []})


def test_every_key_is_documented_in_a_table() -> None:
    documented = set(re.findall(r"^\| `([^`]+)` \|", DOCS.read_text(), flags=re.MULTILINE))
    assert not {name for name, _ in (*keys(ENVELOPE), *keys(TIMELINE))} - documented


def test_every_kind_of_event_has_a_chapter() -> None:
    assert set(TIMELINE["$defs"]) <= set(re.findall(r"^### (.+)$", DOCS.read_text(), flags=re.MULTILINE))


def test_every_cause_that_can_be_counted_is_documented() -> None:
    causes = {cause.name.lower().replace("_", "-") for cause in Cause if cause.because_of_ending}
    assert not {cause for cause in causes if f"`{cause}`" not in DOCS.read_text()}


def test_the_meanings_in_the_documentation_are_those_of_the_schemas() -> None:
    text = DOCS.read_text()
    words = [inner["description"] for _, inner in (*keys(ENVELOPE), *keys(TIMELINE)) if "description" in inner]
    assert not [description for description in words if description not in text]
