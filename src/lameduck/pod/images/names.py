"""Image references taken apart: registry, repository, tag, digest, as the runtime fills them in."""

from lameduck.pod.records import dataclass

__all__ = ["ImageName", "image_name"]

_HUB = "docker.io"


@dataclass(frozen=True, slots=True)
class ImageName:
    """`registry/repository:tag@digest`. `tag` is None where none is written."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def official(self) -> str | None:
        """The name of one of Docker's official images: `nginx` for docker.io/library/nginx. None: no such."""
        if self.registry != _HUB or not self.repository.startswith("library/"):
            return None
        return self.repository.removeprefix("library/")

    @property
    def last(self) -> str:
        """The last part of the repository, by which people name folders."""
        return self.repository.rpartition("/")[2]


def image_name(reference: str) -> ImageName:
    """The parts of a reference. What is no reference at all comes back as a repository that nobody knows."""
    rest, _, digest = reference.strip().partition("@")
    head, colon, tail = rest.rpartition(":")
    name, tag = (head, tail) if colon and "/" not in tail else (rest, None)
    first, slash, after = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first, after
    else:
        registry, repository = _HUB, name
    if registry in ("index.docker.io", "registry-1.docker.io"):
        registry = _HUB
    if registry == _HUB and "/" not in repository:
        repository = f"library/{repository}"
    return ImageName(registry, repository, tag, digest or None)
