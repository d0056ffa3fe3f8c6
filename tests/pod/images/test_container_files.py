"""Which text a path in a container means: mounted ConfigMaps before the image's own files."""

from dataclasses import replace

import pytest

from lameduck.pod.images.builds import ImageBuild, Origin
from lameduck.pod.images.container_files import ContainerFiles
from lameduck.pod.reading import read_text
from lameduck.pod.source import Source

_TEXT = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: app
      image: app
      volumeMounts: %s
  volumes: %s
---
apiVersion: v1
kind: ConfigMap
metadata: {name: scripts}
data:
  start.sh: mounted start
  stop.sh: mounted stop
"""
_ALL = "[{name: s, configMap: {name: scripts}}]"
_AT_SCRIPTS = "[{name: s, mountPath: /scripts}]"


class _Image:
    """An image that has a file at each of these paths, which says its own path."""

    def __init__(self, *paths: str) -> None:
        self._paths = paths

    def find(self, path: str) -> Origin | None:
        return Origin(source=Source(path, f"image {path}"), end=6 + len(path)) if path in self._paths else None


def _files(
    mounts: str, volumes: str = _ALL, *, image: ImageBuild | None = None, cwd: str | None = None
) -> ContainerFiles:
    manifests = read_text(_TEXT % (mounts, volumes), "web.yaml")
    assert manifests.problems == ()
    (workload,) = manifests.workloads
    container = replace(workload.pod.containers[0], working_dir=cwd)
    return ContainerFiles(container, image, {each.name: each for each in manifests.config_maps})


def _said(files: ContainerFiles, path: str) -> str | None:
    found = files.find(path)
    return None if found is None else found.text


@pytest.mark.parametrize(
    ("mounts", "volumes", "path", "text"),
    [
        (_AT_SCRIPTS, _ALL, "/scripts/start.sh", "mounted start"),
        ("[{name: s, mountPath: /scripts/}]", _ALL, "/scripts/../scripts/start.sh", "mounted start"),
        (_AT_SCRIPTS, _ALL, "/scripts/other.sh", None),
        (_AT_SCRIPTS, _ALL, "/scripts-too/start.sh", None),
        (_AT_SCRIPTS, "[{name: s, configMap: {name: elsewhere}}]", "/scripts/start.sh", None),
        ("[{name: s, mountPath: /run.sh, subPath: start.sh}]", _ALL, "/run.sh", "mounted start"),
        ("[{name: s, mountPath: /run.sh, subPath: start.sh}]", _ALL, "/start.sh", None),
        (
            _AT_SCRIPTS,
            "[{name: s, configMap: {name: scripts, items: [{key: stop.sh, path: bin/start.sh}]}}]",
            "/scripts/bin/start.sh",
            "mounted stop",
        ),
        (
            _AT_SCRIPTS,
            "[{name: s, configMap: {name: scripts, items: [{key: stop.sh, path: x}]}}]",
            "/scripts/start.sh",
            None,
        ),
        (
            "[{name: s, mountPath: /scripts, subPath: bin}]",
            "[{name: s, configMap: {name: scripts, items: [{key: stop.sh, path: bin/start.sh}]}}]",
            "/scripts/start.sh",
            "mounted stop",
        ),
        (
            _AT_SCRIPTS,
            "[{name: s, projected: {sources: [{secret: {name: x}}, {configMap: {name: scripts}}]}}]",
            "/scripts/start.sh",
            "mounted start",
        ),
        ("[{name: s, mountPath: /scripts, subPathExpr: $(POD)}]", _ALL, "/scripts/start.sh", None),
        ("[{name: s, mountPath: /usr/local/bin}]", _ALL, "start.sh", "mounted start"),
        (_AT_SCRIPTS, _ALL, "scripts/start.sh", None),
    ],
)
def test_a_key_of_a_config_map_stands_where_its_volume_is_mounted(
    mounts: str, volumes: str, path: str, text: str | None
) -> None:
    assert _said(_files(mounts, volumes), path) == text


def test_a_relative_path_is_looked_for_where_the_container_works() -> None:
    assert _said(_files(_AT_SCRIPTS, cwd="/scripts"), "./start.sh") == "mounted start"
    image = ImageBuild("app", working_dir="/scripts")
    assert _said(_files(_AT_SCRIPTS, image=image), "./start.sh") == "mounted start"


def test_a_mount_hides_what_the_image_has_there_and_nothing_else() -> None:
    image = ImageBuild("app", files=_Image("/scripts/start.sh", "/scripts/own.sh", "/app/run.sh"))
    files = _files(_AT_SCRIPTS, image=image)
    assert _said(files, "/scripts/start.sh") == "mounted start"
    assert _said(files, "/scripts/own.sh") is None
    assert _said(files, "/app/run.sh") == "image /app/run.sh"


def test_a_mount_below_another_one_hides_it() -> None:
    mounts = "[{name: s, mountPath: /scripts}, {name: t, mountPath: /scripts/start.sh, subPath: stop.sh}]"
    volumes = "[{name: s, configMap: {name: scripts}}, {name: t, configMap: {name: scripts}}]"
    assert _said(_files(mounts, volumes), "/scripts/start.sh") == "mounted stop"


@pytest.mark.parametrize(
    ("volume", "mode"),
    [
        ("configMap: {name: scripts}", 0o644),
        ("configMap: {name: scripts, defaultMode: 0755}", 0o755),
        ("configMap: {name: scripts, defaultMode: 493}", 0o755),
        ("configMap: {name: scripts, items: [{key: start.sh, path: start.sh, mode: 0555}]}", 0o555),
        ("projected: {defaultMode: 0700, sources: [{configMap: {name: scripts}}]}", 0o700),
    ],
)
def test_the_mode_of_a_mounted_file_is_its_items_or_its_volumes(volume: str, mode: int) -> None:
    files = _files(_AT_SCRIPTS, f"[{{name: s, {volume}}}]")
    assert files.mode("/scripts/start.sh") == mode
    assert files.mode("/start.sh") is None
    assert files.mode("/scripts/unknown.sh") is None
