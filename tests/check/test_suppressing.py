"""Suppressions: which places they cover, and what is said of those that cover nothing."""

from pathlib import Path

import pytest

from lameduck.check.outcome import Checked
from lameduck.check.suppressing import comments
from lameduck.pod.source import Source
from tests.check.fakes import CODE, checked, deployment, write

ITEM = "        - name: app\n"


def check_with(tmp_path: Path, old: str, new: str) -> Checked:
    text = deployment()
    assert old in text
    return checked(write(tmp_path, "web.yaml", text.replace(old, new)))


@pytest.mark.parametrize(
    "new",
    [
        f"        - name: app  # lameduck: ignore {CODE} -- it drains by itself\n",
        f"        # lameduck: ignore {CODE} -- it drains by itself\n{ITEM}",
        f"        # lameduck: ignore {CODE} -- it drains by itself\n        # and more words\n{ITEM}",
        f"        # lameduck: ignore LD201, {CODE} \u2014 both\n{ITEM}",
        f"        # LameDuck: ignore: {CODE.lower()} - short dash\n{ITEM}",
    ],
)
def test_a_comment_on_the_line_or_above_covers_it(tmp_path: Path, new: str) -> None:
    answer = check_with(tmp_path, ITEM, new)
    assert (answer.seen, answer.suppressed) == ([], 1)
    assert not [note for note in answer.notes if CODE in note.message]


@pytest.mark.parametrize(
    "annotation",
    [f"{CODE}: it drains by itself", f"LD201: other; {CODE}: it drains", f"{CODE} -- it drains"],
)
def test_an_annotation_covers_the_object(tmp_path: Path, annotation: str) -> None:
    new = f'metadata: {{name: web, annotations: {{lameduck.dev/ignore: "{annotation}"}}}}'
    answer = check_with(tmp_path, "metadata: {name: web}", new)
    assert (answer.seen, answer.suppressed) == ([], 1)
    assert not [note for note in answer.notes if CODE in note.message]


def test_an_annotation_of_the_pod_template_counts_as_well(tmp_path: Path) -> None:
    new = f'metadata: {{labels: {{app: web}}, annotations: {{lameduck.dev/ignore: "{CODE}: known"}}}}'
    assert check_with(tmp_path, "metadata: {labels: {app: web}}", new).suppressed == 1


def test_an_annotation_covers_no_other_object(tmp_path: Path) -> None:
    other = deployment("other").replace(
        "{name: other}", f'{{name: other, annotations: {{lameduck.dev/ignore: "{CODE}: x"}}}}'
    )
    answer = checked(write(tmp_path, "web.yaml", deployment() + "---\n" + other))
    assert [seen.workload for seen in answer.seen] == ["Deployment/web"]


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        (f"# lameduck: ignore {CODE}", "without a reason"),
        ("# lameduck: ignore", "names no code"),
        ("# lameduck: ignore all -- please", "names no code"),
        (f"# lameduck: ignore {CODE}, LD000 -- why", "LD000, which is no code"),
    ],
)
def test_what_is_wrong_with_a_suppression_is_said(tmp_path: Path, comment: str, says: str) -> None:
    answer = check_with(tmp_path, ITEM, f"        {comment}\n{ITEM}")
    (note,) = answer.notes
    assert says in note.message
    assert (note.is_error, note.place.line) == (False, 9)


def test_a_suppression_that_suppresses_nothing_is_reported(tmp_path: Path) -> None:
    answer = check_with(tmp_path, "kind: Deployment\n", f"kind: Deployment  # lameduck: ignore {CODE} -- moved\n")
    assert len(answer.seen) == 1
    (note,) = answer.notes
    assert note.message == f"This suppresses {CODE}, which is not found here: remove it."
    assert note.place.column == 19


def test_of_a_code_that_is_not_looked_for_nobody_knows(tmp_path: Path) -> None:
    answer = check_with(tmp_path, ITEM, f"        # lameduck: ignore LD201 -- not asked for\n{ITEM}")
    assert answer.notes == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("#!/bin/sh\n# lameduck: ignore LD101 -- x\nserver\n", [3]),
        ("server # lameduck: ignore LD101 -- x\n", [1]),
        ("FROM a\r\n# lameduck: ignore LD101 -- x\r\nCMD b\r\n", [3]),
        ("# lameduck: ignore LD101 -- at the end", [1]),
        ("# lameduck: ignored LD101\n", []),
        ("nothing\n", []),
    ],
)
def test_comments_are_read_in_scripts_and_dockerfiles_too(text: str, lines: list[int]) -> None:
    assert [directive.line for directive in comments(Source("run.sh", text))] == lines
