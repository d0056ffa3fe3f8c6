"""The files of a repository that build images, and those that name what is built: compose and skaffold."""

import os
from collections.abc import Iterator
from pathlib import Path

from lameduck.pod.images.build_contexts import read_text
from lameduck.pod.place import InputError
from lameduck.pod.records import dataclass
from lameduck.pod.texts.documents import read_documents
from lameduck.pod.texts.nodes import Mapping, Node, Scalar, Sequence, follow

__all__ = ["BuildFile", "build_files", "links_of"]

_MAX_ENTRIES = 50_000
"""Files and folders looked at in one repository."""
_PASSED_OVER = frozenset({"node_modules", "vendor", "venv", "__pycache__", "target", "dist", "site-packages"})


@dataclass(frozen=True, slots=True)
class BuildFile:
    """A Dockerfile and the folders that may be its build context."""

    path: Path
    contexts: tuple[Path, ...]
    target: str | None = None
    names: tuple[str, ...] = ()
    """Image names that it may build, by its own name or its folder's."""


def build_files(root: Path) -> tuple[tuple[BuildFile, ...], tuple[Path, ...]]:
    """The Dockerfiles below a folder, and the compose and skaffold files."""
    found: list[Path] = []
    describing: list[Path] = []
    entries = 0
    for folder, folders, files in os.walk(root):
        entries += len(folders) + len(files)
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in _PASSED_OVER)
        for name in sorted(files):
            if _is_dockerfile(name):
                found.append(Path(folder, name))
            elif _is_describing(name):
                describing.append(Path(folder, name))
        if entries > _MAX_ENTRIES:
            break
    in_folder: dict[Path, int] = {}
    for path in found:
        in_folder[path.parent] = in_folder.get(path.parent, 0) + 1
    dockerfiles = tuple(
        BuildFile(path, (path.parent, root), names=_names(path, alone=in_folder[path.parent] == 1)) for path in found
    )
    return dockerfiles, tuple(describing)


def _is_dockerfile(name: str) -> bool:
    lower = name.lower()
    if lower.endswith((".dockerignore", ".md", ".tmpl", ".template", ".j2")):
        return False
    return lower in ("dockerfile", "containerfile") or lower.startswith("dockerfile.") or lower.endswith(".dockerfile")


def _is_describing(name: str) -> bool:
    lower = name.lower()
    if not lower.endswith((".yaml", ".yml")):
        return False
    return lower.startswith(("docker-compose", "compose", "skaffold"))


def _names(path: Path, *, alone: bool) -> tuple[str, ...]:
    """`api` for api/Dockerfile, Dockerfile.api and api.Dockerfile."""
    lower = path.name.lower()
    if lower.startswith("dockerfile."):
        return (path.name.partition(".")[2],)
    if lower.endswith(".dockerfile"):
        return (path.name.rpartition(".")[0],)
    return (path.parent.name,) if alone else ()


def links_of(file: Path, root: Path) -> Iterator[tuple[str, BuildFile]]:
    """Image names and what builds them, as a compose or skaffold file says it. What cannot be read says nothing."""
    source = read_text(file)
    if source is None:
        return
    try:
        documents = read_documents(source).documents
    except InputError:
        return
    for document in documents:
        if file.name.lower().startswith("skaffold"):
            yield from _skaffold(document.root, file.parent, root)
        else:
            yield from _compose(document.root, file.parent, root)


def _compose(document: Node, folder: Path, root: Path) -> Iterator[tuple[str, BuildFile]]:
    services = _get(document, "services")
    if not isinstance(services, Mapping):
        return
    for _, service in services.items():
        image, build = _text(_get(service, "image")), _get(service, "build")
        name = _without_variables(image) if image is not None else None
        if name is None or build is None:
            continue
        context = _text(build) if isinstance(build, Scalar) else _text(_get(build, "context")) or "."
        dockerfile = _text(_get(build, "dockerfile")) or "Dockerfile"
        found = _build(folder, context, dockerfile, _text(_get(build, "target")), root)
        if found is not None:
            yield name, found


def _skaffold(document: Node, folder: Path, root: Path) -> Iterator[tuple[str, BuildFile]]:
    artifacts = _get(_get(document, "build"), "artifacts")
    if not isinstance(artifacts, Sequence):
        return
    for artifact in artifacts.items:
        image, docker = _text(_get(artifact, "image")), _get(artifact, "docker")
        name = _without_variables(image) if image is not None else None
        if name is None:
            continue
        context = _text(_get(artifact, "context")) or "."
        dockerfile = _text(_get(docker, "dockerfile")) or "Dockerfile"
        found = _build(folder, context, dockerfile, _text(_get(docker, "target")), root)
        if found is not None:
            yield name, found


def _build(folder: Path, context: str | None, dockerfile: str, target: str | None, root: Path) -> BuildFile | None:
    """The Dockerfile of a context, if both are below the repository's root."""
    if context is None or "://" in context or "$" in context or "$" in dockerfile or "\0" in context + dockerfile:
        return None
    try:
        where = (folder / context).resolve()
        path = (where / dockerfile).resolve()
        if not (where.is_relative_to(root) and path.is_relative_to(root) and path.is_file()):
            return None
    except (OSError, RuntimeError):
        return None
    return BuildFile(path, (where,), target)


def _without_variables(image: str) -> str | None:
    """The image's name without tag; of `${REGISTRY}/team/app:${TAG}` what is certain, `team/app`. None: too little."""
    head = image.partition("@")[0]
    name, colon, tag = head.rpartition(":")
    if colon and "/" not in tag:
        head = name
    while "$" in head:
        before, slash, after = head.partition("/")
        if not slash or "$" not in before:
            return None
        head = after
    return head or None


def _get(node: Node | None, key: str) -> Node | None:
    if node is None:
        return None
    written = follow(node)
    return written.get(key) if isinstance(written, Mapping) else None


def _text(node: Node | None) -> str | None:
    if node is None:
        return None
    written = follow(node)
    return written.text if isinstance(written, Scalar) and isinstance(written.value, str) else None
