"""Saving: the file as it was but for the change, or an error and the file as it was."""

import os
from pathlib import Path

import pytest

from lameduck.pod.place import InputError
from lameduck.pod.source import decode
from lameduck.remedies.remedy import SetField
from lameduck.remedies.saving import save
from lameduck.remedies.text_edit import Edited, apply
from tests.remedies.drawing import documents_of, mend


def _edited(path: Path) -> Edited:
    document = documents_of(decode(path.read_bytes(), str(path)))[0]
    return apply([mend(document, SetField(("a",), "ü", "because"))]).files[0]


@pytest.mark.parametrize(("mark", "encoding"), [(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le")])
def test_encoding_mark_mode_and_line_ends_are_kept(tmp_path: Path, mark: bytes, encoding: str) -> None:
    path = tmp_path / "pod.yaml"
    path.write_bytes(mark + "a: b\r\nc: ä\r\n".encode(encoding))
    path.chmod(0o640)
    save(_edited(path))
    assert path.read_bytes() == mark + 'a: "ü"\r\nc: ä\r\n'.encode(encoding)
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["pod.yaml"]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/pod.yaml").write_text("a: b\n")
    link = tmp_path / "pod.yaml"
    link.symlink_to("base/pod.yaml")
    save(_edited(link))
    assert link.is_symlink()
    assert (tmp_path / "base/pod.yaml").read_text(encoding="utf-8") == 'a: "ü"\n'


def test_a_file_that_changed_since_it_was_read_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text("a: b\n")
    edited = _edited(path)
    path.write_text("a: somebody else was faster\n")
    with pytest.raises(InputError, match="has changed since it was read"):
        save(edited)
    assert path.read_text() == "a: somebody else was faster\n"


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text("a: b\n")
    edited = _edited(path)
    path.unlink()
    with pytest.raises(InputError, match="No such file") as raised:
        save(edited)
    assert raised.value.at == str(path)
