"""`lameduck.toml`, or `[tool.lameduck]` in pyproject.toml: what a repository wants of `check`, once for all."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from lameduck.findings.finding import Severity
from lameduck.pod.place import InputError, Place
from lameduck.pod.records import dataclass

__all__ = ["Configuration", "chosen", "find_configuration", "parse_kubernetes", "read_configuration"]

_FILES = ("lameduck.toml", ".lameduck.toml", "pyproject.toml")
_CODES = re.compile(r"LD[0-9]{0,3}")
_VERSION = re.compile(r"v?1\.([0-9]{1,3})(?:\.[0-9]+)?(?:[-+].*)?")
_OLDEST, _NEWEST = 1, 99


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of a file; None or empty where it says nothing. Paths count from the file's own folder."""

    file: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    kubernetes: tuple[int, int] | None = None
    exclude: tuple[str, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    baseline: str | None = None
    fail_on: str | None = None


def find_configuration(start: Path) -> Configuration:
    """That of the nearest folder, from `start` upwards to the root of its repository. Raises InputError."""
    for folder in (start, *start.parents):
        for name in _FILES:
            file = folder / name
            if file.is_file() and (found := read_configuration(file, must=name != "pyproject.toml")) is not None:
                return found
        if (folder / ".git").exists():
            break
    return Configuration()


def read_configuration(file: Path, *, must: bool = True) -> Configuration | None:
    """The settings in that file. None: a pyproject.toml that says nothing about lameduck, where it need not.

    Raises InputError, with the line, for what is not TOML, for unknown keys and for values of another type.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"It cannot be read: {error}.", at=str(file), do="Check --config.") from None
    if not must and "lameduck" not in text:
        return None
    import tomllib  # most checks find no settings

    try:
        table: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"This is not TOML: {error}.", at=str(file), do="Mend it, or leave it out.") from None
    if file.name == "pyproject.toml":
        tool = table.get("tool", {})
        if not isinstance(tool, dict) or "lameduck" not in tool:
            return Configuration(str(file)) if must else None
        table = tool["lameduck"]
    if not isinstance(table, dict):
        raise InputError("lameduck is no table here.", at=str(file), do="Write [tool.lameduck] and its keys below.")
    return _Reading(file, text).configuration(table)


def parse_kubernetes(text: str, *, at: Place | str) -> tuple[int, int]:
    """`1.29`, `v1.29.3` or `1.29.3-gke.100` as (1, 29). Raises InputError."""
    found = _VERSION.fullmatch(text.strip())
    if found is None or not _OLDEST <= int(found[1]) <= _NEWEST:
        raise InputError(f"{text!r} is no version of Kubernetes.", at=at, do="Write one such as 1.29.")
    return 1, int(found[1])


class _Reading:
    """Reads the keys of one file, and knows their lines for complaints."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._lines = text.splitlines()

    def configuration(self, table: Mapping[str, Any]) -> Configuration:
        for key in table:
            if key not in _KEYS:
                known = ", ".join(_KEYS)
                raise InputError(f"lameduck knows no setting {key!r}.", at=self._place(key), do=f"There are: {known}.")
        read: dict[str, Any] = {_KEYS[key][0]: _KEYS[key][1](self, key, value) for key, value in table.items()}
        return Configuration(str(self._file), **read)

    def codes(self, key: str, value: Any) -> tuple[str, ...]:
        return tuple(self._code(key, code) for code in self.texts(key, value))

    def severities(self, key: str, value: Any) -> dict[str, Severity]:
        by_code: dict[str, Severity] = {}
        for code, severity in self._table(key, value).items():
            try:
                by_code[self._code(code, code)] = Severity(severity)
            except ValueError:
                raise self._wrong(code, severity, "error, warning or info") from None
        return by_code

    def version(self, key: str, value: Any) -> tuple[int, int]:
        if not isinstance(value, str):
            raise self._wrong(key, value, 'a version between quotes, such as "1.29"')
        return parse_kubernetes(value, at=self._place(key))

    def texts(self, key: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._wrong(key, value, "a list of texts")
        return tuple(value)

    def folders(self, key: str, value: Any) -> dict[str, str]:
        folders: dict[str, str] = {}
        for name, folder in self._table(key, value).items():
            if not isinstance(folder, str):
                raise self._wrong(name, folder, "a folder")
            folders[name] = str(self._file.parent / folder)
        return folders

    def path(self, key: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self._wrong(key, value, "a file")
        return str(self._file.parent / value)

    def fail_on(self, key: str, value: Any) -> str:
        if value not in ("error", "warning", "info", "never"):
            raise self._wrong(key, value, "error, warning, info or never")
        return str(value)

    def _table(self, key: str, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(key, value, "a table")
        return value

    def _code(self, key: str, code: str) -> str:
        if _CODES.fullmatch(code.upper()) is None:
            raise self._wrong(key, code, "codes such as LD201, or their beginnings such as LD2")
        return code.upper()

    def _wrong(self, key: str, value: Any, wants: str) -> InputError:
        return InputError(f"{key} is {value!r}.", at=self._place(key), do=f"Write {wants}.")

    def _place(self, key: str) -> Place:
        """The line that the key stands in, as well as that can be told from outside the parser."""
        pattern = re.compile(rf"""\s*(?:\[.*\b)?["']?{re.escape(key)}["']?\s*[\]=.]""")
        number = next((number for number, line in enumerate(self._lines, 1) if pattern.match(line)), 1)
        return Place(str(self._file), number, 1)


_KEYS: Mapping[str, tuple[str, Callable[[_Reading, str, Any], Any]]] = {
    "select": ("select", _Reading.codes),
    "ignore": ("ignore", _Reading.codes),
    "severity": ("severity", _Reading.severities),
    "kubernetes": ("kubernetes", _Reading.version),
    "exclude": ("exclude", _Reading.texts),
    "images": ("images", _Reading.folders),
    "baseline": ("baseline", _Reading.path),
    "fail-on": ("fail_on", _Reading.fail_on),
}


def chosen(codes: Iterable[str], select: Iterable[str] | None, ignore: Iterable[str]) -> tuple[str, ...]:
    """The codes that are selected (all, if nothing is) and not ignored; of two that fit, the longer beginning wins."""
    selected, ignored = None if select is None else tuple(select), tuple(ignore)

    def longest(code: str, beginnings: Iterable[str]) -> int:
        return max((len(each) for each in beginnings if code.startswith(each)), default=0)

    def is_chosen(code: str) -> bool:
        shut_out = longest(code, ignored)
        return not shut_out if selected is None else longest(code, selected) > shut_out

    return tuple(code for code in codes if is_chosen(code))
