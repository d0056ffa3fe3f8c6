"""Images and entries: found in the repository of the manifests, and read again from what --fix has made of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from lameduck.check.checking import check
from lameduck.check.linking import RepositoryLinker
from lameduck.check.outcome import Checked
from lameduck.pod.place import InputError
from tests.check.fakes import SETTINGS, deployment, files, write


def check_linked(root: Path, images: dict[str, Path], contents: dict[str, bytes]) -> Checked:
    linker = RepositoryLinker((root,), images, contents)
    return check(files(root), replace(SETTINGS, linker=linker), contents)


def test_the_stop_signal_of_the_image_is_in_the_summary(tmp_path: Path) -> None:
    write(tmp_path, "k8s/web.yaml", deployment(image="registry.example/web:1"))
    write(tmp_path, "web/Dockerfile", "FROM scratch\nSTOPSIGNAL SIGQUIT\nENTRYPOINT ['/server']\n")
    (path,) = check_linked(tmp_path, {}, {}).endings
    assert path.stops[0].signal == "SIGQUIT"
    (other,) = check_linked(tmp_path / "k8s", {"registry.example/web": tmp_path / "web"}, {}).endings
    assert other.stops[0].signal == "SIGQUIT"


def test_a_dockerfile_that_is_mended_and_not_yet_written_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "k8s/web.yaml", deployment(image="registry.example/web:1"))
    write(tmp_path, "web/Dockerfile", "FROM scratch\nSTOPSIGNAL SIGQUIT\n")
    (path,) = check_linked(tmp_path, {}, {"web/Dockerfile": b"FROM scratch\nSTOPSIGNAL SIGINT\n"}).endings
    assert path.stops[0].signal == "SIGINT"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no Dockerfile for the image web"):
        RepositoryLinker((tmp_path,), {"web": tmp_path / "none"}, {}).prepare()


def test_an_image_that_nobody_knows_leaves_the_signal_open(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment(image="registry.example/unheard-of:1"))
    (path,) = check_linked(tmp_path, {}, {}).endings
    assert path.stops[0].signal is None
