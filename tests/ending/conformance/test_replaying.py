"""Replaying a folder: one line each, a count, and an exit status."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lameduck.ending.conformance.replaying import main

GOLDEN = Path(__file__).parents[2] / "golden"
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Copies recordings into an empty folder, changed."""

    def copy(name: str, change: Change = lambda _: None, *, called: str | None = None) -> Path:
        raw = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
        change(raw)
        (tmp_path / f"{called or name}.json").write_text(json.dumps(raw), encoding="utf-8")
        return tmp_path

    return copy


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_what_is_reproduced_is_said_with_its_containers_and_runs(
    folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder("api-validation")
    folder("sidecar-order")
    assert main([str(folder("clean"))]) == 0
    assert lines(capsys) == [
        "api-validation: not about the flow: api validation cases",
        "clean: reproduced (1 container, 3 runs)",
        "sidecar-order: reproduced (3 containers, 3 runs)",
        "2 reproduced, 0 differ, 1 not about the flow",
    ]


def test_a_difference_is_said_with_both_values_and_the_tolerance(
    folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def later(raw: dict[str, Any]) -> None:
        raw["summary"]["containers"]["app"]["kill_s"] += 1.0

    assert main([str(folder("no-handler-sleep", later))]) == 1
    first, last = lines(capsys)
    assert first.startswith("no-handler-sleep: differs: web/app kill_s recorded ")
    assert "(tolerance 0.30)" in first
    assert last == "0 reproduced, 1 differ, 0 not about the flow"


def _set(*path: str, to: Any) -> Change:
    def change(raw: dict[str, Any]) -> None:
        *way, last = path
        for key in way:
            raw = raw[key]
        raw[last] = to

    return change


def _event(what: str, **detail: Any) -> Change:
    def change(raw: dict[str, Any]) -> None:
        next(e for e in raw["events"] if e["what"] == what)["detail"].update(detail)

    return change


def _without(what: str) -> Change:
    def change(raw: dict[str, Any]) -> None:
        raw["events"] = [e for e in raw["events"] if e["what"] != what]

    return change


APP = ("summary", "containers", "app")


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("clean", _set(*APP, "stop_signal", to="SIGQUIT"), "stop_signal recorded SIGQUIT, flow SIGTERM"),
        ("clean", _set(*APP, "stop_timeout_s", to=9), "stop_timeout_s recorded 9, flow 8"),
        ("clean", _set(*APP, "stop_signal_s", to=0.9), "stop_signal_s recorded 0.90, flow 0.00"),
        ("clean", _set(*APP, "reason", to="OOMKilled"), "reason recorded OOMKilled, flow Completed"),
        ("clean", _set(*APP, "api_exit_code", to=137), "api_exit_code recorded 137, flow 0"),
        ("clean", _set(*APP, "hook_outcome", to="ok"), "hook_outcome recorded ok, flow none"),
        ("clean", _set("summary", "final_phase", to="Failed"), "final_phase recorded Failed, flow Succeeded"),
        ("clean", _set("summary", "pod_gone_s", to=9.0), "pod_gone_s recorded 9.00, flow 1.99"),
        ("clean", _set("summary", "pod_gone_s", to=None), "pod_gone_s recorded none, flow 1.99"),
        (
            "clean",
            _event("MODIFIED", deletionGracePeriodSeconds=9),
            "deletionGracePeriodSeconds recorded [9], flow [8]",
        ),
        ("clean", _without("stop-signal"), "app stop signal recorded 0 times, flow 1 times"),
        ("no-handler-sleep", _set(*APP, "killed", to=False), "killed recorded False, flow True"),
        ("no-handler-sleep", _without("kill"), "app SIGKILL recorded 0 times, flow 1 times"),
        ("hook-nonzero", _without("FailedPreStopHook"), "FailedPreStopHook recorded [], flow ['app']"),
        ("hook-exec-sleep3", _set(*APP, "hook_outcome", to="outlasted"), "hook_end_s recorded 3.08, flow 8.00"),
        ("readiness-ok", _set("summary", "endpoints", "removed_s", to=9.0), "endpoints.removed_s recorded 9.00"),
        ("clean", _set("pods", to=[]), "does not hold its spec"),
    ],
)
def test_every_number_of_a_recording_is_looked_at(
    name: str, change: Change, told: str, folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder(name, change))]) == 1
    assert told in lines(capsys)[0]


def test_the_order_of_steps_is_looked_at(folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    def swapped(raw: dict[str, Any]) -> None:
        for event in raw["events"]:
            if event["what"] == "stop-signal":
                event["object"] = {"web/s1": "web/s2", "web/s2": "web/s1"}.get(event["object"], event["object"])

    assert main([str(folder("sidecar-order", swapped))]) == 1
    assert "order of" in lines(capsys)[0]


def test_repeats_are_looked_at(folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    def changed(raw: dict[str, Any]) -> None:
        raw["repeats"][1]["containers"]["app"]["stop_timeout_s"] = 7

    assert main([str(folder("clean", changed))]) == 1
    assert "clean: differs: run 3: web/app stop_timeout_s recorded 7, flow 8" in lines(capsys)[0]


def test_an_exit_by_sigkill_is_predicted_and_not_fed(
    folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def patient(raw: dict[str, Any]) -> None:
        raw["pods"][0]["spec"]["terminationGracePeriodSeconds"] += 5

    assert main([str(folder("no-handler-sleep", patient))]) == 1
    assert "kill_s recorded" in lines(capsys)[0]


def test_the_name_of_a_file_does_not_matter(folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("kubelet-restart-orphan", "evict-emptydir", "static-pod", "gate-stopsignal-usr1"):
        folder(name, called=f"x-{name[::-1]}")
    assert main([str(folder("crashloop", called="anything"))]) == 0
    assert lines(capsys)[-1] == "5 reproduced, 0 differ, 0 not about the flow"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no recording"),
        ("{", "not JSON that can be read"),
        ("[]", "not a recording: it has no scenario"),
        ('{"scenario": "x"}', "cannot be understood (KeyError: 'kubernetes')"),
        ('{"scenario": "x", "kubernetes": "1.36.2", "events": [1]}', "cannot be understood (TypeError"),
        (
            '{"scenario": "x", "kubernetes": "y", "events": [], "pods": [], "summary": {}}',
            "cannot be understood (Value",
        ),
    ],
)
def test_input_that_cannot_be_used_is_one_clear_line(
    content: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "x.json").write_text(content, encoding="utf-8")
    assert main([str(tmp_path)]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert words in output.err


def test_a_folder_that_is_not_there_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere"]) == 2
    assert capsys.readouterr().err == "/nowhere: There is no such folder. Name a folder of recordings.\n"


def test_without_a_folder_it_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err == "usage: python -m lameduck.ending.conformance FOLDER\n"


def test_a_recording_in_which_no_pod_ends_is_not_about_the_flow(
    folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def quiet(raw: dict[str, Any]) -> None:
        raw["events"], raw["repeats"] = [], []
        values = raw["summary"]["containers"]["app"]
        values.update(dict.fromkeys(values, None), hook_outcome="none", killed=False)
        raw["summary"].update(pod_gone_s=None, final_phase="Running")

    assert main([str(folder("clean", quiet))]) == 0
    assert lines(capsys)[0] == "clean: not about the flow: no pod ends in it"
