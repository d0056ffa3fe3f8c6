"""Hooks that only wait, and the grace that must hold them."""

import pytest

from lameduck.pod.case import Case, Image
from lameduck.pod.reading import read_text
from lameduck.remedies.pauses import pause, pause_in_words, room_for_pause


def _case(pod: str = "hostNetwork: false", container: str = "image: a", kubernetes: tuple[int, int] = (1, 36)) -> Case:
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  {pod}\n  containers:\n  - name: app\n"
    (workload,) = read_text(f"{text}    {container}\n", "web.yaml").workloads
    return Case(workload, kubernetes=kubernetes)


def _grace(case: Case, seconds: int) -> int | None:
    changes = room_for_pause(case, case.workload.pod.container("app"), seconds)
    assert all(change.path == ("spec", "terminationGracePeriodSeconds") for change in changes)
    values = [change.value for change in changes]
    assert all(isinstance(value, int) for value in values)
    return next((value for value in values if isinstance(value, int)), None)


@pytest.mark.parametrize(
    ("pod", "seconds", "grace"),
    [
        ("hostNetwork: false", 5, None),
        ("hostNetwork: false", 30, 60),
        ("terminationGracePeriodSeconds: 30", 5, None),
        ("terminationGracePeriodSeconds: 60", 5, 65),
        ("terminationGracePeriodSeconds: 10", 5, 15),
        ("terminationGracePeriodSeconds: 0", 5, 10),
    ],
)
def test_a_grace_that_somebody_wrote_keeps_what_the_application_had(pod: str, seconds: int, grace: int | None) -> None:
    assert _grace(_case(pod), seconds) == grace


@pytest.mark.parametrize(("limit", "grace"), [("20", None), ("25", None), ("26", 36), ("60", 70)])
def test_a_limit_that_is_known_must_fit_behind_the_hook(limit: str, grace: int | None) -> None:
    case = _case("hostNetwork: false", f"command: [gunicorn, --graceful-timeout, '{limit}']")
    assert _grace(case, 5) == grace


def test_an_old_cluster_runs_sleep_only_where_the_image_is_known_to_have_it() -> None:
    new, old = _case(), _case(kubernetes=(1, 29))
    app = old.workload.pod.container("app")
    assert pause(new, app, 5) == {"sleep": {"seconds": 5}}
    assert pause(old, app, 5) is None
    having = Case(old.workload, images={"app": Image("a", programs=frozenset({"sleep"}))}, kubernetes=(1, 29))
    assert pause(having, app, 5) == {"exec": {"command": ["sleep", "5"]}}


def test_a_reader_is_told_of_the_sleep_action_only_where_the_cluster_has_it() -> None:
    assert pause_in_words(_case(), 5) == "preStop: {sleep: {seconds: 5}}"
    assert pause_in_words(_case(kubernetes=(1, 29)), 5) == 'preStop: {exec: {command: [sleep, "5"]}}'
