"""Which programs well-known images have and have not. What is not certain is not here.

Read in the images' own Dockerfiles: Docker's official images by their names on the hub, the distroless images, and
Google's proxies for databases, which stand on them.
A tag may change what is inside (alpine, debug), so the tag counts.
"""

import re

from lameduck.pod.case import Image
from lameduck.pod.images.names import image_name

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
_DISTROLESS = re.compile(r"(static|base|cc|java(-base|\d*)|nodejs\d*)(-nossl)?(-debian\d+)?")
"""python3 is not here: it holds a shell that Python's own library wants."""

_PROXIES = {
    "cloudsql-docker/gce-proxy": (1, 16),
    "cloud-sql-connectors/cloud-sql-proxy": (2, 0),
    "alloydb-connectors/alloydb-auth-proxy": (1, 0),
}
"""On distroless since that version (their Dockerfiles and release notes); a tag with another base names it."""
_PLAIN_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})(\.\d+)*", re.ASCII)


def known_image(reference: str) -> Image | None:
    """What is known of the image of that name (`registry/name:tag@digest`); None: nothing."""
    name = image_name(reference)
    if name.tag is None and name.digest is not None:
        return None  # which variant it is nobody can tell
    tag = name.tag or "latest"
    if name.registry == "gcr.io" and name.repository.startswith("distroless/"):
        return _distroless(reference, name.last, tag)
    if name.repository in _PROXIES and name.registry.endswith("gcr.io"):
        version = _PLAIN_VERSION.fullmatch(tag)
        new = version is not None and (int(version[1]), int(version[2])) >= _PROXIES[name.repository]
        return Image(reference, lacks=_COMMON) if new else None
    return _official(reference, name.official, tag) if name.official in _OFFICIAL else None


def _distroless(reference: str, name: str, tag: str) -> Image | None:
    if not _DISTROLESS.fullmatch(name) or "debug" in tag:
        return None  # the debug images have busybox
    return Image(reference, lacks=_COMMON)


def _official(reference: str, name: str | None, tag: str) -> Image:
    on_alpine = "alpine" in tag or name in _ON_ALPINE_ONLY
    programs, lacks = _DEBIAN, frozenset[str]()
    if name == "busybox":
        programs, lacks = _ALPINE, frozenset({"bash", "curl", "python", "python3"})
    elif on_alpine:
        programs = _ALPINE
        lacks = frozenset({"bash"}) if name in _WITHOUT_BASH_ON_ALPINE else lacks
    own = frozenset({name} if name in ("haproxy", "nginx") else ())
    return Image(reference, programs=programs | own, lacks=lacks)
