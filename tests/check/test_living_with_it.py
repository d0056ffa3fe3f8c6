"""Check where it lives: the hook's command in a repository, the action's shell, and the standing of old findings."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.examples import manifest
from tests.check.enduring import checked_in, laid_out
from tests.check.seeds import MANIFEST, Tree

ROOT = Path(__file__).parents[2]
_TEXT = manifest(next(finding for finding in FINDINGS if finding.code == "LD204").bad[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with a manifest that has a finding."""
    laid_out(Tree("web", {f"k8s/{MANIFEST}": _TEXT.encode()}), tmp_path)
    return tmp_path


def test_the_hooks_do_their_work_as_pre_commit_calls_them(folder: Path) -> None:
    """Without pre-commit itself, which builds its environments from the network: from the root, with its own args."""
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    look, mend = hooks["lameduck-check"], hooks["lameduck-fix"]
    words = {name: (*hook["entry"].split()[2:], *hook["args"]) for name, hook in hooks.items()}
    assert not look["pass_filenames"]
    assert not mend["pass_filenames"]
    assert checked_in(folder, *words["lameduck-check"]).code == 1
    before = (folder / "k8s" / MANIFEST).read_text()
    assert checked_in(folder, *words["lameduck-fix"]).code == 0
    assert (folder / "k8s" / MANIFEST).read_text() != before  # which is how pre-commit knows that it has to stop
    silent = checked_in(folder, *words["lameduck-check"])
    assert (silent.code, silent.out, silent.err) == (0, "", "")


def _action(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The action's last step, in the shell that GitHub starts for it."""
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "lameduck"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lameduck "$@"\n')
    program.chmod(0o755)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps[-1]["run"]],
        cwd=folder,
        env={**os.environ, "OPTIONS": "", "SARIF_FILE": "", **inputs, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_action_fails_where_something_is_found_and_shows_it_beside_the_lines(folder: Path) -> None:
    ended = _action(folder, PATHS="k8s")
    assert ended.returncode == 1
    assert f"::error file=k8s/{MANIFEST},line=" in ended.stdout


def test_the_action_passes_its_options_on_and_writes_sarif_as_well(folder: Path) -> None:
    ended = _action(folder, PATHS="k8s", OPTIONS="--ignore LD2,LD3", SARIF_FILE="out.sarif")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads((folder / "out.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("more", ["$(touch${IFS}ran)", "`touch ran`", "; touch ran", ") ; touch ran; : ("])
def test_what_stands_in_the_actions_inputs_is_never_run(folder: Path, more: str) -> None:
    ended = _action(folder, PATHS=f"k8s {more}")
    assert ended.returncode == 2
    assert not (folder / "ran").exists()


def test_the_actions_scripts_are_shell() -> None:
    for step in yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]:
        if "run" in step:
            assert step["shell"] == "bash"
            subprocess.run(["bash", "-n", "-c", step["run"]], check=True, timeout=100)


def test_a_baseline_holds_while_others_are_mended(folder: Path) -> None:
    """What is put off is neither shown nor mended, and what is new counts, in one repository."""
    assert checked_in(folder, ".", "--write-baseline", "known.json").code == 0
    assert checked_in(folder, ".", "--baseline", "known.json").code == 0
    (folder / "k8s" / "new.yaml").write_text(_TEXT.replace("name: web", "name: shop").replace("app: web", "app: shop"))
    found = checked_in(folder, ".", "--baseline", "known.json", "--format", "json")
    assert {each["file"] for each in json.loads(found.out)["findings"]} == {"k8s/new.yaml"}
    checked_in(folder, ".", "--baseline", "known.json", "--fix")
    assert (folder / "k8s" / MANIFEST).read_text() == _TEXT
    assert checked_in(folder, "k8s/new.yaml", "--baseline", "known.json").code == 0


def test_settings_name_the_baseline_and_a_suppression_needs_its_finding(folder: Path) -> None:
    checked_in(folder, ".", "--write-baseline", "known.json")
    (folder / "lameduck.toml").write_text('baseline = "known.json"\n')
    assert checked_in(folder, ".").code == 0
    text = _TEXT.replace("spec:\n", "# lameduck: ignore LD204 -- measured\nspec:\n", 1)
    (folder / "k8s" / MANIFEST).write_text(text)
    assert "suppresses LD204, which is not found here" in checked_in(folder, ".").err
