"""Scripts that stand in ConfigMaps: followed from command and hook, pointed at in their line, mended there."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import indent

import pytest

from lameduck.check.checking import check
from lameduck.check.fixing import Fixed, fix
from lameduck.check.judging import Settings
from lameduck.check.linking import RepositoryLinker
from lameduck.check.outcome import Checked
from lameduck.findings.catalogue import FINDINGS
from tests.check.fakes import SETTINGS, files, write

_WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: debian:12
          command: [%s]
          lifecycle: {preStop: {exec: {command: [%s]}}}
          volumeMounts: [{name: scripts, mountPath: /scripts}]
      volumes: [{name: scripts, configMap: {name: scripts, defaultMode: 0755}}]
"""


def _config_map(start: str = "", stop: str = "") -> str:
    scripts = {"start.sh": start or "exec /app\n", "stop.sh": stop or "sleep 5\n"}
    values = "".join(f"  {name}: |\n{indent(text, '    ')}" for name, text in scripts.items())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: scripts}}\ndata:\n{values}"


def _laid_out(root: Path, config_map: str, *, command: str = "sh, /scripts/start.sh", hook: str = "sleep, '5'") -> None:
    write(root, "web.yaml", _WEB % (command, hook))
    write(root, "more/scripts.yaml", config_map)


def _settings(root: Path, contents: Mapping[str, bytes]) -> Settings:
    return replace(SETTINGS, findings=FINDINGS, linker=RepositoryLinker((root,), {}, contents))


def _checked(root: Path) -> Checked:
    return check(files(root), _settings(root, {}), {})


def _seen(root: Path) -> list[tuple[str, str, int, int]]:
    places = [(seen.code, seen.place) for seen in _checked(root).seen]
    return [(code, Path(place.file).name, place.line, place.column) for code, place in places]


def _mended(root: Path) -> Fixed:
    fixed = fix(files(root), lambda contents: _settings(root, contents), {}, unsafe=False)
    for file in fixed.files:
        Path(file.name).write_bytes(file.after)
    return fixed


_START = "#!/bin/sh\nset -e\n/app --port 80\n"


def test_a_start_script_is_pointed_at_in_its_line_and_mended_there(tmp_path: Path) -> None:
    _laid_out(tmp_path, _config_map(_START))
    assert _seen(tmp_path) == [("LD101", "scripts.yaml", 8, 5)]
    _mended(tmp_path)
    assert (tmp_path / "more/scripts.yaml").read_text() == _config_map(_START.replace("/app", "exec /app"))
    assert (tmp_path / "web.yaml").read_text() == _WEB % ("sh, /scripts/start.sh", "sleep, '5'")
    assert _seen(tmp_path) == []
    assert _mended(tmp_path).files == ()


def test_a_script_in_the_same_file_and_with_its_line_ends_is_mended_beside_other_remedies(tmp_path: Path) -> None:
    web = _WEB.replace("spec:\n      containers", "spec:\n      terminationGracePeriodSeconds: 5\n      containers")
    text = f"{web % ('sh, /scripts/start.sh', 'sleep, 5')}---\n{_config_map(_START)}".replace("\n", "\r\n")
    file = tmp_path / "all.yaml"
    file.write_bytes(text.encode())
    assert sorted(code for code, *_ in _seen(tmp_path)) == ["LD101", "LD204"]
    _mended(tmp_path)
    mended = file.read_bytes().decode()
    assert "    exec /app --port 80\r\n" in mended
    assert mended.count("\n") == mended.count("\r\n")
    assert _seen(tmp_path) == []


def test_a_script_that_is_escaped_is_explained_only(tmp_path: Path) -> None:
    escaped = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: scripts}\ndata:\n  start.sh: "set -e\\n/app\\n"\n'
    _laid_out(tmp_path, escaped)
    assert _seen(tmp_path) == [("LD101", "scripts.yaml", 5, 13)]
    assert _mended(tmp_path).files == ()


def test_a_comment_in_the_script_suppresses_what_is_found_there(tmp_path: Path) -> None:
    _laid_out(tmp_path, _config_map("set -e\n# lameduck: ignore LD101 -- it has no clients\n/app\n"))
    assert _seen(tmp_path) == []
    assert _checked(tmp_path).suppressed == 1


def test_a_script_of_which_no_config_map_is_there_is_not_guessed_at(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", _WEB % ("sh, /scripts/start.sh", "sh, /scripts/stop.sh"))
    assert _seen(tmp_path) == []


@pytest.mark.parametrize("hook", ["/scripts/stop.sh", "sh, /scripts/stop.sh", "bash, -e, /scripts/stop.sh, now"])
@pytest.mark.parametrize(
    ("stop", "seen"),
    [
        ("#!/bin/sh\necho bye\nsleep 60\n", [("LD204", "web.yaml", 15)]),
        ("#!/bin/sh\nkill -TERM 1\n", [("LD207", "scripts.yaml", 9)]),
        ("#!/bin/sh\ntail -f /dev/null &\n", [("LD208", "scripts.yaml", 9)]),
        ("#!/bin/sh\nsleep 5\n", []),
        ("#!/bin/sh\nsleep $1\n", []),
        ("#!/bin/sh\nif ready; then sleep 60; fi\n", []),
    ],
)
def test_a_hook_is_followed_into_its_script(
    tmp_path: Path, hook: str, stop: str, seen: list[tuple[str, str, int]]
) -> None:
    _laid_out(tmp_path, _config_map(stop=stop), hook=hook)
    assert [(code, file, line) for code, file, line, _ in _seen(tmp_path)] == seen


def test_a_hook_in_another_language_is_not_read_as_a_script_for_shells(tmp_path: Path) -> None:
    _laid_out(tmp_path, _config_map(stop="#!/usr/bin/python3\nsleep 60\n"), hook="/scripts/stop.sh")
    assert _seen(tmp_path) == []


def test_a_hook_is_followed_into_a_script_of_the_image(tmp_path: Path) -> None:
    text = (_WEB % ("/app", "/stop.sh")).replace("debian:12", "registry.example/web:1")
    write(tmp_path, "web.yaml", text)
    write(tmp_path, "web/Dockerfile", "FROM debian:12\nCOPY stop.sh /\n")
    write(tmp_path, "web/stop.sh", "#!/bin/sh\nkill -TERM 1\n")
    assert _seen(tmp_path) == [("LD207", "stop.sh", 2, 1)]
