"""What --fix owes, held on every example, recording and manner of writing: tests/check/mending.py says what that is."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.examples import SERVICE, manifest
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case
from lameduck.remedies.remedy import Remedy, SetField
from tests.check.enduring import checked_in, laid_out
from tests.check.mending import keeps_every_promise, patches_make_the_same, run_fix
from tests.check.seeds import MANIFEST, Tree, example_tree, seeds
from tests.strategies import objects, renderings

_settings = settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
_MENDABLE = [
    (f"{finding.code}-{number}", example)
    for finding in FINDINGS
    if finding.remedy is not None and finding.seen_by(Witness.FILES)
    for number, example in enumerate(finding.bad)
    if example.only is not Witness.ENDING
]
_RECORDED = [tree for tree in seeds() if set(tree.files) == {MANIFEST} and not tree.name.startswith("LD")]
_TEXTURE = sorted(
    file
    for file in (Path(__file__).parents[1] / "remedies" / "texture").iterdir()
    if file.suffix in (".yaml", ".json") and file.name != "changes.yaml"
)


def _holds(tree: Tree, *, unsafe: bool) -> int:
    """How many objects a patch made the same as the edit. 0: nothing changes, or a patch cannot hold it."""
    with tempfile.TemporaryDirectory() as folder:
        run = run_fix(tree, Path(folder), unsafe=unsafe)
        keeps_every_promise(run)
        return patches_make_the_same(run)


@pytest.mark.parametrize(("name", "example"), _MENDABLE, ids=[name for name, _ in _MENDABLE])
@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_every_example_is_mended_as_promised(name: str, example: Example, unsafe: bool) -> None:
    _holds(example_tree(name, example), unsafe=unsafe)


@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_every_recording_is_mended_as_promised(unsafe: bool) -> None:
    compared = 0
    for tree in _RECORDED:
        try:
            compared += _holds(tree, unsafe=unsafe)
        except AssertionError as error:
            raise AssertionError(f"{tree.name}: {error}") from error
    assert compared or not unsafe


@st.composite
def _rewritten(draw: st.DrawFn) -> Tree:
    """An example's objects, written in any manner."""
    name, example = draw(st.sampled_from([each for each in _MENDABLE if not each[1].settings and not each[1].files]))
    objs = [each for each in yaml.safe_load_all(manifest(example)) if each]
    text = draw(renderings())(objs)
    tree = example_tree(name, example)
    return Tree(name, {MANIFEST: text.encode()}, tree.words)


@_settings
@given(_rewritten(), st.booleans(), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_it_holds_in_every_manner_of_writing(tree: Tree, unsafe: bool, mark: bytes) -> None:
    _holds(Tree(tree.name, {MANIFEST: mark + tree.files[MANIFEST]}, tree.words), unsafe=unsafe)


_FAULTS: tuple[dict[str, Any], ...] = (
    {"preStop": {"exec": {"command": ["sleep 5"]}}},
    {"preStop": {"exec": {"command": ["sleep", "5sec"]}}},
    {"preStop": {"exec": {"command": ["/bin/sh", "-c", "nginx -s quit"]}}},
    {"preStop": {"sleep": {"seconds": 60}}},
    {"preStop": {"exec": {"command": ["sleep", "600"]}}},
    {},
)


@_settings
@given(
    objects("Deployment") | objects("StatefulSet"),
    st.sampled_from(_FAULTS),
    st.sampled_from([0, 1, 30, None]),
    renderings(),
    st.booleans(),
)
def test_it_holds_for_drawn_workloads_with_faults(
    obj: dict[str, Any], fault: dict[str, Any], grace: int | None, write: Callable[[list[Any]], str], unsafe: bool
) -> None:
    spec = obj["spec"]["template"]["spec"]
    obj["metadata"].pop("namespace", None)
    obj["spec"]["template"]["metadata"] = {"labels": {"app": "web"}}
    if grace is not None:
        spec["terminationGracePeriodSeconds"] = grace
    spec["containers"][0]["lifecycle"] = fault
    _holds(Tree("drawn", {MANIFEST: write([obj, yaml.safe_load(SERVICE)]).encode()}), unsafe=unsafe)


def _short(case: Case) -> Iterator[Sighting]:
    if case.workload.pod.termination_grace_period_s < 77:
        yield Sighting(None, None, "the grace is short", "Give it 77 s")
    for container in case.workload.pod.containers:
        if container.pre_stop is None and container.role.value == "regular":
            yield Sighting(container.name, container.at, f"{container.name} does not wait", "Let it wait")


def _longer(case: Case, seen: Sighting) -> Remedy | None:
    if seen.at is None:
        path = (*case.workload.pod.at, "terminationGracePeriodSeconds")
        return Remedy((SetField(path, 77, "longer"),), True, "Give it 77 s")
    return Remedy((SetField((*seen.at, "lifecycle", "preStop", "sleep", "seconds"), 5, "waits"),), True, "Wait 5 s")


_SHORT = Finding("LD997", "short-grace", Severity.WARNING, (), "", (), (), in_files=_short, remedy=_longer)


@pytest.mark.parametrize("file", _TEXTURE, ids=lambda file: file.name)
def test_files_as_people_write_them_are_mended_as_promised(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a fault that most of them have: the catalogue finds little in them, for they are made for the pens."""
    monkeypatch.setattr("lameduck.cli.check.FINDINGS", (_SHORT,))
    _holds(Tree(file.name, {file.name: file.read_bytes()}), unsafe=False)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_standard_input_becomes_on_standard_output_what_a_file_becomes(tmp_path: Path, end: str) -> None:
    text = f"\ufeff# mine\n{manifest(_first('LD204'))}".replace("\n", end).encode()
    run = run_fix(Tree("file", {MANIFEST: text}), tmp_path)
    said = checked_in(tmp_path, "-", "--fix", stdin=text)
    assert said.out.encode() == run.files[MANIFEST] != text


def _first(code: str) -> Example:
    return next(finding for finding in FINDINGS if finding.code == code).bad[0]


@pytest.mark.parametrize("unsafe", [False, True])
def test_rendered_files_are_never_touched(tmp_path: Path, unsafe: bool) -> None:
    text = f"---\n# Source: shop/templates/web.yaml\n{manifest(_first('LD204'))}".encode()
    laid_out(Tree("rendered", {MANIFEST: text}), tmp_path)
    said = checked_in(tmp_path, ".", "--fix", *(("--unsafe",) if unsafe else ()))
    assert (tmp_path / MANIFEST).read_bytes() == text
    assert said.code == 1
    assert "shop/templates/web.yaml" in said.err


def test_a_disk_that_is_full_leaves_the_old_file_whole(tmp_path: Path) -> None:
    """No file may grow beyond a block of 512 bytes: what a full disk does to a write, without needing one."""
    text = manifest(_first("LD204")) + "# filling\n" * 200
    laid_out(Tree("full", {MANIFEST: text.encode()}), tmp_path)
    script = f'ulimit -f 1; exec "{sys.executable}" -m lameduck check {MANIFEST} --fix'
    ended = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert (tmp_path / MANIFEST).read_text() == text
    assert sorted(os.listdir(tmp_path)) == [".git", MANIFEST]
    (line,) = ended.stderr.splitlines()
    assert (ended.returncode, "cannot be written: File too large" in line) == (2, True)


def test_a_folder_that_takes_no_files_leaves_the_old_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")  # root writes into every folder

    text = manifest(_first("LD204"))
    laid_out(Tree("closed", {MANIFEST: text.encode()}), tmp_path)
    monkeypatch.setattr("lameduck.check.writing.tempfile.NamedTemporaryFile", refused)
    said = checked_in(tmp_path, ".", "--fix")
    assert (tmp_path / MANIFEST).read_text() == text
    assert (said.code, said.err.count("\n"), "Check its permissions" in said.err) == (2, 1, True)


def test_the_replacements_of_a_finding_are_its_change(tmp_path: Path) -> None:
    """SARIF's fixes, laid over the file from the back, give the mended file."""
    other = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: "x\u2028y"}\n---\n'
    text = other + manifest(_first("LD204")) + "---\n# more\n" * 3
    laid_out(Tree("fixes", {MANIFEST: text.encode()}), tmp_path)
    log = json.loads(checked_in(tmp_path, ".", "--format", "sarif", "--select", "LD204").out)
    lines = [f"{line}\n" for line in text.split("\n")][:-1]
    ((result,),) = [run["results"] for run in log["runs"]]
    for each in reversed(result["fixes"][0]["artifactChanges"][0]["replacements"]):
        gone = each["deletedRegion"]
        lines[gone["startLine"] - 1 : gone["endLine"] - 1] = each["insertedContent"]["text"].splitlines(keepends=True)
    checked_in(tmp_path, ".", "--fix", "--select", "LD204")
    assert (tmp_path / MANIFEST).read_text() == "".join(lines) != text


def test_the_trees_are_really_mended(tmp_path: Path) -> None:
    """A guard for the guard."""
    run = run_fix(example_tree("guard", _first("LD204")), tmp_path)
    assert run.changed == [MANIFEST]
    assert json.loads(run.said.out)["mended"]
    assert patches_make_the_same(run) == 2
