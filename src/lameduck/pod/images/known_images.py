"""What well-known images start, with which stop signal, and which shell is their sh.

Each row was read in the image's own Dockerfiles and entrypoint scripts (repository and month in `source`). Which
programs they have and lack is in `image_contents`.
"""

from collections.abc import Mapping

from lameduck.pod.entry import Shell
from lameduck.pod.images.builds import ImageBuild, ImageWord
from lameduck.pod.images.contents import known_image
from lameduck.pod.images.names import ImageName, image_name
from lameduck.pod.records import dataclass
from lameduck.pod.shells.words import Value

__all__ = ["Known", "known", "known_build", "sh_of"]


@dataclass(frozen=True, slots=True)
class Known:
    """An image whose start is known.

    `entrypoint` names a script that ends with exec of its arguments, so that they become PID 1.
    """

    source: str
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    stop_signal: str | None = None
    """STOPSIGNAL as of the versions in `since`; None: there is none, SIGTERM."""
    software: str | None = None
    since: tuple[int, int] | None = None
    """The first version that has this stop signal; what older ones have is not known here."""
    service: tuple[str, ...] | None = None
    """What `cmd` becomes, where it is a script of the image that execs it."""


_HANDING = ("entrypoint.sh", "entrypoint")
_ENTRYPOINT = ("docker-entrypoint.sh",)
_NGINX = ("nginx", "-g", "daemon off;")

_OFFICIAL: Mapping[str, Known] = {
    "caddy": Known(
        "caddyserver/caddy-docker 2026-03",
        cmd=("caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"),
        software="caddy",
    ),
    "eclipse-temurin": Known("adoptium/containers 2026-08", ("/__cacert_entrypoint.sh",)),
    "haproxy": Known(
        "docker-library/haproxy 2026-07",
        _ENTRYPOINT,
        ("haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"),
        "SIGUSR1",
        "haproxy",
        since=(2, 4),
    ),
    "httpd": Known(
        "docker-library/httpd 2026-06",
        (),
        ("httpd-foreground",),
        "SIGWINCH",
        "httpd",
        service=("httpd", "-DFOREGROUND"),
    ),
    "mariadb": Known("MariaDB/mariadb-docker 2026-05", _ENTRYPOINT, ("mariadbd",), software="mariadb"),
    "memcached": Known("docker-library/memcached 2026-07", _ENTRYPOINT, ("memcached",), software="memcached"),
    "mongo": Known("docker-library/mongo 2026-06", _ENTRYPOINT, ("mongod",), software="mongodb"),
    "mysql": Known("docker-library/mysql 2026-06", _ENTRYPOINT, ("mysqld",), software="mysql"),
    "nginx": Known(
        "nginx/docker-nginx 2026-04; B11", ("/docker-entrypoint.sh",), _NGINX, "SIGQUIT", "nginx", since=(1, 21)
    ),
    "node": Known("nodejs/docker-node 2026-08", _ENTRYPOINT, ("node",), software="node"),
    "postgres": Known("docker-library/postgres 2026-02", _ENTRYPOINT, ("postgres",), "SIGINT", "postgres"),
    "python": Known("docker-library/python 2026-06", (), ("python3",)),
    "rabbitmq": Known("docker-library/rabbitmq 2026-06", _ENTRYPOINT, ("rabbitmq-server",), software="rabbitmq"),
    "redis": Known("docker-library/redis 2024-06", _ENTRYPOINT, ("redis-server",), software="redis"),
    "tomcat": Known(
        "docker-library/tomcat 2026-08", (), ("catalina.sh", "run"), software="tomcat", service=("java", "Bootstrap")
    ),
}
_PHP = ("docker-php-entrypoint",)
_PHP_FPM = Known("docker-library/php 2026-07; B11", _PHP, ("php-fpm",), "SIGQUIT", "php-fpm")
_PHP_APACHE = Known(
    "docker-library/php 2026-07; B11",
    _PHP,
    ("apache2-foreground",),
    "SIGWINCH",
    "httpd",
    service=("apache2", "-DFOREGROUND"),
)
_PHP_CLI = Known("docker-library/php 2026-07", _PHP, ("php", "-a"))
_UNPRIVILEGED = Known(
    "nginx/docker-nginx-unprivileged 2026-07", ("/docker-entrypoint.sh",), _NGINX, "SIGQUIT", "nginx", since=(1, 21)
)
# They start nothing that a pod would run, and set no entrypoint and no stop signal.
_BASES = frozenset(
    {
        "ruby",
        "openjdk",
        "perl",
        "rust",
        "buildpack-deps",
        "amazoncorretto",
        "elixir",
        "erlang",
        "alpine",
        "busybox",
        "debian",
        "ubuntu",
        "fedora",
        "rockylinux",
        "almalinux",
        "amazonlinux",
        "golang",
    }
)
_BASE = Known("documentation")

_DEBIAN_BASED = frozenset(
    {
        *(
            "debian",
            "ubuntu",
            "python",
            "node",
            "nginx",
            "httpd",
            "php",
            "postgres",
            "redis",
            "ruby",
            "golang",
            "haproxy",
        ),
        *(
            "memcached",
            "tomcat",
            "openjdk",
            "perl",
            "rust",
            "mariadb",
            "mongo",
            "rabbitmq",
            "wordpress",
            "buildpack-deps",
        ),
        *("eclipse-temurin", "maven", "gradle", "elixir", "erlang", "pypy", "julia"),
    }
)
_BASH_BASED = frozenset({"fedora", "rockylinux", "almalinux", "amazonlinux", "oraclelinux", "centos"})
# tags of images that stand on Debian by default and on something else by name
_OTHER_SYSTEM = ("ubi", "oracle", "windows", "nanoserver", "al2023", "corretto", "centos", "opensuse")
_UBI = ("registry.access.redhat.com", "registry.redhat.io", "quay.io/centos")


def known(reference: str) -> Known | None:
    """What is known of the start of the image of that name; None: nothing."""
    name = image_name(reference)
    tag = name.tag or ""
    if name.tag is None and name.digest is not None:
        return None
    if name.registry == "docker.io" and name.repository == "nginxinc/nginx-unprivileged":
        return _UNPRIVILEGED
    if name.registry == "mcr.microsoft.com" and name.repository.startswith("dotnet/"):
        return _BASE
    if name.registry == "gcr.io" and name.repository.startswith("distroless/"):
        return _distroless(name.last)
    if name.official == "php":
        return _PHP_FPM if "fpm" in tag else _PHP_APACHE if "apache" in tag else _PHP_CLI
    if name.official in _BASES:
        return _BASE
    return _OFFICIAL.get(name.official or "")


def _distroless(last: str) -> Known | None:
    """Their entrypoints are the interpreters; the images without one have none."""
    if last.startswith(("static", "base", "cc")):
        return _BASE
    interpreters = {
        "nodejs": ("/nodejs/bin/node",),
        "java": ("/usr/bin/java", "-jar"),
        "python3": ("/usr/bin/python3",),
    }
    found = next((words for start, words in interpreters.items() if last.startswith(start)), None)
    if found is None or last.startswith("java-base"):
        return _BASE if found is not None else None
    return Known("GoogleContainerTools/distroless", found)


def known_build(reference: str) -> ImageBuild:
    """What is known of an image by its name alone; not `complete` where nothing is."""
    row, image = known(reference), known_image(reference)
    signal, signal_known = None, False
    if row is not None:
        signal_known = row.since is None or _version(reference) is None or (_version(reference) or (0,)) >= row.since
        signal = row.stop_signal if signal_known else None
    elif image is not None:
        signal, signal_known = image.stop_signal, image.stop_signal_known
    return ImageBuild(
        reference,
        entrypoint=tuple(ImageWord(Value(word)) for word in row.entrypoint) if row is not None else (),
        cmd=tuple(ImageWord(Value(word)) for word in row.cmd) if row is not None else (),
        complete=row is not None,
        stop_signal=signal,
        stop_signal_known=signal_known,
        sh=sh_of(reference),
        software=(row.software if row is not None else None) or (image.software if image is not None else None),
        programs=image.programs if image is not None else frozenset(),
        lacks=image.lacks if image is not None else frozenset(),
        handing_over=frozenset(word for word in row.entrypoint if word.endswith(_HANDING)) if row else frozenset(),
        becomes=((row.cmd, row.service),) if row is not None and row.service is not None else (),
    )


def _version(reference: str) -> tuple[int, int] | None:
    """Major and minor version of the tag, where it begins with them."""
    major, _, rest = (image_name(reference).tag or "").partition("-")[0].partition(".")
    minor = rest.partition(".")[0]
    if not (major.isascii() and major.isdecimal() and minor.isascii() and minor.isdecimal()):
        return None
    return int(major[:6]), int(minor[:6])


def sh_of(reference: str) -> Shell:
    """Which shell /bin/sh is in the image of that name (T56); UNKNOWN where that is not certain."""
    name = image_name(reference)
    if name.registry in _UBI or f"{name.registry}/{name.repository}".startswith(_UBI):
        return Shell.BASH
    if name.tag is None and name.digest is not None:
        return Shell.UNKNOWN
    if name.official is None:
        return _sh_of_others(name)
    tag = name.tag or "latest"
    if name.official in ("alpine", "busybox", "caddy") or "alpine" in tag:
        return Shell.BUSYBOX
    if name.official in _BASH_BASED:
        return Shell.BASH
    if name.official in _DEBIAN_BASED and not any(system in tag for system in _OTHER_SYSTEM):
        return Shell.DASH
    return Shell.UNKNOWN


def _sh_of_others(name: ImageName) -> Shell:
    """Publishers whose tags say what their images stand on."""
    tag = name.tag or ""
    if name.registry == "docker.io" and name.repository == "vllm/vllm-openai":
        return Shell.DASH  # on nvidia/cuda's Ubuntu, in all versions (vllm-project/vllm docker/Dockerfile)
    unprivileged = name.registry == "docker.io" and name.repository == "nginxinc/nginx-unprivileged"
    dotnet = name.registry == "mcr.microsoft.com" and name.repository.startswith("dotnet/")
    if not (unprivileged or dotnet):
        return Shell.UNKNOWN
    if "alpine" in tag:
        return Shell.BUSYBOX
    without = ("chiseled", "azurelinux", "mariner", "distroless", "nanoserver", "windows")
    return Shell.UNKNOWN if any(system in tag for system in without) else Shell.DASH
