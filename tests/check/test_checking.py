"""Whole trees: what is found, in which order, by how many processes, and what happens to what cannot be read."""

import gc
from dataclasses import replace
from pathlib import Path

import pytest

from lameduck.check import checking
from lameduck.check.checking import check
from lameduck.check.outcome import FixKind, each_once
from lameduck.findings.finding import Severity
from tests.check.fakes import BROKEN, CODE, HASTY, SETTINGS, checked, deployment, files, write


def test_a_finding_is_shown_with_its_place_its_lines_and_its_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "web.yaml", deployment())
    (seen,) = checked("web.yaml").seen
    assert (seen.code, str(seen.place), seen.workload, seen.container) == (
        CODE,
        "web.yaml:9:11",
        "Deployment/web",
        "app",
    )
    assert seen.excerpt is not None
    assert seen.excerpt.first_line == 7
    assert seen.excerpt.lines[2] == "        - name: app"
    assert (seen.fix, seen.fix_title) == (FixKind.SAFE, "Wait 5 s")
    assert "+          lifecycle:" in seen.diff
    (change,) = seen.replacements
    assert (change.file, change.start, change.end) == ("web.yaml", (11, 1), (11, 1))


def test_a_clean_tree_has_nothing_to_say(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment(image="calm:1"))
    answer = checked(tmp_path)
    assert (answer.seen, answer.notes, answer.files, answer.workloads) == ([], [], 1, 1)


def test_the_answer_of_several_processes_is_that_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_WORTH_IT", 10)
    monkeypatch.setattr(checking, "_CHUNK", 3)
    for number in range(40):
        write(tmp_path, f"team-{number % 4}/web-{number}.yaml", deployment(f"web-{number}"))
    write(tmp_path, "team-1/broken.yaml", "kind: Deployment\n containers: [\n")
    one, several = checked(tmp_path), checked(tmp_path, jobs=3)
    assert len(one.seen) == 40
    assert one == several


def test_findings_stand_in_the_order_of_the_files(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write(tmp_path, f"{name}.yaml", deployment(name))
    assert [Path(seen.place.file).name for seen in checked(tmp_path).seen] == ["a.yaml", "b.yaml", "c.yaml"]


def test_a_finding_that_breaks_is_named_and_hides_no_other(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment())
    answer = checked(tmp_path, settings=replace(SETTINGS, findings=(BROKEN, HASTY)))
    assert [seen.code for seen in answer.seen] == [CODE]
    (note,) = answer.notes
    assert note.is_error
    assert "LD998 could not be judged in Deployment/web: KeyError: 'web' (fakes.py:" in note.message


def test_a_linker_that_breaks_is_named_and_hides_no_finding(tmp_path: Path) -> None:
    class Broken(type(SETTINGS.linker)):  # type: ignore[misc]
        def linked(self, case: object) -> object:
            raise RuntimeError("no such layer")

    write(tmp_path, "web.yaml", deployment())
    answer = checked(tmp_path, settings=replace(SETTINGS, linker=Broken()))
    assert [seen.code for seen in answer.seen] == [CODE]
    assert [note.is_error for note in answer.notes] == [True]
    assert "RuntimeError: no such layer" in answer.notes[0].message


def test_the_users_severity_counts(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment())
    (seen,) = checked(tmp_path, settings=replace(SETTINGS, severities={CODE: Severity.INFO})).seen
    assert seen.severity is Severity.INFO


def test_what_is_no_manifest_below_a_folder_is_passed_by(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment())
    write(tmp_path, "values.yaml", "image: [\n")
    write(tmp_path, "crd.yaml", "kind: CustomResourceDefinition\nspec: {containers: [\n")
    answer = checked(tmp_path)
    assert (answer.files, answer.notes, len(answer.seen)) == (3, [], 1)


def test_a_file_that_is_named_must_be_readable(tmp_path: Path) -> None:
    file = write(tmp_path, "values.yaml", "image: [\n")
    (note,) = checked(file).notes
    assert note.is_error
    assert note.message.startswith("This is not YAML")


def test_a_broken_manifest_below_a_folder_is_an_error_once(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment())
    write(tmp_path, "list.yaml", '{"kind": "List", "containers": [}')
    write(tmp_path, "bad.yaml", deployment() + "  broken: [\n")
    notes = checked(tmp_path).notes
    assert [Path(note.place.file).name for note in notes] == ["bad.yaml", "list.yaml"]
    assert all(note.is_error for note in notes)


def test_templates_that_are_not_rendered_are_counted_and_no_error(tmp_path: Path) -> None:
    write(tmp_path, "chart/web.yaml", deployment(image="{{ .Values.image }}") + "{{- end }}\n")
    write(tmp_path, "chart/value.yaml", deployment(more="          replicas: {{ .Values.replicas }}\n"))
    answer = checked(tmp_path)
    assert (answer.templates, answer.notes, answer.seen) == (2, [], [])


def test_odd_values_are_noted_and_read_as_meant(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment() + "      terminationGracePeriodSeconds: 30s\n")
    answer = checked(tmp_path)
    assert [note.is_error for note in answer.notes] == [False]
    assert answer.endings[0].grace_s == 30


def test_patches_are_not_judged(tmp_path: Path) -> None:
    write(tmp_path, "patch.yaml", deployment().replace("          image: hasty:1\n", ""))
    assert checked(tmp_path).workloads == 0


@pytest.mark.parametrize(
    "kustomization",
    [
        "patches: [{path: ./patches/../web.yaml}]\n",
        "kind: Kustomization\nresources: [../base]\npatchesStrategicMerge:\n  - web.yaml\n",
        "patchesJson6902: [{target: {kind: Deployment}, path: web.yaml}]\n",
    ],
)
def test_what_a_kustomization_takes_for_a_patch_is_judged_where_its_object_stands(
    tmp_path: Path, kustomization: str
) -> None:
    write(tmp_path, "base/web.yaml", deployment())
    write(tmp_path, "overlay/web.yaml", deployment())  # as whole as a patch may be
    assert len(checked(tmp_path).seen) == 2
    write(tmp_path, "overlay/kustomization.yaml", kustomization)
    (seen,) = checked(tmp_path).seen
    assert Path(seen.place.file).parent.name == "base"


def test_a_kustomization_of_another_shape_is_no_error(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment())
    write(tmp_path, "kustomization.yaml", "patches: [web.yaml, {path: 3}]\npatchesStrategicMerge: {a: b}\n")
    write(tmp_path, "more/kustomization.yaml", "- patches\n---\n")
    answer = checked(tmp_path)
    assert len(answer.seen) == 1
    assert not answer.notes


def test_of_several_workloads_that_one_line_concerns_the_first_is_told(tmp_path: Path) -> None:
    (seen,) = checked(write(tmp_path, "web.yaml", deployment())).seen
    twin = replace(seen, workload="Deployment/api", manifest="api.yaml")
    other_container = replace(seen, container="sidecar")
    assert each_once([seen, twin, other_container]) == [seen, other_container]


def test_rendered_text_names_its_template_and_cannot_be_mended(tmp_path: Path) -> None:
    text = "---\n# Source: shop/templates/web.yaml\n" + deployment()
    text += "---\n# Source: shop/templates/db.yaml\n" + deployment("db")
    first, second = checked(write(tmp_path, "out.yaml", text)).seen
    assert (first.template, first.fix) == ("shop/templates/web.yaml", FixKind.NONE)
    assert second.template == "shop/templates/db.yaml"


def test_what_stands_in_for_a_file_is_read_in_its_place(tmp_path: Path) -> None:
    file = write(tmp_path, "web.yaml", deployment())
    answer = check(files(file), SETTINGS, {str(file): deployment(image="calm:1").encode()})
    assert answer.seen == []


def test_the_fingerprint_survives_moved_lines_and_tells_twins_apart(tmp_path: Path) -> None:
    file = write(tmp_path, "web.yaml", deployment() + "---\n" + deployment())
    first, second = checked(file).seen
    assert first.fingerprint != second.fingerprint
    write(tmp_path, "web.yaml", "# a comment\n\n" + deployment() + "---\n" + deployment())
    assert [seen.fingerprint for seen in checked(file).seen] == [first.fingerprint, second.fingerprint]


@pytest.mark.parametrize("was_on", [True, False])
def test_the_garbage_collector_is_left_as_it_was(tmp_path: Path, was_on: bool) -> None:
    write(tmp_path, "web.yaml", deployment())
    (gc.enable if was_on else gc.disable)()
    try:
        checked(tmp_path)
        assert gc.isenabled() is was_on
    finally:
        gc.enable()
