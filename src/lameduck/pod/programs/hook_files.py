"""A preStop hook that starts a script's file: what stands in that file, where the image or a ConfigMap tells it."""

from collections.abc import Mapping
from dataclasses import replace

from lameduck.pod.case import ConfigMap
from lameduck.pod.containers import Container
from lameduck.pod.entry import Span
from lameduck.pod.handlers import Exec
from lameduck.pod.images.builds import ImageBuild
from lameduck.pod.programs.program_names import SHELLS

__all__ = ["interpreter_of", "with_hook_script"]


def with_hook_script(container: Container, build: ImageBuild | None, config_maps: Mapping[str, ConfigMap]) -> Container:
    """The container, its hook with the script that it starts; as it was, where there is none or it is not known."""
    hook = container.pre_stop
    if not isinstance(hook, Exec) or not hook.command or (build is None and not container.config_mounts):
        return container
    from lameduck.pod.images.container_files import ContainerFiles  # most hooks are a sleep, and check must start fast
    from lameduck.pod.shells.starting import shell_start
    from lameduck.pod.shells.words import Value

    start = shell_start([Value(word) for word in hook.command])
    if start is None:
        path = hook.command[0]
    elif start.file is not None:
        path = hook.command[start.file]
    else:
        return container
    found = ContainerFiles(container, build, config_maps).find(path)
    if found is None or found.source is None or not found.exact or (start is None and not _is_for_shells(found.text)):
        return container
    return replace(container, pre_stop=replace(hook, script=Span(found.source, found.start, found.end)))


def interpreter_of(script: str) -> tuple[str, ...]:
    """The words of its first line that say what runs it; empty: it does not say it."""
    first, _, _ = script.partition("\n")
    return tuple(first[2:].split()) if first.startswith("#!") else ()


def _is_for_shells(script: str) -> bool:
    return any(word.rpartition("/")[2] in SHELLS for word in interpreter_of(script)[:2])
