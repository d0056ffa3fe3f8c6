"""Files, folders and standard input."""

import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import lameduck.pod.reading
from lameduck.pod.place import InputError
from lameduck.pod.reading import read_paths, read_text
from lameduck.pod.source import MAX_BYTES

Put = Callable[[str, str], Path]


def pod(name: str) -> str:
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: a, image: a}}]}}\n"


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def names(*paths: Path | str) -> list[str]:
    return [workload.name for workload in read_paths([str(path) for path in paths]).workloads]


def refusal(*paths: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        read_paths([str(path) for path in paths])
    return str(caught.value)


def test_a_folder_is_read_all_the_way_down_in_the_order_of_names(put: Put, tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "b/x.JSON", "c.json", "a/deep/er.yaml"):
        put(name, pod(re.sub(r"\W", "-", name.lower())))
    put("readme.md", "no: {")
    assert names(tmp_path) == ["a-deep-er-yaml", "a-yaml", "b-x-json", "b-yml", "c-json"]


def test_hidden_and_version_control_folders_are_passed_by(put: Put, tmp_path: Path) -> None:
    for name in (".git/a.yaml", ".hidden.yaml", "CVS/a.yaml", "node_modules/x/a.yaml", "web.yaml"):
        put(name, pod("web" if name == "web.yaml" else "no"))
    assert names(tmp_path) == ["web"]


def test_a_file_given_by_name_is_read_whatever_it_is_called(put: Put) -> None:
    assert names(put(".hidden.txt", pod("web"))) == ["web"]


def test_links_neither_loop_nor_repeat(put: Put, tmp_path: Path) -> None:
    path = put("a/web.yaml", pod("web"))
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    (tmp_path / "again.yaml").symlink_to(path)
    (tmp_path / "nowhere.yaml").symlink_to(tmp_path / "missing")
    assert names(tmp_path, path, tmp_path / "a") == ["web"]


def test_a_mounted_config_map_is_read_once(put: Put, tmp_path: Path) -> None:
    put("..2024/web.yaml", pod("web"))
    (tmp_path / "..data").symlink_to("..2024")
    (tmp_path / "web.yaml").symlink_to("..data/web.yaml")
    assert names(tmp_path) == ["web"]


def test_a_pipe_below_a_folder_is_passed_by(put: Put, tmp_path: Path) -> None:
    put("web.yaml", pod("web"))
    os.mkfifo(tmp_path / "pipe.yaml")
    assert names(tmp_path) == ["web"]


def test_standard_input_is_called_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    text = pod("web").replace("name: a,", "name: 5,")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    manifests = read_paths(["-"])
    assert [str(problem) for problem in manifests.problems] == [
        'stdin:4:28: name is 5, which is a number. Kubernetes wants text: write "5".'
    ]


def test_standard_input_is_read_up_to_the_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = io.BytesIO(b"#" * (MAX_BYTES + 1000))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=endless))
    assert refusal("-").startswith("stdin: This file is larger than 16 MiB.")
    assert endless.tell() == MAX_BYTES + 1


def test_a_file_of_50_mb_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(50_000_000)

    def read(*_: object) -> bytes:
        raise AssertionError("it was read")

    monkeypatch.setattr(lameduck.pod.reading, "_bounded", read)
    assert refusal(path) == f"{path}: This file is larger than 16 MiB. Give the manifest alone, or split it."


def test_an_endless_device_is_refused() -> None:
    assert refusal("/dev/zero") == "/dev/zero: This file is larger than 16 MiB. Give the manifest alone, or split it."


def test_what_is_not_there(tmp_path: Path, put: Put) -> None:
    missing = tmp_path / "missing.yaml"
    assert refusal(missing) == f"{missing}: There is no such file or folder. Check the path."
    below_a_file = put("a.yaml", pod("a")) / "b.yaml"
    assert refusal(below_a_file) == f"{below_a_file}: There is no such file or folder. Check the path."


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_is_no_path(path: str) -> None:
    assert "This is no path." in refusal(path)


@pytest.mark.parametrize("method", ["open", "iterdir", "stat"])
def test_what_may_not_be_read(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    put("web.yaml", pod("web"))

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, method, forbidden)  # root may read everything, and tests often run as root
    assert refusal(tmp_path).endswith("You may not read this. Check its permissions: ls -l.")


def test_any_other_trouble_of_the_system_is_told(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    path = put("web.yaml", pod("web"))
    monkeypatch.setattr(Path, "open", broken)
    assert refusal(path) == f"{path}: This cannot be read: Input/output error. Check the path."


def test_a_name_too_long_is_told() -> None:
    assert "File name too long" in refusal("x" * 5000)


def test_a_folder_without_manifests(put: Put, tmp_path: Path) -> None:
    put("readme.md", "hello")
    assert refusal(tmp_path) == (
        f"{tmp_path}: This folder holds no *.yaml, *.yml or *.json. Give the folder with the manifests."
    )


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n---\n", "\ufeff", "null"])
def test_an_empty_file_is_told(put: Put, text: str) -> None:
    path = put("web.yaml", text)
    assert refusal(path) == f"{path}: There is nothing in it. Give a file with a manifest, such as a Deployment."
    with pytest.raises(InputError, match=r"^web.yaml: There is nothing in it"):
        read_text(text, "web.yaml")


def test_an_empty_file_beside_others_is_nothing_to_speak_of(put: Put, tmp_path: Path) -> None:
    put("empty.yaml", "# later\n")
    put("web.yaml", pod("web"))
    assert names(tmp_path) == ["web"]


def test_a_chart_is_told_to_be_rendered_and_the_rest_is_read(put: Put, tmp_path: Path) -> None:
    put("templates/web.yaml", "{{- if .Values.on }}\nkind: Deployment\n{{- end }}\n")
    put("web.yaml", pod("web"))
    manifests = read_paths([str(tmp_path)])
    assert [workload.name for workload in manifests.workloads] == ["web"]
    (problem,) = manifests.problems
    assert problem.place.file == str(tmp_path / "templates" / "web.yaml")


def test_too_many_files_are_refused(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lameduck.pod.reading, "MAX_FILES", 3)
    for number in range(6):
        put(f"{number}/a.yaml", pod("a"))
    assert refusal(tmp_path) == (
        f"{tmp_path}: There are more than 3 manifests or folders below it. "
        "Give a folder with fewer, or the files themselves."
    )


def test_a_name_that_is_no_utf_8_can_be_printed(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml")
    Path(path).write_text("a: b: c")
    refusal(path).encode()


def test_a_text_with_half_a_character_is_refused() -> None:
    with pytest.raises(InputError, match=r"^web.yaml:1:4: This file is not UTF-8 text"):
        read_text("a: \ud800", "web.yaml")


def test_services_find_workloads_across_files(put: Put, tmp_path: Path) -> None:
    put("b.yaml", pod("web").replace("{name: web}", "{name: web, labels: {app: web}}"))
    put("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: web}}\n")
    manifests = read_paths([str(tmp_path)])
    (web,) = manifests.workloads
    assert [service.name for service in manifests.services_of(web)] == ["s"]
