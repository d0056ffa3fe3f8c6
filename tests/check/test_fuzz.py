"""Whatever stands in the files: no traceback, no hang, exit code 0, 1 or 2, and a second --fix changes nothing.

About half a minute; benchmarks/fuzz_check.py goes on for as long as you like.
"""

import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.check.enduring import Broken, checked_in, endure, laid_out
from tests.check.mutating import mutated
from tests.check.seeds import MANIFEST, Tree, seeds
from tests.pod.shells.test_scripts_never_a_traceback import dockerfiles, scripts
from tests.strategies import mutated_texts, odd_objects, services

_SECONDS = 15.0
_settings = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def _endures(tree: Tree, number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        endure(tree, Path(folder), random.Random(number))


@_settings
@given(mutated_texts(), st.integers(0, 999))
def test_a_damaged_manifest_is_endured(text: str, number: int) -> None:
    _endures(Tree("drawn", {MANIFEST: text.encode("utf-8", "surrogatepass")}), number)


@_settings
@given(st.lists(odd_objects() | services(), min_size=1, max_size=3), st.integers(0, 999))
def test_objects_with_odd_values_are_endured(objects: list[dict[str, Any]], number: int) -> None:
    _endures(Tree("drawn", {MANIFEST: "\n---\n".join(map(json.dumps, objects)).encode()}), number)


@_settings
@given(dockerfiles, scripts, st.integers(0, 999))
def test_damaged_dockerfiles_and_scripts_are_endured(lines: list[str], script: str, number: int) -> None:
    files = {
        MANIFEST: b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: team/app}]}\n",
        "app/Dockerfile": "\n".join(lines).encode("utf-8", "surrogatepass"),
        "app/e.sh": f"#!/bin/sh\n{script}".encode("utf-8", "surrogatepass"),
    }
    _endures(Tree("drawn", files), number)


def test_seeds_with_damage_of_every_kind_are_endured() -> None:
    """As many as go into some seconds, and at least fifty on a machine that has much else to do; always the same."""
    every = seeds()
    end = time.monotonic() + _SECONDS
    number = 0
    while number < 50 or time.monotonic() < end:
        chance = random.Random(f"ci-{number}")
        tree = mutated(chance.choice(every), chance)
        try:
            with tempfile.TemporaryDirectory() as folder:
                endure(tree, Path(folder), chance)
        except Broken as error:
            raise AssertionError(f"{error}: {tree.name}, ci-{number}: {tree.words} {tree.files}") from error
        number += 1


def test_a_number_of_thousands_of_digits_is_endured(tmp_path: Path) -> None:
    command = f"[sleep, '{'9' * 5000}']"
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - name: a\n      image: nginx\n"
        f"      lifecycle: {{preStop: {{exec: {{command: {command}}}}}}}\n"
    )
    endure(Tree("digits", {MANIFEST: text.encode()}), tmp_path, random.Random(1))


def test_a_script_of_thousands_of_commands_is_endured(tmp_path: Path) -> None:
    """Comparing all steps after each of them took the square: 18 s for 4,500 of them in four commands."""
    files = {
        MANIFEST: b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: team/app}]}\n",
        "app/Dockerfile": b'FROM debian:12\nCOPY e.sh /e.sh\nENTRYPOINT ["/e.sh"]\n',
        "app/e.sh": b"#!/bin/sh\n" + b"python server.py & M $!\n" * 4500,
    }
    endure(Tree("long", files), tmp_path, random.Random(1))


def test_a_mistake_of_ours_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard for the guard: check itself turns a broken finding into a note."""

    monkeypatch.setattr("lameduck.check.judging.ending_of", lambda _: 1 / 0)
    seed = next(each for each in seeds() if each.name == "whole")
    with pytest.raises(Broken, match="ZeroDivisionError"):
        endure(seed, tmp_path, random.Random(1))


def test_the_seeds_show_findings_and_find_what_they_name(tmp_path: Path) -> None:
    """A guard for the guard: the repository of all kinds of files is really read."""
    laid_out(next(each for each in seeds() if each.name == "whole"), tmp_path)
    said = checked_in(tmp_path, ".", "--format", "json")
    codes = {each["code"] for each in json.loads(said.out)["findings"]}
    assert codes & {"LD101", "LD102", "LD105", "LD204", "LD206"}


_WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  strategy: {rollingUpdate: {maxSurge: %s}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: registry.example/app:1
          command: %s
          lifecycle: {preStop: {exec: {command: [sleep, '%s']}}}
          startupProbe: {httpGet: {port: 8080}, terminationGracePeriodSeconds: 15}
"""


@pytest.mark.parametrize(
    ("surge", "command", "sleep"),
    [
        ("'9999999999999999999999999%'", "[/app/server]", "5"),
        ("1", "[/app/server]", "9" * 4000),
        ("1", "[sh, -c, 'set one; exec \"$00\"']", "5"),
    ],
    ids=["a percentage beyond all numbers", "a hook that sleeps for ever", "$00 after set"],
)
def test_what_ten_minutes_of_damage_have_found_is_endured(surge: str, command: str, sleep: str) -> None:
    _endures(Tree("met", {MANIFEST: (_WEB % (surge, command, sleep)).encode()}), 0)
