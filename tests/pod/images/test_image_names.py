"""References taken apart, and what is known of an image by its name."""

import pytest

from lameduck.pod.entry import Shell
from lameduck.pod.images.known_images import known, known_build, sh_of
from lameduck.pod.images.names import ImageName, image_name


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("nginx", ImageName("docker.io", "library/nginx")),
        ("nginx:1.27-alpine", ImageName("docker.io", "library/nginx", "1.27-alpine")),
        ("docker.io/library/nginx:1", ImageName("docker.io", "library/nginx", "1")),
        ("bitnami/redis:7", ImageName("docker.io", "bitnami/redis", "7")),
        ("ghcr.io/team/app@sha256:ab", ImageName("ghcr.io", "team/app", None, "sha256:ab")),
        ("localhost:5000/app:v1", ImageName("localhost:5000", "app", "v1")),
        ("registry.example:443/a/b/c", ImageName("registry.example:443", "a/b/c")),
    ],
)
def test_a_reference_is_taken_apart_as_the_runtime_does(reference: str, name: ImageName) -> None:
    assert image_name(reference) == name


@pytest.mark.parametrize(
    ("reference", "shell"),
    [
        ("debian:12-slim", Shell.DASH),
        ("ubuntu", Shell.DASH),
        ("python:3.12-slim", Shell.DASH),
        ("node:22-alpine", Shell.BUSYBOX),
        ("alpine:3.20", Shell.BUSYBOX),
        ("fedora:41", Shell.BASH),
        ("vllm/vllm-openai:v0.10.0", Shell.DASH),
        ("registry.access.redhat.com/ubi9/python-312", Shell.BASH),
        ("mcr.microsoft.com/dotnet/aspnet:8.0", Shell.DASH),
        ("mcr.microsoft.com/dotnet/aspnet:8.0-alpine", Shell.BUSYBOX),
        ("mcr.microsoft.com/dotnet/aspnet:8.0-noble-chiseled", Shell.UNKNOWN),
        ("mysql:8.4-oracle", Shell.UNKNOWN),
        ("registry.example/debian:12", Shell.UNKNOWN),
        ("debian@sha256:ab", Shell.UNKNOWN),
    ],
)
def test_which_shell_sh_is(reference: str, shell: Shell) -> None:
    assert sh_of(reference) is shell


@pytest.mark.parametrize(
    ("reference", "signal", "certain"),
    [
        ("nginx:1.27", "SIGQUIT", True),
        ("nginx", "SIGQUIT", True),
        ("nginx:1.18", None, False),
        ("httpd:2.4", "SIGWINCH", True),
        ("php:8.3-fpm", "SIGQUIT", True),
        ("php:8.3-apache", "SIGWINCH", True),
        ("php:8.3-cli", None, True),
        ("postgres:16", "SIGINT", True),
        ("haproxy:3.0", "SIGUSR1", True),
        ("redis:7", None, True),
        ("registry.example/nginx:1.27", None, False),
        ("nginx@sha256:ab", None, False),
    ],
)
def test_the_stop_signal_of_well_known_images(reference: str, signal: str | None, certain: bool) -> None:
    found = known_build(reference)
    assert (found.stop_signal, found.stop_signal_known) == (signal, certain)


def test_every_row_says_where_it_was_read() -> None:
    for name in ("nginx", "httpd", "php:8-fpm", "postgres", "haproxy", "redis", "node", "tomcat"):
        row = known(name)
        assert row is not None
        assert row.source
