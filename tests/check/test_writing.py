"""Mended files on the disk: whole or as they were, and what is said of those that could not be written."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lameduck.check.fixing import Fixed, fix
from lameduck.check.judging import MendableText, Settings
from lameduck.check.writing import write as write_files
from lameduck.pod.entry import Span
from lameduck.pod.source import Source
from lameduck.remedies.remedy import EditText, Remedy
from tests.check.fakes import CODE, SETTINGS, deployment, files, write


def mend(*paths: Path) -> Fixed:
    def same(_: Mapping[str, bytes]) -> Settings:
        return SETTINGS

    return fix(files(*paths), same, {}, unsafe=False)


@pytest.mark.parametrize(("mark", "encoding"), [(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le")])
def test_encoding_mark_and_line_ends_are_kept(tmp_path: Path, mark: bytes, encoding: str) -> None:
    file = tmp_path / "web.yaml"
    before = "# Käse\r\n" + deployment().replace("\n", "\r\n")
    file.write_bytes(mark + before.encode(encoding))
    write_files(mend(file))
    data = file.read_bytes()
    text = data.removeprefix(mark).decode(encoding)
    assert data.startswith(mark)
    assert text.startswith(before)
    assert "preStop:" in text
    assert text.count("\n") == text.count("\r\n")


def test_a_link_stays_a_link_and_the_mode_is_kept(tmp_path: Path) -> None:
    target = write(tmp_path, "store/web.yaml", deployment())
    target.chmod(0o640)
    link = tmp_path / "web.yaml"
    link.symlink_to(target)
    write_files(mend(link))
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert "preStop" in target.read_text()
    assert os.listdir(target.parent) == ["web.yaml"]


def test_an_interrupt_while_a_file_is_written_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    file = write(tmp_path, "web.yaml", deployment())
    fixed = mend(file)
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files(fixed)
    assert (os.listdir(tmp_path), file.read_text()) == (["web.yaml"], deployment())


def test_a_file_that_has_changed_meanwhile_is_left_alone_and_seen_again(tmp_path: Path) -> None:
    file = write(tmp_path, "web.yaml", deployment())
    fixed = mend(file)
    file.write_text("# somebody else was faster\n")
    left = write_files(fixed)
    (note,) = left.notes
    assert (note.is_error, note.place.file) == (True, str(file))
    assert "has changed while it was looked at" in note.message
    assert (left.files, left.mended) == ((), ())
    assert [seen.code for seen in left.judged.checked.seen] == [CODE]
    assert file.read_text() == "# somebody else was faster\n"


def test_a_file_that_is_gone_meanwhile_is_noted(tmp_path: Path) -> None:
    file = write(tmp_path, "web.yaml", deployment())
    fixed = mend(file)
    file.unlink()
    (note,) = write_files(fixed).notes
    assert note.is_error
    assert os.listdir(tmp_path) == []


def test_a_file_that_cannot_be_written_hinders_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (write(tmp_path, f"{name}.yaml", deployment(name)) for name in ("a", "b", "c"))
    fixed = mend(first, second, third)
    replacing = os.replace

    def refuse(source: str, target: Path) -> None:
        if target.name == "b.yaml":
            raise PermissionError(13, "Permission denied")
        replacing(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    left = write_files(fixed)
    assert [note.message for note in left.notes] == [
        "This file cannot be written: Permission denied. Check its permissions, or use --diff."
    ]
    assert [file.name for file in left.files] == [str(first), str(third)]
    assert [seen.workload for seen in left.mended] == ["Deployment/a", "Deployment/c"]
    assert [seen.workload for seen in left.judged.checked.seen] == ["Deployment/b"]
    assert ["preStop" in file.read_text() for file in (first, second, third)] == [True, False, True]
    assert sorted(os.listdir(tmp_path)) == ["a.yaml", "b.yaml", "c.yaml"]


def test_a_finding_of_a_script_depends_on_the_script_alone(tmp_path: Path) -> None:
    manifest = write(tmp_path, "web.yaml", deployment())
    script = write(tmp_path, "entry.sh", "app\n")
    fixed = mend(manifest)
    (seen,) = fixed.mended
    edit = EditText(Span(Source(str(script), "app\n"), 0, 3), "exec app", "because")
    (only,) = (round_ for round_ in fixed.rounds if round_.made)
    of_script = MendableText(replace(seen, code="LD999"), Remedy((edit,), safe=True, title="Write exec"))
    fixed = replace(
        fixed, rounds=(replace(only, made=(*only.made, of_script)),), mended=(*fixed.mended, of_script.seen)
    )
    manifest.write_text("# somebody else was faster\n")
    left = write_files(fixed)
    assert [each.code for each in left.mended] == ["LD999"]
    assert [each.code for each in left.judged.checked.seen] == [CODE]
