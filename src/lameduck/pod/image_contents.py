"""Which programs well-known images have and have not, and their stop signal. What is not certain is not here.

Read in the images' own Dockerfiles: Docker's official images by their names on the hub, and the distroless images.
A tag may change what is inside (alpine, debug), so the tag counts.
"""

import re

from lameduck.pod.case import Image

__all__ = ["known_image"]

_EVERYWHERE = frozenset(
    {"cat", "chmod", "cp", "date", "echo", "env", "ls", "mkdir", "rm", "sh", "sleep", "test", "touch"}
)
"""In Debian's and Ubuntu's base (dash and coreutils, essential packages), and in Alpine's (busybox)."""
_DEBIAN = _EVERYWHERE | {"bash"}
_ALPINE = _EVERYWHERE | {"ash", "kill", "killall", "pgrep", "pidof", "pkill", "wget"}
_COMMON = _DEBIAN | _ALPINE | {"curl", "dash", "nc", "ps", "python", "python3", "timeout"}

_OFFICIAL = frozenset(
    {
        *("alpine", "busybox", "caddy", "debian", "golang", "haproxy", "httpd", "memcached", "nginx", "node"),
        *("php", "postgres", "python", "redis", "ruby", "tomcat", "ubuntu"),
    }
)
_ON_ALPINE_ONLY = frozenset({"alpine", "caddy"})
_WITHOUT_BASH_ON_ALPINE = frozenset({"alpine", "nginx", "node", "python"})
_SOFTWARE = {
    "caddy": "caddy",
    "haproxy": "haproxy",
    "httpd": "httpd",
    "memcached": "memcached",
    "nginx": "nginx",
    "postgres": "postgres",
    "redis": "redis",
}
_NO_STOPSIGNAL = frozenset({"alpine", "busybox", "debian", "node", "python", "redis", "ubuntu"})
"""Their Dockerfiles have no STOPSIGNAL: SIGTERM."""
_DISTROLESS = re.compile(r"(static|base|cc|java(-base|\d*)|nodejs\d*)(-nossl)?(-debian\d+)?")
"""python3 is not here: it holds a shell that Python's own library wants."""
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


def known_image(reference: str) -> Image | None:
    """What is known of the image of that name (`registry/name:tag@digest`); None: nothing."""
    name, tag = _taken_apart(reference)
    if name.startswith("gcr.io/distroless/"):
        return _distroless(reference, name.removeprefix("gcr.io/distroless/"), tag)
    official = name.removeprefix("docker.io/").removeprefix("library/")
    return _official(reference, official, tag) if official in _OFFICIAL else None


def _taken_apart(reference: str) -> tuple[str, str]:
    """Name and tag; the tag is empty where a digest alone says which image it is, and `latest` where nothing does."""
    name, _, digest = reference.partition("@")
    head, colon, tag = name.rpartition(":")
    if colon and "/" not in tag:
        return head, tag
    return name, "" if digest else "latest"


def _distroless(reference: str, name: str, tag: str) -> Image | None:
    if not _DISTROLESS.fullmatch(name) or "debug" in tag or not tag:
        return None  # the debug images have busybox
    return Image(reference, stop_signal_known=True, lacks=_COMMON)


def _official(reference: str, name: str, tag: str) -> Image | None:
    if not tag:
        return None
    on_alpine = "alpine" in tag or name in _ON_ALPINE_ONLY
    programs, lacks = _DEBIAN, frozenset[str]()
    if name == "busybox":
        programs, lacks = _ALPINE, frozenset({"bash", "curl", "python", "python3"})
    elif on_alpine:
        programs = _ALPINE
        lacks = frozenset({"bash"}) if name in _WITHOUT_BASH_ON_ALPINE else lacks
    signal = _stop_signal(name, tag)
    return Image(
        reference,
        stop_signal=signal,
        stop_signal_known=signal is not None or name in _NO_STOPSIGNAL,
        software="php-fpm" if name == "php" and "fpm" in tag else _SOFTWARE.get(name),
        programs=programs | ({name} if name in ("nginx", "haproxy") else frozenset()),
        lacks=lacks,
    )


def _stop_signal(name: str, tag: str) -> str | None:
    """STOPSIGNAL of the official image (B11), where its versions agree or the tag names one."""
    match name:
        case "nginx":
            version = _VERSION.match(tag)
            # SIGTERM until 1.19
            return "SIGQUIT" if version is None or (int(version[1]), int(version[2])) >= (1, 21) else None
        case "httpd":
            return "SIGWINCH"
        case "php" if "fpm" in tag:
            return "SIGQUIT"
        case "postgres":
            return "SIGINT"
        case "haproxy":
            version = _VERSION.match(tag)
            return "SIGUSR1" if version is None or (int(version[1]), int(version[2])) >= (2, 4) else None
        case _:
            return None
