"""From a container's image to the Dockerfile that builds it, where the same repository holds it.

A link is made by the user's own word (`--image NAME=DIR`), by a compose file, by skaffold, or by name where that is
unambiguous. Nothing is guessed beyond that; an image that is well known by its name is read from the table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path

from lameduck.pod.case import Image
from lameduck.pod.containers import Container
from lameduck.pod.entry import Shell
from lameduck.pod.images.build_contexts import GuessedContext, read_text
from lameduck.pod.images.build_files import BuildFile, build_files, links_of
from lameduck.pod.images.builds import ImageBuild
from lameduck.pod.images.known_images import known, known_build
from lameduck.pod.images.names import image_name
from lameduck.pod.place import InputError
from lameduck.pod.records import dataclass

__all__ = ["Repository", "build_of", "described", "image_of", "read_repository"]


@dataclass(slots=True)
class Repository:
    """The Dockerfiles of a repository and what names the images that they build. Each is read once."""

    root: Path
    dockerfiles: tuple[BuildFile, ...] = ()
    named: Mapping[str, BuildFile] = field(default_factory=dict)
    """By `--image NAME=DIR`, compose and skaffold: image names as written there, without tags."""
    texts: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """What stands in for files that are mended and not yet written, by name (`build_contexts.read_text`)."""
    _builds: dict[BuildFile, ImageBuild | None] = field(default_factory=dict, repr=False)

    def build(self, found: BuildFile) -> ImageBuild | None:
        """What the image of that Dockerfile starts; None: it cannot be read, or has no stage."""
        if found not in self._builds:
            from lameduck.pod.images.dockerfiles import (
                read_build,  # most manifests stand alone, and check must start fast
            )

            source = read_text(found.path, self.texts)
            context = GuessedContext(found.contexts, self.texts)
            read = read_build(source, context, target=found.target) if source is not None else None
            self._builds[found] = read.build if read is not None else None
        return self._builds[found]


def read_repository(paths: Iterable[Path], *, images: Mapping[str, Path] | None = None) -> Repository:
    """The repository around these paths: the nearest folder above them with `.git`, else the paths themselves.

    `images`: the user's own word on which folder or Dockerfile builds which image. Raises InputError if it names one
    that does not exist.
    """
    given = [path.resolve() for path in paths] or [Path.cwd()]
    root = _root(given)
    dockerfiles, describing = build_files(root)
    named: dict[str, BuildFile] = {}
    for file in describing:
        for name, build in links_of(file, root):
            named.setdefault(name, build)
    for name, folder in (images or {}).items():
        named[_plain(name)] = _by_word(name, folder.resolve(), root)
    return Repository(root, dockerfiles, named)


def _root(given: list[Path]) -> Path:
    first = given[0] if given[0].is_dir() else given[0].parent
    for folder in (first, *first.parents):
        if (folder / ".git").exists():
            return folder
    return first


def _by_word(name: str, path: Path, root: Path) -> BuildFile:
    file = path / "Dockerfile" if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            f"There is no Dockerfile for the image {name} there.",
            at=str(path),
            do=f"Give the folder that holds it, or the file itself: --image {name}=DIR",
        )
    return BuildFile(file, (file.parent, root))


def _plain(reference: str) -> str:
    """The reference without tag and digest, as it is written."""
    head, _, _ = reference.partition("@")
    name, colon, tag = head.rpartition(":")
    return name if colon and "/" not in tag else head


def build_of(container: Container, repository: Repository | None = None) -> ImageBuild | None:
    """What is known of a container's image; None: nothing."""
    if container.image is None:
        return None
    found = _found(container.image, repository) if repository is not None else None
    if found is not None and repository is not None:
        built = repository.build(found)
        if built is not None:
            return built
    build = known_build(container.image)
    says_something = build.complete or build.stop_signal_known or build.programs or build.lacks
    return build if says_something or build.sh is not Shell.UNKNOWN else None


def _found(reference: str, repository: Repository) -> BuildFile | None:
    plain = _plain(reference)
    if plain in repository.named:
        return repository.named[plain]
    name = image_name(reference)
    # skaffold and compose write the name without the registry that a deployment puts in front
    ends = {build for written, build in repository.named.items() if plain.endswith(f"/{written}")}
    if len(ends) == 1:
        return ends.pop()
    if ends or known(reference) is not None or name.official is not None:
        return None
    same = [file for file in repository.dockerfiles if name.last in file.names]
    return same[0] if len(same) == 1 else None


def image_of(container: Container, repository: Repository | None = None) -> Image | None:
    """What findings need to know of a container's image; None: nothing is known of it."""
    build = build_of(container, repository)
    return None if build is None else described(build)


def described(build: ImageBuild) -> Image:
    """What findings need to know of that image."""
    return Image(
        build.name,
        stop_signal=build.stop_signal,
        stop_signal_known=build.stop_signal_known,
        stop_signal_at=build.stop_signal_at,
        last=build.last,
        software=build.software,
        programs=build.programs,
        lacks=build.lacks,
        working_dir=build.working_dir,
    )
