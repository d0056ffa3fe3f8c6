"""What stands in the stop signal's way in the containers of a workload, where its end costs somebody something."""

from collections.abc import Iterator

from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Role
from lameduck.pod.entry import Entry, Link, Span
from lameduck.pod.handlers import Exec, Handler, HttpGet
from lameduck.pod.place import FieldPath
from lameduck.pod.programs.hook_steps import hook_steps
from lameduck.pod.records import dataclass
from lameduck.pod.shells.short_commands import holds_open
from lameduck.pod.shells.words import Value

__all__ = ["Obstructed", "holds_container_open", "hook_may_end", "obstructed", "serving_entries", "stop_signal"]

# A hook that only does this leaves the service alone.
_IDLE = frozenset({":", "[", "date", "echo", "exit", "printf", "sleep", "test", "touch", "true"})
_STOPPING_WORDS = ("exit", "halt", "kill", "quit", "shutdown", "stop", "terminate")


@dataclass(frozen=True, slots=True)
class Obstructed:
    """A container in which the stop signal does not get through, or what gets it leaves too early."""

    container: Container
    entry: Entry
    obstacle: Link
    signal: str

    @property
    def behind(self) -> Link | None:
        """The command that the obstacle starts; None: what it is stands in no file that was read."""
        return self.entry.starts_service

    @property
    def service(self) -> Link | None:
        """The service itself, or what of the way to it is known."""
        return self.entry.service or self.behind

    def is_at(self, container: str | None, at: FieldPath | None, span: Span | None) -> bool:
        """Whether that is the place where it was seen."""
        return (self.container.name, self.at, self.span) == (container, at, span)

    @property
    def at(self) -> FieldPath:
        """Where in the manifest: the value that holds the script or names the obstacle."""
        for link in (self.behind, self.obstacle):
            if link is not None and link.inside is not None:
                return link.inside.at
        return self.obstacle.at or (self.entry.links[0].at or self.container.at)

    @property
    def span(self) -> Span | None:
        """Where in a script or Dockerfile: the command that the obstacle starts."""
        if self.behind is not None and self.behind.inside is None and self.behind.span is not None:
            return self.behind.span
        return self.obstacle.span if self.obstacle.at is None and self.obstacle.inside is None else None


def obstructed(case: Case) -> Iterator[Obstructed]:
    """The containers with an obstacle; not those whose hook sees to the service's end by itself."""
    for container, entry in serving_entries(case):
        if hook_may_end(container.pre_stop):
            continue
        for way in (entry, *entry.further):
            if way.obstacle is not None:
                yield Obstructed(container, way, way.obstacle, stop_signal(case, container))


def serving_entries(case: Case) -> Iterator[tuple[Container, Entry]]:
    """The containers that run until somebody ends them, whose start is known.

    What comes to an end by itself (a Job, an MPIJob, an init container) is no service: to end it early is to lose its
    work anyway.
    """
    workload = case.workload
    if workload.kind.endswith("Job") or workload.pod.restart_policy != "Always":
        return
    for container in workload.pod.containers:
        entry = case.entries.get(container.name)
        if entry is not None and container.role in (Role.REGULAR, Role.SIDECAR):
            yield container, entry


def stop_signal(case: Case, container: Container) -> str:
    """The signal that the container gets: its image's, SIGTERM where none is known (T50)."""
    image = case.images.get(container.name)
    return (image.stop_signal if image is not None else None) or "SIGTERM"


def holds_container_open(link: Link | None) -> bool:
    """It only keeps a container alive and serves nobody: sleep infinity, tail -f /dev/null."""
    return link is not None and bool(link.words) and holds_open([Value(word) for word in link.words])


def hook_may_end(hook: Handler | None) -> bool:
    """Whether the hook may end the service itself, as hooks beside a shell often do; a script of its own may."""
    match hook:
        case Exec():
            return any(step.program not in _IDLE for step in hook_steps(hook))
        case HttpGet(url_path=path):
            return any(word in path.lower() for word in _STOPPING_WORDS)
        case _:
            return False
