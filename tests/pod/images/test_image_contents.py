"""Well-known images: what is certain of them, and where nothing is."""

import pytest

from lameduck.pod.images.contents import known_image


@pytest.mark.parametrize(
    "reference",
    [
        "gcr.io/distroless/static",
        "gcr.io/distroless/base-debian12:nonroot",
        "gcr.io/distroless/java17-debian12:latest",
        "gcr.io/cloudsql-docker/gce-proxy:1.25.0",
        "eu.gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.1",
    ],
)
def test_distroless_images_have_neither_shell_nor_sleep(reference: str) -> None:
    image = known_image(reference)
    assert image is not None
    assert {"bash", "sh", "sleep"} <= image.lacks


@pytest.mark.parametrize(
    "reference",
    [
        "gcr.io/distroless/static:debug",
        "gcr.io/distroless/static:debug-nonroot",
        "gcr.io/distroless/python3-debian12",
        "gcr.io/distroless/base@sha256:0123",
        "registry.example/nginx:1.27",
        "bitnami/nginx:1.27",
        "gcr.io/cloudsql-docker/gce-proxy:1.15",
        "gcr.io/cloudsql-docker/gce-proxy:1.33.2-alpine",
        "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.1-bookworm",
        "gcr.io/cloud-sql-connectors/cloud-sql-proxy",
        "nginx@sha256:0123",
        "",
    ],
)
def test_nothing_is_said_of_others(reference: str) -> None:
    assert known_image(reference) is None


@pytest.mark.parametrize("reference", ["nginx", "docker.io/library/nginx:1.27", "library/nginx:stable-alpine"])
def test_an_official_image_is_known_by_all_its_names(reference: str) -> None:
    image = known_image(reference)
    assert image is not None
    assert {"nginx", "sh", "sleep"} <= image.programs


def test_alpine_variants_have_no_bash_and_debian_ones_have() -> None:
    alpine, debian = known_image("python:3.12-alpine"), known_image("python:3.12-slim")
    assert alpine is not None
    assert debian is not None
    assert "bash" in alpine.lacks
    assert "bash" in debian.programs
    assert not alpine.programs & alpine.lacks
