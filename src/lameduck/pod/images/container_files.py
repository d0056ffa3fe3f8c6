"""The text files of a container: those of its image, and the ConfigMaps that are mounted over them."""

from collections.abc import Mapping
from dataclasses import field

from lameduck.pod.case import ConfigMap
from lameduck.pod.containers import ConfigMount, Container
from lameduck.pod.images.builds import ImageBuild, Origin, candidates, normal
from lameduck.pod.records import dataclass
from lameduck.pod.texts.embedded_text import EmbeddedText

__all__ = ["ContainerFiles"]


@dataclass(frozen=True, slots=True)
class ContainerFiles:
    """What the files tell of a container's file system. `config_maps` go by their names."""

    container: Container
    build: ImageBuild | None = None
    config_maps: Mapping[str, ConfigMap] = field(default_factory=dict)

    def find(self, path: str) -> Origin | None:
        """The text of the file that a command means by that path; None: there is none, or nothing is known of it."""
        for one in candidates(path, self._working_dir):
            mounts = self._mounts(one)
            for mount in mounts:
                found = self._value(mount, one)
                if found is not None:
                    return found
            if not mounts and self.build is not None and (found := self.build.files.find(one)) is not None:
                return found
        return None

    def mode(self, path: str) -> int | None:
        """The permissions of the file at that absolute path, if it is a ConfigMap's that is known; else None."""
        path = normal(path)
        for mount in self._mounts(path):
            if self._value(mount, path) is not None:
                return mount.mode_of(mount.key_at(path) or "")
        return None

    def _mounts(self, path: str) -> list[ConfigMount]:
        """The ConfigMaps that stand there: what is mounted deeper hides what is mounted above it, and all the image."""
        mounts = [mount for mount in self.container.config_mounts if mount.covers(path)]
        deepest = max((len(mount.path.rstrip("/")) for mount in mounts), default=0)
        return [mount for mount in mounts if len(mount.path.rstrip("/")) == deepest]

    def _value(self, mount: ConfigMount, path: str) -> Origin | None:
        config_map, key = self.config_maps.get(mount.config_map), mount.key_at(path)
        text = dict(config_map.data).get(key) if config_map is not None and key is not None else None
        if config_map is None or key is None or text is None:
            return None
        source = EmbeddedText(text, config_map.document, (*config_map.at, "data", key))
        return Origin(source=source, end=len(text))

    @property
    def _working_dir(self) -> str | None:
        if self.container.working_dir is not None or self.build is None:
            return self.container.working_dir
        return self.build.working_dir or "/"
