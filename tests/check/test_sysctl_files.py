"""A sysctl file that is named is checked by itself: found, shown, suppressed, mended, and read from standard input."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lameduck.cli.program import run

_FILE = 'vm.swappiness = 10\nnet.ipv4.ip_local_port_range="1024 65535" # more\n'


def _checked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = run(["check", *words])
    return code, capsys.readouterr().out


def test_it_is_checked_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "99-tuning.conf"
    file.write_text(_FILE, encoding="utf-8")
    code, out = _checked(capsys, "--format", "json", str(file))
    (found,) = json.loads(out)["findings"]
    assert code == 1
    assert (found["code"], found["line"], found["column"], found["fixable"]) == ("LD804", 2, 30, True)
    assert found["workload"] == str(file)


def test_a_sensible_one_is_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sysctl.conf"
    file.write_text("vm.swappiness = 10\n", encoding="utf-8")
    assert _checked(capsys, str(file))[0] == 0


def test_a_comment_suppresses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sysctl.conf"
    file.write_text("# lameduck: ignore LD801 - for the old nodes\nnet.ipv4.tcp_tw_recycle = 0\n", encoding="utf-8")
    code, out = _checked(capsys, str(file))
    assert (code, "LD801" in out) == (0, False)


def test_fix_mends_the_value_and_leaves_everything_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sysctl.conf"
    file.write_bytes(_FILE.replace("\n", "\r\n").encode())
    assert _checked(capsys, "--fix", str(file))[0] == 0
    mended = file.read_bytes()
    assert mended == b"vm.swappiness = 10\r\nnet.ipv4.ip_local_port_range=1024 65535 # more\r\n"
    assert _checked(capsys, "--fix", str(file))[0] == 0
    assert file.read_bytes() == mended


def test_a_line_that_is_no_setting_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sysctl.conf"
    file.write_text("vm.swappiness = 10\nnet.core.somaxconn 4096\n", encoding="utf-8")
    run(["check", str(file)])
    said = capsys.readouterr()
    assert "net.core.somaxconn 4096 is no setting" in said.out + said.err


def test_standard_input_may_hold_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(_FILE.encode())))
    code, out = _checked(capsys, "--format", "json", "-")
    assert code == 1
    assert [each["code"] for each in json.loads(out)["findings"]] == ["LD804"]


def test_no_patch_of_an_object_is_made_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sysctl.conf"
    file.write_text(_FILE, encoding="utf-8")
    _, out = _checked(capsys, "--fix-as", "kustomize", str(file))
    assert "kind" not in out
    assert file.read_text(encoding="utf-8") == _FILE
