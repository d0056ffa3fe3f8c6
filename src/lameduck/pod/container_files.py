"""The text files of a container: those of its image, and the ConfigMaps that are mounted over them."""

from collections.abc import Mapping

from lameduck.pod.case import ConfigMap
from lameduck.pod.containers import Container
from lameduck.pod.embedded_text import EmbeddedText
from lameduck.pod.image_builds import ImageBuild, Origin, candidates
from lameduck.pod.records import dataclass

__all__ = ["ContainerFiles", "mode_of"]


@dataclass(frozen=True, slots=True)
class ContainerFiles:
    """What the files tell of a container's file system. `config_maps` go by their names."""

    container: Container
    build: ImageBuild | None = None
    config_maps: Mapping[str, ConfigMap] | None = None

    def find(self, path: str) -> Origin | None:
        """The text of the file that a command means by that path; None: there is none, or nothing is known of it."""
        for one in candidates(path, self._working_dir):
            mounts = [mount for mount in self.container.config_mounts if mount.covers(one)]
            # What is mounted deeper hides what is mounted above it, and all of it the image.
            deepest = max((len(mount.path) for mount in mounts), default=0)
            for mount in mounts:
                key = mount.key_at(one) if len(mount.path) == deepest else None
                found = self._value(mount.config_map, key) if key is not None else None
                if found is not None:
                    return found
            if not mounts and self.build is not None and (found := self.build.files.find(one)) is not None:
                return found
        return None

    @property
    def _working_dir(self) -> str | None:
        if self.container.working_dir is not None or self.build is None:
            return self.container.working_dir
        return self.build.working_dir or "/"

    def _value(self, name: str, key: str) -> Origin | None:
        config_map = (self.config_maps or {}).get(name)
        text = dict(config_map.data).get(key) if config_map is not None else None
        if config_map is None or text is None:
            return None
        source = EmbeddedText(text, config_map.document, (*config_map.at, "data", key))
        return Origin(source=source, end=len(text))


def mode_of(container: Container, path: str) -> int | None:
    """The permissions of the file at that absolute path, where a ConfigMap is mounted there; None: none is."""
    for mount in sorted(container.config_mounts, key=lambda mount: -len(mount.path)):
        if mount.covers(path) and (key := mount.key_at(path)) is not None:
            return mount.mode_of(key)
    return None
