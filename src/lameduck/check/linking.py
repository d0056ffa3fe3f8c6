"""Images and entries of a case: what a container starts, as its manifest and the repository's Dockerfiles tell it."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from lameduck.check.judging import Linker
from lameduck.pod.case import Case, Image
from lameduck.pod.containers import Container, Role
from lameduck.pod.entry import Entry
from lameduck.pod.images.known_images import known
from lameduck.pod.images.linking import Repository, build_of, described, read_repository
from lameduck.pod.programs.hook_files import with_hook_script
from lameduck.pod.records import dataclass

__all__ = ["RepositoryLinker"]


@dataclass(slots=True)
class RepositoryLinker(Linker):
    """Looks for Dockerfiles around the given paths, once, when the first container has an image."""

    paths: Sequence[Path]
    images: Mapping[str, Path]
    """The user's own word on which folder builds which image."""
    contents: Mapping[str, bytes]
    """Mended files that are not yet written."""
    _repository: Repository | None = field(default=None, init=False)

    def prepare(self) -> None:
        """Look for Dockerfiles now. Raises InputError if the user names a folder that is not there."""
        if self._repository is None:
            self._repository = replace(read_repository(self.paths, images=self.images), texts=self.contents)

    def linked(self, case: Case) -> Case:
        """The case with the images and entries of its containers, as far as anything is known of them."""
        images: dict[str, Image] = {}
        entries: dict[str, Entry] = {}
        pod = case.workload.pod
        containers = []
        for container in pod.containers:
            if container.role in (Role.REGULAR, Role.SIDECAR):
                image, entry, container = self._container(container, case)
                if image is not None:
                    images[container.name] = image
                if entry is not None:
                    entries[container.name] = entry
            containers.append(container)
        workload = case.workload
        if any(new is not old for new, old in zip(containers, pod.containers, strict=True)):
            workload = replace(workload, pod=replace(pod, containers=tuple(containers)))
        return replace(case, workload=workload, images=images, entries=entries)

    def _container(self, container: Container, case: Case) -> tuple[Image | None, Entry | None, Container]:
        """What is known of its image, how it starts, and itself with the script that its hook starts."""
        repository = None
        if self.images or (container.image is not None and known(container.image) is None):
            self.prepare()  # a walk through the whole repository, which an image that everybody knows is not worth
            repository = self._repository
        build = build_of(container, repository)
        entry = None
        if container.command or container.args or build is not None:
            from lameduck.pod.programs.entering import entry_of  # with the ways of shells: not needed by most pods

            # lifecycle.stopSignal is off by default (T51)
            pid1 = case.workload.pod.main_is_pid1
            entry = entry_of(container, build, pid1=pid1, config_maps=case.config_maps)
        return None if build is None else described(build), entry, with_hook_script(container, build, case.config_maps)
