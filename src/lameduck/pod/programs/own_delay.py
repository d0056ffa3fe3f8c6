"""Applications that serve on for a while after their stop signal, so that no hook has to wait for them."""

import re
from functools import lru_cache

from lameduck.pod.case import Case
from lameduck.pod.companions import image_word
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds, parse_duration
from lameduck.pod.place import InputError
from lameduck.pod.programs.main_command import environment, main_words, software
from lameduck.pod.records import dataclass

__all__ = ["OwnDelay", "own_delay"]


@dataclass(frozen=True, slots=True)
class OwnDelay:
    """What says so, and for how long; None: not known."""

    says: str
    seconds: Seconds | None


# Kubernetes' own API servers, and all built with their library: it goes on serving for this long after the signal.
# Traefik: "requestAcceptGraceTimeout", how long it keeps accepting requests before it begins to shut down.
# `lameduck run`: how long it keeps the signal back.
_SETTING = re.compile(
    r"--shutdown-delay-duration|--lame-duck|(?i:--entrypoints\.[^.=]+\.transport\.lifecycle\.requestacceptgracetimeout)"
)
# A name that speaks of a delay at the stop is believed, though not how long it is: silence is the safe side.
_SPEAKS_OF_IT = re.compile(
    r"(shutdown|terminat\w*|stop|drain\w*|sigterm|exit)[-_.]?(initial[-_.]?)?(delay|wait|sleep|pause|linger)"
    r"|(delay|wait|sleep)[-_.]?(before|on|for)?[-_.]?(shutdown|terminat|stop|exit|drain|sigterm)"
    r"|lame[-_.]?duck(?!\.)"  # not a module of ours
    r"|shutdown[-_.]?grace[-_.]?period",  # ingress-nginx: it serves on for so long before nginx quits
    re.IGNORECASE,
)

_LIBRARY = frozenset({"--instrument", "lameduck.drain"})
"""`lameduck run --instrument` and `python -m lameduck.drain`: the service has a lame duck of its own (2 s to 15 s)."""

# Istio's agent drains Envoy's listeners for terminationDrainDuration, 5 s by default, before it ends them. A gateway's
# image may be `auto`, for the injector to fill in; then the container's name says what it is.
_ISTIO = re.compile(r"(.*/)?(proxyv2|istio-proxy)([:@].*)?")


def own_delay(case: Case, container: Container) -> OwnDelay | None:
    """The delay that its own command line, environment or mounted configuration speaks of; None: nothing does."""
    words = (
        *(container.command or ()),
        *(container.args or ()),
        *_before(case, container),
        *main_words(case, container),
    )
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if _SETTING.fullmatch(name):
            seconds = _seconds(value if equals else words[number + 1] if number + 1 < len(words) else "")
            if seconds is None or seconds > 0:
                return OwnDelay(name, seconds)
        elif word in _LIBRARY:
            return OwnDelay("lameduck's library", None)
        elif word.rpartition("/")[2] == "lameduck" and words[number + 1 : number + 2] == ("run",):
            pass  # by itself it delays nothing: --lame-duck does
        elif _speaks_of_it(name):
            return OwnDelay(name if len(name) <= 40 else f"{name[:37]}...", None)
    for name in environment(case, container):
        if _speaks_of_it(name):
            return OwnDelay(name, None)
    if container.name == "istio-proxy" or _ISTIO.fullmatch(container.image or ""):
        return OwnDelay("Istio's agent", None)
    if (words[:1] and words[0].rpartition("/")[2] == "podinfo") or image_word(container) == "podinfo":
        debugs = any(word == "--level=debug" for word in words)
        return None if debugs else OwnDelay("podinfo", Seconds(3.0))  # its pkg/signals/shutdown.go
    return _in_files(case, container)


def _before(case: Case, container: Container) -> tuple[str, ...]:
    """The words of a `lameduck run` that the image, or a script, puts in front of the service."""
    entry = case.entries.get(container.name)
    links = () if entry is None else entry.links
    return tuple(word for link in links if link.program == "lameduck" for word in link.words)


@lru_cache(maxsize=4096)  # a tree has the same few options and variables everywhere
def _speaks_of_it(name: str) -> bool:
    return _SPEAKS_OF_IT.search(name) is not None


def _in_files(case: Case, container: Container) -> OwnDelay | None:
    """CoreDNS' `lameduck 5s`, Traefik's static configuration, and whatever else speaks of it."""
    known = software(case, container)
    for mount in container.config_mounts:
        config_map = case.config_maps.get(mount.config_map)
        for key, text in config_map.data if config_map is not None else ():
            if _SPEAKS_OF_IT.search(text) or (known == "traefik" and "requestacceptgracetimeout" in text.lower()):
                return OwnDelay(key, None)
    return None


def _seconds(text: str) -> Seconds | None:
    try:
        return Seconds(float(text)) if text.isdecimal() else parse_duration(text, option="")
    except InputError:
        return None
