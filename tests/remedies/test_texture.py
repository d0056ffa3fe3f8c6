"""Files as people write them, and what an edit makes of each: texture/README.md says how to write the diffs anew."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lameduck.pod.place import FieldPath
from lameduck.pod.source import Source, decode
from lameduck.remedies.amending import amended, same
from lameduck.remedies.remedy import FieldChange, RemoveField, SetField
from lameduck.remedies.text_edit import Mended, apply
from tests.remedies.drawing import documents_of, mend, plain

_FOLDER = Path(__file__).parent / "texture"
_CHANGES: dict[str, list[list[Any]]] = yaml.safe_load((_FOLDER / "changes.yaml").read_text(encoding="utf-8"))


def _source(name: str) -> Source:
    return decode((_FOLDER / name).read_bytes(), name)


def _path(written: str | list[str | int]) -> FieldPath:
    if isinstance(written, str):
        return tuple(int(step) if step.isdigit() else step for step in written.split("."))
    return tuple(written)


def _changes(name: str) -> list[tuple[int, FieldChange]]:
    changes: list[tuple[int, FieldChange]] = []
    for document, path, *value in _CHANGES[name]:
        change = SetField(_path(path), value[0], "test") if value else RemoveField(_path(path), "test")
        changes.append((document, change))
    return changes


def _apply(source: Source, changes: list[tuple[int, FieldChange]]) -> Mended:
    documents = documents_of(source)
    return apply([mend(documents[number], change) for number, change in changes])


def _shown(result: Mended) -> str:
    """The diff with line ends visible, and what was refused."""
    lines = "".join(file.diff for file in result.files).replace("\r", "␍").splitlines(keepends=True)
    return "".join(lines) + "".join(f"# refused: {each.place}: {each.reason}\n" for each in result.refused)


def test_every_file_has_changes_and_a_diff_that_was_read() -> None:
    written = {file.name for file in _FOLDER.iterdir()} - {".gitattributes", "README.md", "changes.yaml"}
    assert written == {*_CHANGES, *(f"{name}.diff" for name in _CHANGES)}


@pytest.mark.parametrize("name", _CHANGES)
def test_the_edit_is_the_one_that_a_person_has_read(name: str) -> None:
    expected = (_FOLDER / f"{name}.diff").read_bytes().decode()
    assert _shown(_apply(_source(name), _changes(name))) == expected


@pytest.mark.parametrize("name", _CHANGES)
def test_the_edited_file_says_what_was_wanted_of_each_document(name: str) -> None:
    source = _source(name)
    result = _apply(source, _changes(name))
    refused = [change for refusal in result.refused for change in refusal.mend.remedy.changes]
    (edited,) = result.files
    again = documents_of(decode(edited.data, name))
    for number, document in enumerate(documents_of(source)):
        made = [change for at, change in _changes(name) if at == number and change not in refused]
        assert same(plain(again[number]), amended(plain(document), made))


if __name__ == "__main__":
    for each in _CHANGES:
        (_FOLDER / f"{each}.diff").write_bytes(_shown(_apply(_source(each), _changes(each))).encode())
