"""gunicorn's settings file, where a mounted ConfigMap holds it: a Python file, of which only plain values are read.

"Configuration Overview": the file that -c names, else gunicorn.conf.py where gunicorn is started; the command line and
GUNICORN_CMD_ARGS go before it.
"""

from collections.abc import Iterator

from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.images.builds import normal
from lameduck.pod.records import dataclass

__all__ = ["SettingsFile", "settings_file"]

_DEFAULT = "gunicorn.conf.py"
_SETTING = "graceful_timeout"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The file, and its graceful_timeout in seconds. None: it sets none, or one that only running it tells."""

    name: str
    graceful_timeout_s: int | None
    sets_it: bool


def settings_file(case: Case, container: Container, words: tuple[str, ...]) -> SettingsFile | None:
    """The file that gunicorn reads when it is started with these words; None: no ConfigMap is known to hold it."""
    wanted = _named(words)
    for path, text in _mounted(case, container):
        # Where gunicorn is started is mostly the image's matter; nobody mounts two files of that name.
        if path == wanted or (not wanted.startswith("/") and path.endswith(normal(wanted))):
            return _read(path.rpartition("/")[2], text)
    return None


def _named(words: tuple[str, ...]) -> str:
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in ("-c", "--config"):
            value = value if equals else words[number + 1] if number + 1 < len(words) else ""
            return value.removeprefix("file:")
    return _DEFAULT


def _mounted(case: Case, container: Container) -> Iterator[tuple[str, str]]:
    """Paths and texts of the files that ConfigMaps bring."""
    for mount in container.config_mounts:
        config_map = case.config_maps.get(mount.config_map)
        for key, text in config_map.data if config_map is not None else ():
            if (path := mount.path_of(key)) is not None:
                yield normal(path), text


def _read(name: str, text: str) -> SettingsFile | None:
    import ast  # only few have such a file, and check must start fast

    try:
        body = ast.parse(text).body
        others = [ast.unparse(node) for node in body if not isinstance(node, ast.Assign)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if any(_SETTING in other for other in others):
        return SettingsFile(name, None, sets_it=True)  # in a branch, say
    values = [
        node.value
        for node in body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == _SETTING for target in node.targets)
    ]
    value = values[-1].value if values and isinstance(values[-1], ast.Constant) else None
    return SettingsFile(name, value if type(value) is int else None, sets_it=bool(values))
