"""`lameduck rehearse` as a user meets it: what it prints and writes, and its exit codes."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

import lameduck as lameduck_package
from tests.cli.invoking import LAMEDUCK, lameduck, manifest

BIN = Path(sys.executable).parent
SOURCE = Path(lameduck_package.__file__).parent
ENVELOPE = json.loads((SOURCE / "report" / "envelope.schema.json").read_text())
TIMELINE = json.loads((SOURCE / "ending" / "timeline.schema.json").read_text())

rehearse = partial(lameduck, "rehearse", "--rate", "50", "--lag", "0.5s")
ENDS_WELL: dict[str, Any] = {"lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}


@pytest.fixture(scope="module")
def graceful(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One graceful rehearsal with everything that it can write."""
    folder = tmp_path_factory.mktemp("graceful")
    manifest(folder, **ENDS_WELL)
    words = ("web.yaml", "--format", "json", "--html", "page.html", "--junit", "report.xml", "-v")
    outcome = rehearse(*words, cwd=folder)
    return {"outcome": outcome, "folder": folder}


@pytest.fixture(scope="module")
def ungraceful(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One ungraceful rehearsal: it stops before the endpoints are updated."""
    folder = tmp_path_factory.mktemp("ungraceful")
    manifest(folder)
    outcome = rehearse("web.yaml", "--junit", "report.xml", "-v", cwd=folder)
    return {"outcome": outcome, "folder": folder}


def test_a_graceful_ending_is_exit_code_0(graceful: dict[str, Any]) -> None:
    outcome = graceful["outcome"]
    assert outcome.code == 0, outcome.stdout + outcome.stderr


def test_json_is_the_published_envelope_and_nothing_else(graceful: dict[str, Any]) -> None:
    answer = json.loads(graceful["outcome"].stdout)
    timeline: Resource[Any] = DRAFT202012.create_resource(TIMELINE)
    registry: Registry[Any] = Registry().with_resource(TIMELINE["$id"], timeline)
    jsonschema.Draft202012Validator(ENVELOPE, registry=registry).validate(answer)
    assert (answer["schema"], answer["witness"], answer["verdict"]) == (1, "rehearse", "graceful")
    assert answer["requests"]["sent"] == answer["requests"]["ok"] > 100
    (container,) = answer["endings"][0]["containers"]
    assert (container["hook_outcome"], container["stop_signal"], container["exit_code"]) == ("ok", "SIGTERM", 0)
    assert container["stop_signal_s"] >= 1.0


def test_the_html_page_is_one_file_that_holds_the_verdict(graceful: dict[str, Any]) -> None:
    page = (graceful["folder"] / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "Deployment/web" in page


def test_junit_has_a_test_that_passes(graceful: dict[str, Any]) -> None:
    suites = ElementTree.parse(graceful["folder"] / "report.xml").getroot()
    assert suites.findall(".//testcase")
    assert not suites.findall(".//failure")


def test_only_the_files_that_were_asked_for_are_written(graceful: dict[str, Any]) -> None:
    assert {path.name for path in graceful["folder"].iterdir()} == {"web.yaml", "page.html", "report.xml"}


def test_progress_goes_to_stderr_a_line_for_each_step(graceful: dict[str, Any]) -> None:
    steps = graceful["outcome"].stderr.splitlines()
    assert steps == [
        "lameduck: starting 2 x Deployment/web",
        "lameduck: sending 50 requests/s",
        "lameduck: ending web-a1",
        "lameduck: waiting until the endpoints have settled",
    ]


def test_an_ungraceful_ending_is_exit_code_1_and_says_why_and_what_to_do(ungraceful: dict[str, Any]) -> None:
    outcome = ungraceful["outcome"]
    assert outcome.code == 1
    assert "NOT GRACEFUL   Deployment/web" in outcome.stdout
    assert "came before the endpoints were updated" in outcome.stdout
    assert "LD201" in outcome.stdout
    assert "web.yaml:" in outcome.stdout


def test_verbose_shows_what_the_processes_said(ungraceful: dict[str, Any]) -> None:
    assert "got SIGTERM" in ungraceful["outcome"].stdout


def test_junit_has_a_test_that_fails(ungraceful: dict[str, Any]) -> None:
    suites = ElementTree.parse(ungraceful["folder"] / "report.xml").getroot()
    assert suites.findall(".//failure")


def test_text_is_not_coloured_for_a_pipe(ungraceful: dict[str, Any]) -> None:
    assert "\x1b" not in ungraceful["outcome"].stdout + ungraceful["outcome"].stderr


def test_quiet_says_nothing_on_stderr(tmp_path: Path) -> None:
    outcome = rehearse("-q", "--rate", "0", "--grace", "1", "--", "sleep", "60", cwd=tmp_path)
    assert outcome.stderr == ""
    assert outcome.code == 1
    assert "killed at its deadline" in outcome.stdout


def test_a_manifest_comes_from_stdin(tmp_path: Path) -> None:
    text = manifest(tmp_path, **ENDS_WELL).read_text()
    outcome = rehearse("-", stdin=text, cwd=tmp_path)
    assert outcome.code == 0, outcome.stderr
    assert "GRACEFUL   Deployment/web" in outcome.stdout


def test_the_printed_manifest_is_one_that_it_reads_back(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "lameduck.rehearse.bundled_server", "--port", "{port}")
    made_up = rehearse("--print-manifest", "--pre-stop", "1", "--grace", "4", "--", *command, cwd=tmp_path)
    assert (made_up.code, made_up.stderr) == (0, "")
    kinds = [document["kind"] for document in yaml.safe_load_all(made_up.stdout)]
    assert kinds == ["Deployment", "Service"]
    (tmp_path / "app.yaml").write_text(made_up.stdout)
    outcome = rehearse("app.yaml", "--run", f"app={' '.join(command)}", cwd=tmp_path)
    assert outcome.code == 0, outcome.stderr
    assert "GRACEFUL   Deployment/app" in outcome.stdout


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    # A graceful one: click ends a broken pipe with 1, which would say ungraceful.
    worker = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
    command = ("--rate", "0", "-q", "-v", "--", "sh", "-c", worker)
    with subprocess.Popen(
        [*LAMEDUCK, "rehearse", *command], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(100) == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_a_report_too(tmp_path: Path, encoding: str) -> None:
    words = ("--rate", "0", "--grace", "1", "-q", "--", "sh", "-c", "sleep 60 # schläft 睡")
    outcome = subprocess.run(
        [*LAMEDUCK, "rehearse", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert (outcome.returncode, outcome.stderr) == (1, b"")
    assert b"NOT GRACEFUL" in outcome.stdout


def test_rolling_out_ends_every_replica(tmp_path: Path) -> None:
    manifest(tmp_path, **ENDS_WELL)
    outcome = rehearse("web.yaml", "--end", "rollout", "--format", "json", cwd=tmp_path)
    assert outcome.code == 0, outcome.stdout[:500] + outcome.stderr
    assert len(json.loads(outcome.stdout)["endings"]) == 2


def test_what_is_not_played_as_in_the_cluster_is_said(tmp_path: Path) -> None:
    path = manifest(tmp_path, **ENDS_WELL)
    document = json.loads(path.read_text())
    document["spec"]["template"]["spec"]["containers"].append({"name": "metrics", "image": "exporter"})
    path.write_text(json.dumps(document))
    outcome = rehearse("web.yaml", cwd=tmp_path)
    assert outcome.code == 0, outcome.stderr
    words = " ".join(outcome.stdout.split())
    assert "not as in the cluster container metrics is not played: the image decides what it runs" in words


def test_a_grace_that_is_not_the_specs(tmp_path: Path) -> None:
    manifest(tmp_path, lifecycle={"preStop": {"sleep": {"seconds": 3}}})
    outcome = rehearse("web.yaml", "--grace", "1", "--format", "json", cwd=tmp_path)
    assert outcome.code == 1
    ending = json.loads(outcome.stdout)["endings"][0]
    assert ending["grace_s"] == 1.0
    assert ending["containers"][0]["hook_outcome"] == "outlasted"


@pytest.mark.parametrize("name", ["lameduck", "kubectl-lameduck"])
def test_both_commands_are_installed(name: str) -> None:
    outcome = subprocess.run([BIN / name, "--version"], capture_output=True, text=True, check=True)
    assert outcome.stdout.startswith("lameduck, version ")


def test_without_words_it_shows_its_help() -> None:
    outcome = lameduck()
    assert outcome.code == 0
    assert "rehearse" in outcome.stdout
    assert outcome.stderr == ""


def test_the_help_of_rehearse_has_its_question_examples_and_exit_codes() -> None:
    outcome = lameduck("rehearse", "--help")
    assert outcome.code == 0
    for words in ("How does this workload end", "lameduck rehearse -- python -m http.server {port}", "Exit codes: 0"):
        assert words in outcome.stdout
