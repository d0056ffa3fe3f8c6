"""The text pen: what goes together, what is refused, and what happens to scripts."""

import pytest

from lameduck.pod.entry import Span
from lameduck.pod.place import Place
from lameduck.pod.source import Source
from lameduck.pod.texts.documents import SourceDocument, read_stretch, stretches
from lameduck.remedies.remedy import Change, EditText, Mend, Remedy, RemoveField, SetField
from lameduck.remedies.text_edit import apply
from tests.remedies.drawing import documents_of, mend

_POD = "kind: Pod\nspec:\n  grace: 10\n  containers: [{name: a}, {name: b}, {name: c}]\n"


def _document(text: str = _POD) -> SourceDocument:
    return documents_of(Source("pod.yaml", text))[0]


def _set(path: tuple[str | int, ...], value: int | str) -> SetField:
    return SetField(path, value, "because")


def _edit(source: Source, old: str, new: str) -> EditText:
    start = source.text.index(old)
    return EditText(Span(source, start, start + len(old)), new, "because")


def _remedy(*changes: Change) -> Remedy:
    return Remedy(changes, safe=True, title="Mend it")


def test_the_same_change_from_two_findings_is_made_once() -> None:
    document = _document()
    mends = [mend(document, _set(("spec", "grace"), 60)) for _ in range(2)]
    result = apply(mends)
    assert result.files[0].text == _POD.replace("10", "60")
    assert result.applied == tuple(mends)


def test_removing_the_same_item_twice_removes_one() -> None:
    document = _document()
    result = apply([mend(document, RemoveField(("spec", "containers", 0), "because")) for _ in range(2)])
    assert "[{name: b}, {name: c}]" in result.files[0].text


def test_numbers_count_as_before_any_change() -> None:
    document = _document()
    result = apply(
        [
            mend(document, RemoveField(("spec", "containers", 0), "because")),
            mend(document, _set(("spec", "containers", 2, "image"), "x")),
            mend(document, RemoveField(("spec", "containers", 1), "because")),
        ]
    )
    assert "containers: [{name: c, image: x}]" in result.files[0].text


def test_of_two_that_contradict_each_other_the_first_is_made() -> None:
    document = _document()
    first, second = mend(document, _set(("spec", "grace"), 60)), mend(document, _set(("spec", "grace"), 90))
    result = apply([first, second])
    assert result.applied == (first,)
    (refusal,) = result.refused
    assert refusal.mend is second
    assert refusal.place == Place("pod.yaml", 3, 10)
    assert "spec.grace" in refusal.reason


def test_a_change_below_what_another_one_removes_is_refused() -> None:
    document = _document()
    result = apply(
        [
            mend(document, RemoveField(("spec", "containers", 0), "because")),
            mend(document, _set(("spec", "containers", 0, "image"), "x")),
        ]
    )
    assert len(result.refused) == 1


def test_one_culprit_among_many_is_the_only_one_refused() -> None:
    text = "a: &x {n: 1}\nb: *x\n" + "".join(f"k{number}: 1\n" for number in range(20))
    document = _document(text)
    mends = [mend(document, _set((f"k{number}",), 2)) for number in range(20)]
    culprit = mend(document, _set(("a", "n"), 2))
    result = apply([*mends[:7], culprit, *mends[7:]])
    assert [refusal.mend for refusal in result.refused] == [culprit]
    assert result.applied == tuple(mends)
    assert result.files[0].text == text.replace(": 1\n", ": 2\n")


def test_a_remedy_is_made_as_a_whole_or_not_at_all_over_all_its_files() -> None:
    document = _document("a: &x {n: 1}\nb: *x\n")
    script = Source("run.sh", "#!/bin/sh\napp\n")
    result = apply([Mend(_remedy(_set(("a", "n"), 2), _edit(script, "app", "exec app")), document)])
    assert result.files == ()
    assert len(result.refused) == 1


def test_a_remedy_changes_a_manifest_and_its_script_together() -> None:
    document = _document()
    script = Source("run.sh", "#!/bin/sh\r\napp \r\n")
    result = apply([Mend(_remedy(_set(("spec", "grace"), 60), _edit(script, "app", "exec app")), document)])
    assert [(file.source.name, file.text) for file in result.files] == [
        ("pod.yaml", _POD.replace("10", "60")),
        ("run.sh", "#!/bin/sh\r\nexec app \r\n"),
    ]


def test_a_script_that_was_read_for_two_containers_is_edited_once() -> None:
    scripts = [Source("run.sh", "app\n") for _ in range(2)]
    result = apply([Mend(_remedy(_edit(script, "app", "exec app"))) for script in scripts])
    assert [file.text for file in result.files] == ["exec app\n"]
    assert len(result.applied) == 2


def test_two_edits_of_the_same_words_of_a_script_are_not_mixed() -> None:
    script = Source("Dockerfile", "CMD app --port 80\n")
    result = apply(
        [Mend(_remedy(_edit(script, "app --port", '["app"]'))), Mend(_remedy(_edit(script, "--port 80", "x")))]
    )
    assert result.files[0].text == 'CMD ["app"] 80\n'
    assert len(result.refused) == 1


def test_what_is_so_already_is_neither_applied_nor_refused() -> None:
    document = _document()
    script = Source("run.sh", "exec app\n")
    result = apply(
        [
            mend(document, _set(("spec", "grace"), 10)),
            mend(document, RemoveField(("spec", "nothing"), "because")),
            Mend(_remedy(_edit(script, "exec app", "exec app"))),
        ]
    )
    assert (result.files, result.applied, result.refused) == ((), (), ())


def test_a_path_through_a_word_is_refused() -> None:
    (refusal,) = apply([mend(_document(), _set(("kind", "name"), 1))]).refused
    assert refusal.reason == "kind is no mapping, so that it cannot hold name"


def test_a_place_beyond_the_end_of_a_list_is_refused() -> None:
    (refusal,) = apply([mend(_document(), _set(("spec", "containers", 4), 1))]).refused
    assert refusal.reason == "spec.containers is no list that has room for a value at 4"


def test_a_key_written_with_a_question_mark_is_refused() -> None:
    (refusal,) = apply([mend(_document("? a\n: b\nc: 1\n"), _set(("a",), 1))]).refused
    assert "(?)" in refusal.reason


def test_a_tag_that_would_make_something_else_of_the_value_is_refused() -> None:
    assert len(apply([mend(_document("a: !!str 30\n"), _set(("a",), 60))]).refused) == 1


def test_changed_fields_without_a_document_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="Mend it"):
        apply([Mend(_remedy(_set(("a",), 1)))])


def test_the_diff_names_a_missing_line_end_as_diff_does() -> None:
    result = apply([mend(_document("a: 1"), _set(("b",), 2))])
    assert result.files[0].diff == (
        "--- a/pod.yaml\n+++ b/pod.yaml\n@@ -1 +1,2 @@\n-a: 1\n\\ No newline at end of file\n+a: 1\n+b: 2\n"
        "\\ No newline at end of file\n"
    )


def test_a_document_that_nobody_can_read_keeps_no_other_of_its_file_from_being_mended() -> None:
    broken = "---\nkind: [\n"
    source = Source("pods.yaml", _POD + broken)
    document = read_stretch(source, *stretches(source)[0]).documents[0]
    assert apply([mend(document, _set(("spec", "grace"), 60))]).files[0].text == _POD.replace("10", "60") + broken
