"""How long applications go on after the stop signal by their own settings: command line, environment, ConfigMaps.

Each setting bounds what its documentation says it bounds: the time for requests in flight until the server gives them
up. Whether it is used up depends on the requests.
"""

import re
from collections.abc import Iterator

from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds, parse_duration
from lameduck.pod.place import FieldPath, InputError
from lameduck.pod.programs.gunicorn_files import settings_file
from lameduck.pod.programs.main_command import environment, main_words, software
from lameduck.pod.programs.program_names import GRACEFUL_SIGNALS
from lameduck.pod.records import dataclass
from lameduck.pod.remembering import once_for_container
from lameduck.pod.whole_numbers import written_number

__all__ = ["StopTime", "stop_time"]


@dataclass(frozen=True, slots=True)
class StopTime:
    """The longest that an application goes on after its stop signal by itself."""

    seconds: Seconds
    says: str
    """The setting as it is written, or whose default it is."""
    at: FieldPath | None = None
    """Where in the workload's document; None: elsewhere, or nowhere."""
    is_default: bool = False
    """Nothing is written here: a file in the image may say something else."""


_OPTIONS = {
    "gunicorn": "--graceful-timeout",  # "Settings", graceful_timeout
    "uvicorn": "--timeout-graceful-shutdown",  # "Settings"
    "hypercorn": "--graceful-timeout",  # "Configuring", graceful_timeout
    "granian": "--workers-kill-timeout",  # "Options"
    "vllm": "--shutdown-timeout",  # "vllm serve"
}
_VARIABLES = {"granian": "GRANIAN_WORKERS_KILL_TIMEOUT", "gunicorn": "GUNICORN_CMD_ARGS"}
_GUNICORN_SETS = ("-c", "--config", "--graceful-timeout")
"""With one of them the default is not what counts, although its value may not be known."""
_GUNICORN_DEFAULT = StopTime(Seconds(30.0), "gunicorn's graceful timeout is 30 s unless it is set", is_default=True)

_SPRING_PROPERTY = "spring.lifecycle.timeout-per-shutdown-phase"
_SPRING_VARIABLES = ("SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE", "SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE")
_SPRING_ARGUMENT = re.compile(rf"(?:--|-D){re.escape(_SPRING_PROPERTY)}=(\S+)")
_SPRING_GRACEFUL = re.compile(r"(?:--|-D)server\.shutdown=graceful\b", re.IGNORECASE)
_SPRING_DEFAULT_S = Seconds(30.0)  # "Graceful Shutdown": the default of timeout-per-shutdown-phase
_JAVA_OPTIONS = ("JAVA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
_ISO_SECONDS = re.compile(r"PT(?:(\d{1,9})M)?(?:(\d{1,9})S)?", re.ASCII | re.IGNORECASE)

# nginx: "Core functionality", worker_shutdown_timeout. HAProxy: "Global section", hard-stop-after. httpd:
# GracefulShutdownTimeout. PHP-FPM: process_control_timeout. Milliseconds are HAProxy's unit where none is written.
_DIRECTIVES = {
    "nginx": (re.compile(r"^\s*worker_shutdown_timeout\s+(\w+)\s*;", re.MULTILINE), 1.0),
    "haproxy": (re.compile(r"^\s*hard-stop-after\s+(\w+)", re.MULTILINE), 1e-3),
    "httpd": (re.compile(r"^\s*GracefulShutdownTimeout\s+(\d+)", re.MULTILINE | re.IGNORECASE), 1.0),
    "php-fpm": (re.compile(r"^\s*process_control_timeout\s*=\s*(\w+)", re.MULTILINE), 1.0),
}


@once_for_container
def stop_time(case: Case, container: Container) -> StopTime | None:
    """The application's own limit for its stop; None: none is known, or it has none, or its stop signal is not it."""
    known = software(case, container)
    if not _drains(case, container, known):
        return None
    found = (
        *_of_options(case, container, known),
        *_of_variables(case, container, known),
        *_of_gunicorn_file(case, container, known),
        *_of_spring(case, container),
        *_of_directives(case, container, known),
    )
    return max(found, key=lambda time: time.seconds, default=_default(case, container, known))


def _drains(case: Case, container: Container, known: str | None) -> bool:
    """Whether the stop signal may make it drain: false where the image's is known to make it stop at once (B11)."""
    image = case.images.get(container.name)
    graceful = "SIGTERM" if known == "gunicorn" else GRACEFUL_SIGNALS.get(known or "")
    if image is None or not image.stop_signal_known or graceful is None:
        return True
    return (image.stop_signal or "SIGTERM") == graceful


def _default(case: Case, container: Container, known: str | None) -> StopTime | None:
    words = main_words(case, container)
    read = settings_file(case, container, words) if known == "gunicorn" else None
    if read is not None and read.sets_it:
        return None
    if known != "gunicorn" or any(word.startswith(_GUNICORN_SETS) for word in words):
        return None
    return None if "GUNICORN_CMD_ARGS" in environment(case, container) else _GUNICORN_DEFAULT


def _of_options(case: Case, container: Container, known: str | None) -> Iterator[StopTime]:
    option = _OPTIONS.get(known or "")
    words = main_words(case, container)
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == option:
            value = value if equals else words[number + 1] if number + 1 < len(words) else ""
            if (seconds := _seconds(value)) is not None:
                yield StopTime(seconds, f"{option} {value}", _place_of(container, word))


def _of_variables(case: Case, container: Container, known: str | None) -> Iterator[StopTime]:
    name = _VARIABLES.get(known or "")
    value = environment(case, container).get(name or "")
    if name is None or value is None:
        return
    if name == "GUNICORN_CMD_ARGS":
        found = re.search(r"--graceful-timeout[= ](\d+)\b", value)
        if found is None:
            return
        value = found[1]
    if (seconds := _seconds(value)) is not None:
        yield StopTime(seconds, f"{name} says {value}", _place_of_variable(container, name))


def _of_gunicorn_file(case: Case, container: Container, known: str | None) -> Iterator[StopTime]:
    words = main_words(case, container)
    if known != "gunicorn" or any(word.startswith("--graceful-timeout") for word in words):
        return
    if "--graceful-timeout" in environment(case, container).get("GUNICORN_CMD_ARGS", ""):
        return
    read = settings_file(case, container, words)
    if read is not None and read.graceful_timeout_s:
        seconds = Seconds(float(read.graceful_timeout_s))
        yield StopTime(seconds, f"graceful_timeout = {read.graceful_timeout_s} in {read.name}")


def _of_spring(case: Case, container: Container) -> Iterator[StopTime]:
    variables = environment(case, container)
    texts = [(name, variables[name]) for name in _JAVA_OPTIONS if name in variables]
    texts += [("", word) for word in (*(container.command or ()), *(container.args or ()))]
    graceful = variables.get("SERVER_SHUTDOWN", "").lower() == "graceful"
    for name in _SPRING_VARIABLES:
        if name in variables and (seconds := _spring_seconds(variables[name])) is not None:
            yield StopTime(seconds, f"{name} is {variables[name]}", _place_of_variable(container, name))
            return
    for name, text in texts:
        graceful = graceful or _SPRING_GRACEFUL.search(text) is not None
        found = _SPRING_ARGUMENT.search(text)
        if found is not None and (seconds := _spring_seconds(found[1])) is not None:
            at = _place_of_variable(container, name) if name else _place_of(container, text, text)
            yield StopTime(seconds, f"{_SPRING_PROPERTY} is {found[1]}", at)
            return
    for key, text in _mounted(case, container):
        if key.startswith("application") and (value := _spring_property(key, text)) is not None:
            seconds = _spring_seconds(value)
            if seconds is not None:
                yield StopTime(seconds, f"{_SPRING_PROPERTY} is {value} in {key}")
                return
    if graceful:
        yield StopTime(_SPRING_DEFAULT_S, "Spring Boot's shutdown is graceful, by default for up to 30 s")


def _of_directives(case: Case, container: Container, known: str | None) -> Iterator[StopTime]:
    if known not in _DIRECTIVES:
        return
    pattern, unit_s = _DIRECTIVES[known]
    for key, text in _mounted(case, container):
        for found in pattern.finditer(text):
            seconds = _seconds(found[1])
            if seconds:
                length = seconds * unit_s if found[1].isdecimal() else seconds
                yield StopTime(Seconds(length), f"{found[0].strip().rstrip(';')} in {key}")


def _mounted(case: Case, container: Container) -> Iterator[tuple[str, str]]:
    """Keys and texts of the ConfigMaps that stand in its file system."""
    for mount in container.config_mounts:
        config_map = case.config_maps.get(mount.config_map)
        shown = {key for key, _ in mount.items} or ({mount.sub_path} if mount.sub_path else set())
        for key, text in config_map.data if config_map is not None else ():
            if not shown or key in shown:
                yield key, text


def _spring_property(key: str, text: str) -> str | None:
    """The value in application.properties, or in application.yaml where it is written with its full path in lines."""
    if key.endswith(".properties"):
        found = re.search(rf"^\s*{re.escape(_SPRING_PROPERTY)}\s*[=:]\s*(\S+)", text, re.MULTILINE)
    else:
        found = re.search(r"""^\s*timeout-per-shutdown-phase\s*:\s*["']?(\w+)""", text, re.MULTILINE)
    return found[1] if found is not None else None


def _spring_seconds(text: str) -> Seconds | None:
    """Spring reads a number without unit as milliseconds."""
    text = text.strip("\"'")
    milliseconds = written_number(text)
    if milliseconds is not None:
        return Seconds(milliseconds / 1000)
    iso = _ISO_SECONDS.fullmatch(text)
    if iso is not None and (iso[1] or iso[2]):
        return Seconds(float(iso[1] or 0) * 60 + float(iso[2] or 0))
    return _seconds(text)


def _seconds(text: str) -> Seconds | None:
    try:
        return parse_duration(text, option="")
    except InputError:
        return None


def _place_of(container: Container, *words: str) -> FieldPath | None:
    """Where one of these words stands in args or command, alone or in a script."""
    for key, values in (("args", container.args), ("command", container.command)):
        for number, value in enumerate(values or ()):
            if any(word and word in value for word in words):
                return (*container.at, key, number)
    return None


def _place_of_variable(container: Container, name: str) -> FieldPath | None:
    number = next((number for number, (own, _) in enumerate(container.env) if own == name), None)
    return None if number is None else (*container.at, "env", number)
