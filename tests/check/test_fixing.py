"""Mending: what changes, what does not, what is left, and what is written."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lameduck.check.checking import judge_all
from lameduck.check.fixing import Fixed, fix
from lameduck.check.judging import Mendable, MendableText, Settings
from lameduck.check.patching import json_patches, kustomize_patches, patchable
from lameduck.check.writing import write as write_files
from lameduck.findings.finding import Finding, Severity, Sighting
from lameduck.pod.case import Case
from lameduck.pod.handlers import plain_sleep
from lameduck.remedies.remedy import Remedy, SetField
from tests.check.fakes import CODE, HASTY, SETTINGS, checked, deployment, files, write


def mend(
    *paths: Path, unsafe: bool = False, skips: frozenset[str] = frozenset(), settings: Settings = SETTINGS
) -> Fixed:
    def same(_: Mapping[str, bytes]) -> Settings:
        return settings

    return fix(files(*paths), same, {}, unsafe=unsafe, skips=skips)


def test_what_was_found_is_gone_after_mending_and_the_rest_is_as_it_was(tmp_path: Path) -> None:
    file = write(tmp_path, "web.yaml", "# mine\r\n" + deployment().replace("\n", "\r\n"))
    fixed = mend(file)
    assert [seen.code for seen in fixed.mended] == [CODE]
    assert fixed.judged.checked.seen == []
    assert write_files(fixed) == fixed
    text = file.read_bytes().decode()
    assert text.startswith("# mine\r\n" + deployment().replace("\n", "\r\n"))
    assert "preStop:" in text
    assert checked(file).seen == []
    assert mend(file).files == ()


def test_what_is_not_safe_waits_for_a_word(tmp_path: Path) -> None:
    file = write(tmp_path, "web.yaml", deployment(image="hasty-risky:1"))
    assert mend(file).files == ()
    assert len(mend(file, unsafe=True).files) == 1


def test_what_a_baseline_puts_off_is_left_alone(tmp_path: Path) -> None:
    file = write(tmp_path, "web.yaml", deployment())
    known = frozenset(seen.fingerprint for seen in checked(file).seen)
    assert mend(file, skips=known).files == ()


def test_what_is_suppressed_is_left_alone(tmp_path: Path) -> None:
    file = write(
        tmp_path, "web.yaml", deployment().replace("name: app", f"name: app # lameduck: ignore {CODE} -- known")
    )
    assert mend(file).files == ()


def test_rendered_text_is_never_edited_but_named(tmp_path: Path) -> None:
    file = write(tmp_path, "out.yaml", "---\n# Source: shop/templates/web.yaml\n" + deployment())
    fixed = mend(file)
    assert fixed.files == ()
    assert ["mend shop/templates/web.yaml by hand" in note.message for note in fixed.notes] == [True]


def longer(case: Case, seen: Sighting) -> Remedy | None:
    """The remedy of HASTY, with another length."""
    assert seen.at is not None
    return Remedy((SetField((*seen.at, "lifecycle", "preStop", "sleep", "seconds"), 9, "longer"),), True, "Wait 9 s")


LONGER = replace(HASTY, code="LD997", remedy=longer)


def test_of_remedies_that_contradict_each_other_the_first_wins(tmp_path: Path) -> None:
    fixed = mend(write(tmp_path, "web.yaml", deployment()), settings=Settings((LONGER, HASTY)))
    assert [seen.code for seen in fixed.mended] == ["LD997"]
    assert b"seconds: 9" in fixed.files[0].after
    # It mended the other finding, too: that one is not said to be there still.
    assert (fixed.judged.checked.seen, fixed.notes) == ([], ())


def test_what_contradicts_and_stays_is_named(tmp_path: Path) -> None:
    def always(case: Case) -> Iterator[Sighting]:
        for container in case.workload.pod.containers:
            yield Sighting(container.name, container.at, "never content", "Let it wait")

    settings = Settings((replace(LONGER, in_files=always), replace(HASTY, in_files=always)))
    fixed = mend(write(tmp_path, "web.yaml", deployment()), settings=settings)
    assert [f"{CODE} is not mended here" in note.message for note in fixed.notes] == [True]
    assert b"seconds: 9" in fixed.files[0].after


def test_remedies_that_undo_each_other_come_to_an_end(tmp_path: Path) -> None:
    def flip(old: str, new: str, code: str) -> Finding:
        def seen(case: Case) -> Iterator[Sighting]:
            container = case.workload.pod.container("app")
            if container.image == old:
                yield Sighting("app", (*container.at, "image"), old, new)

        def remedy(case: Case, sighting: Sighting) -> Remedy | None:
            assert sighting.at is not None
            return Remedy((SetField(sighting.at, new, "flip"),), True, "Flip")

        return Finding(code, "flip-flop", Severity.INFO, (), "", (), (), in_files=seen, remedy=remedy)

    settings = Settings((flip("a", "b", "LD991"), flip("b", "a", "LD992")))
    fixed = mend(write(tmp_path, "web.yaml", deployment(image="a")), settings=settings)
    assert any("undoing each other" in note.message for note in fixed.notes)


def test_a_patch_holds_what_all_rounds_come_to(tmp_path: Path) -> None:
    def too_short(case: Case) -> Iterator[Sighting]:
        for container in case.workload.pod.containers:
            if plain_sleep(container.pre_stop) == 5:
                yield Sighting(container.name, container.at, "5 s are too short", "Let it wait longer")

    settings = Settings((HASTY, replace(LONGER, in_files=too_short)))
    file = write(tmp_path, "web.yaml", deployment())
    fixed = mend(file, settings=settings)
    made, notes = patchable(fixed.rounds)
    (entry,) = json.loads(json_patches(made).text)
    assert [each["value"] for each in entry["patch"]] == [{"preStop": {"sleep": {"seconds": 9}}}]
    assert "seconds: 9" in kustomize_patches(made).text
    assert b"seconds: 9" in fixed.files[0].after
    assert notes == []


def test_a_patch_holds_what_only_the_text_cannot_take(tmp_path: Path) -> None:
    # A merge key brings the lifecycle: an edit of its text would reach the other container, too.
    shared = (
        "          <<: &c\n            lifecycle: {postStart: {sleep: {seconds: 1}}}\n"
        "        - {name: other, image: quiet, <<: *c}\n"
    )
    fixed = mend(write(tmp_path, "web.yaml", deployment(more=shared)))
    assert fixed.files == ()
    assert [CODE in note.message for note in fixed.notes] == [True]
    made, notes = patchable(fixed.rounds)
    (entry,) = json.loads(json_patches(made).text)
    assert [each["path"] for each in entry["patch"]] == ["/spec/template/spec/containers/0/lifecycle/preStop"]
    assert notes == []


def test_what_contradicts_is_in_no_patch_either(tmp_path: Path) -> None:
    def always(case: Case) -> Iterator[Sighting]:
        for container in case.workload.pod.containers:
            yield Sighting(container.name, container.at, "never content", "Let it wait")

    settings = Settings((replace(LONGER, in_files=always), replace(HASTY, in_files=always)))
    made, notes = patchable(mend(write(tmp_path, "web.yaml", deployment()), settings=settings).rounds)
    assert [f"{CODE} is not mended here" in note.message for note in notes] == [True]
    assert "seconds: 9" in kustomize_patches(made).text


def mendable(*paths: Path) -> list[Mendable | MendableText]:
    return judge_all(files(*paths), SETTINGS, {}, keep_remedies=True).mendable


def test_patches_name_their_workload(tmp_path: Path) -> None:
    file = write(tmp_path, "out.yaml", "# Source: shop/templates/web.yaml\n" + deployment(namespace="prod"))
    (entry,) = json.loads(json_patches(mendable(file)).text)
    assert (entry["kind"], entry["name"], entry["namespace"]) == ("Deployment", "web", "prod")
    assert entry["file"] == "shop/templates/web.yaml"
    assert entry["patch"] == [
        {
            "op": "add",
            "path": "/spec/template/spec/containers/0/lifecycle",
            "value": {"preStop": {"sleep": {"seconds": 5}}},
        }
    ]


def test_kustomize_gets_one_document_for_each_workload(tmp_path: Path) -> None:
    text = kustomize_patches(mendable(write(tmp_path, "web.yaml", deployment() + "---\n" + deployment("db")))).text
    first, second = text.split("---\n")
    assert "name: web" in first
    assert "name: db" in second
    assert "seconds: 5" in second


@pytest.mark.parametrize("patches", [json_patches, kustomize_patches])
def test_nothing_to_patch_is_an_empty_answer(patches: object) -> None:
    assert callable(patches)
    assert patches([]).text in ("[]\n", "")
