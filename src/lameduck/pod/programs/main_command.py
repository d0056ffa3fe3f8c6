"""What a container runs as its service, as far as the files tell: the words of its command, and whose software."""

from collections.abc import Iterator
from itertools import islice

from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.programs.hook_steps import hook_script
from lameduck.pod.programs.program_names import INITS
from lameduck.pod.remembering import once_for_container
from lameduck.pod.shells.commands import AndOr, Command, Node, Sequence, Text
from lameduck.pod.shells.grammar import read_script

__all__ = ["environment", "main_words", "software"]

_RUNNERS = {
    "bundle": ("exec",),
    "ddtrace-run": (),
    "env": (),
    "exec": (),
    "newrelic-admin": ("run-program",),
    "opentelemetry-instrument": (),
    "pipenv": ("run",),
    "poetry": ("run",),
    "uv": ("run",),
}
"""They run the command behind them; with the words that stand between."""
_MODULES = frozenset({"celery", "flask", "granian", "gunicorn", "hypercorn", "sglang", "uvicorn", "vllm"})
_PROGRAMS = {"apache2": "httpd", "apache2-foreground": "httpd", "httpd-foreground": "httpd", "nginx-debug": "nginx"}
_KNOWN = frozenset(
    {
        *("caddy", "envoy", "haproxy", "httpd", "memcached", "nginx", "php-fpm", "postgres", "puma", "traefik"),
        *("kafka", "mongod", "mysqld", "rabbitmq-server", "redis-server", "unicorn"),
    }
    | _MODULES
)
_IMAGES = {
    "ghcr.io/huggingface/text-generation-inference": "text-generation-inference",
    "traefik": "traefik",
    "vllm/vllm-openai": "vllm",
}
_MAX_LAYERS = 6


def main_words(case: Case, container: Container) -> tuple[str, ...]:
    """The service's own command line; only its arguments where the image's ENTRYPOINT names the program; else empty."""
    entry = case.entries.get(container.name)
    if entry is not None and entry.service is not None:
        return _innermost(entry.service.words) or entry.service.words
    if container.command is None:
        return container.args or ()
    return _innermost((*container.command, *(container.args or ())))


@once_for_container
def software(case: Case, container: Container) -> str | None:
    """The server's or worker's name where it is known: nginx, gunicorn, vllm, ..."""
    words = main_words(case, container)
    named = _named(words)
    if named is not None:
        return named
    if container.command is not None or (words and not words[0].startswith("-")):
        return None  # something that nobody knows, also where the image has a name
    image = case.images.get(container.name)
    if image is not None and image.software is not None:
        return image.software
    return _IMAGES.get((container.image or "").partition("@")[0].rpartition(":")[0] or (container.image or ""))


def environment(case: Case, container: Container) -> dict[str, str]:
    """The variables whose values the files hold: from env, and from the ConfigMaps of envFrom."""
    found: dict[str, str] = {}
    for name in container.env_from:
        if (config_map := case.config_maps.get(name)) is not None:
            found.update(config_map.data)
    found.update({name: value for name, value in container.env if value is not None})
    return found


def _named(words: tuple[str, ...]) -> str | None:
    if not words:
        return None
    program = words[0].rpartition("/")[2]
    if program.startswith("python"):
        return next((module for option, module in _pairs(words) if option == "-m" and module in _MODULES), None)
    if program.startswith("php-fpm"):
        return "php-fpm"
    program = _PROGRAMS.get(program, program)
    return program if program in _KNOWN else None


def _pairs(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return zip(words, islice(words, 1, None), strict=False)


def _innermost(words: tuple[str, ...]) -> tuple[str, ...]:
    """The command behind inits, runners and a shell's -c, as far as it can be told."""
    for _ in range(_MAX_LAYERS):
        if not words:
            return ()
        program = words[0].rpartition("/")[2]
        if (script := hook_script(words)) is not None:
            words = _last_command(read_script(script).body)
        elif program in INITS:
            words = _behind_options(words[1:])
        elif program in _RUNNERS and words[1 : 1 + len(_RUNNERS[program])] == _RUNNERS[program]:
            words = _behind_options(words[1 + len(_RUNNERS[program]) :])
        else:
            return words
    return ()


def _behind_options(words: tuple[str, ...]) -> tuple[str, ...]:
    if "--" in words and all(word.startswith("-") for word in words[: words.index("--")]):
        return words[words.index("--") + 1 :]
    first = next((number for number, word in enumerate(words) if not word.startswith("-") and "=" not in word), None)
    # An option before it may have taken it as its value; only those without one are certain.
    return () if first is None else words[first:]


def _last_command(node: Node) -> tuple[str, ...]:
    match node:
        case Sequence(items=items) if items and not items[-1][1]:
            return _last_command(items[-1][0])
        case AndOr(right=right, both=True):
            return _last_command(right)
        case Command(words=words):
            return tuple(
                "".join(part.text for part in word.parts if isinstance(part, Text))
                if all(isinstance(part, Text) for part in word.parts)
                else word.raw
                for word in words
            )
        case _:
            return ()
