"""From a container's image to the Dockerfile in the same repository."""

from pathlib import Path

import pytest

from lameduck.pod.containers import Container
from lameduck.pod.entry import Shell, WhyKept
from lameduck.pod.images.linking import Repository, build_of, image_of, read_repository
from lameduck.pod.place import InputError
from lameduck.pod.programs.entering import entry_of

GOOD = 'FROM debian:12\nCMD ["server"]\n'


def write(root: Path, files: dict[str, str]) -> Path:
    (root / ".git").mkdir(exist_ok=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def built(image: str, repository: Repository) -> str | None:
    """The first word of what the image starts."""
    build = build_of(Container("app", (), image=image), repository)
    words = (*build.entrypoint, *build.cmd) if build is not None else ()
    return words[0].value.text if words else None


def dockerfile(service: str) -> str:
    return f'FROM debian:12\nCMD ["{service}"]\n'


def test_an_image_is_linked_by_the_name_of_the_folder(tmp_path: Path) -> None:
    write(tmp_path, {"services/api/Dockerfile": dockerfile("api"), "services/web/Dockerfile": dockerfile("web")})
    repository = read_repository([tmp_path / "services"])
    assert built("ghcr.io/team/api:v3", repository) == "api"
    assert built("ghcr.io/team/other:v3", repository) is None


def test_a_name_that_two_folders_bear_links_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"a/api/Dockerfile": dockerfile("one"), "b/api/Dockerfile": dockerfile("two")})
    assert built("team/api", read_repository([tmp_path])) is None


def test_a_folder_with_two_dockerfiles_is_no_name(tmp_path: Path) -> None:
    write(tmp_path, {"api/Dockerfile": dockerfile("api"), "api/Dockerfile.worker": dockerfile("worker")})
    repository = read_repository([tmp_path])
    assert built("team/api", repository) is None
    assert built("team/worker", repository) == "worker"


def test_an_official_image_is_not_the_folder_of_that_name(tmp_path: Path) -> None:
    write(tmp_path, {"nginx/Dockerfile": dockerfile("mine")})
    assert built("nginx:1.27", read_repository([tmp_path])) == "/docker-entrypoint.sh"


def test_a_compose_file_names_what_it_builds(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "docker-compose.yml": (
                "services:\n"
                "  a: {image: '${REGISTRY:-ghcr.io}/team/app:${TAG}', build: ./src}\n"
                "  b:\n    image: team/worker\n    build: {context: ., dockerfile: src/Dockerfile, target: worker}\n"
                "  c: {image: team/elsewhere, build: ../../outside}\n"
                "  d: {image: redis}\n"
            ),
            "src/Dockerfile": 'FROM debian:12 AS worker\nCMD ["worker"]\nFROM debian:12\nCMD ["app"]\n',
        },
    )
    repository = read_repository([tmp_path])
    assert built("team/app:1", repository) == "app"
    assert built("registry.example/team/app:1", repository) == "app"
    assert built("team/worker:1", repository) == "worker"
    assert built("team/elsewhere", repository) is None


def test_skaffold_names_what_it_builds(tmp_path: Path) -> None:
    skaffold = (
        "apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  artifacts:\n"
        "  - image: shop\n    context: code\n    docker: {dockerfile: build/Dockerfile}\n"
        "  - image: tool\n    ko: {}\n"
    )
    write(tmp_path, {"skaffold.yaml": skaffold, "code/build/Dockerfile": dockerfile("shop")})
    repository = read_repository([tmp_path])
    assert built("europe-docker.pkg.dev/project/shop:abc", repository) == "shop"
    assert built("tool", repository) is None


def test_the_users_word_counts_more_than_anything(tmp_path: Path) -> None:
    write(tmp_path, {"api/Dockerfile": dockerfile("api"), "other/Dockerfile": dockerfile("other")})
    repository = read_repository([tmp_path], images={"team/api": tmp_path / "other"})
    assert built("team/api:v1", repository) == "other"


def test_a_folder_of_the_users_word_without_dockerfile_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Dockerfile for the image team/api") as raised:
        read_repository([tmp_path], images={"team/api": tmp_path})
    assert "--image" in str(raised.value)


def test_scripts_are_found_from_the_dockerfiles_folder_and_from_the_root(tmp_path: Path) -> None:
    script = "#!/bin/sh\nserver | tee log\n"
    text = 'FROM debian:12\nCOPY {} /start.sh\nCMD ["/start.sh"]\n'
    write(
        tmp_path,
        {
            "one/Dockerfile": text.format("start.sh"),
            "one/start.sh": script,
            "two/Dockerfile": text.format("two/start.sh"),
            "two/start.sh": script,
        },
    )
    repository = read_repository([tmp_path / "one"])
    for name in ("one", "two"):
        container = Container("app", (), image=f"team/{name}")
        found = entry_of(container, build_of(container, repository))
        assert found.obstacle is not None
        assert found.obstacle.why is WhyKept.PIPELINE
        assert found.service is not None
        assert found.service.span is not None
        assert found.service.span.place.line == 2


def test_two_candidates_for_a_script_that_differ_are_none(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "api/Dockerfile": 'FROM debian:12\nCOPY start.sh /\nCMD ["/start.sh"]\n',
            "api/start.sh": "#!/bin/sh\nexec one\n",
            "start.sh": "#!/bin/sh\ntwo\n",
        },
    )
    container = Container("app", (), image="team/api")
    assert not entry_of(container, build_of(container, read_repository([tmp_path]))).certain


def test_nothing_outside_of_the_repository_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.sh").write_text("#!/bin/sh\nexec leaked\n", encoding="utf-8")
    root = tmp_path / "repository"
    root.mkdir()
    text = 'FROM debian:12\nCOPY {} /start.sh\nCMD ["/start.sh"]\n'
    write(root, {"a/Dockerfile": text.format("../../secret.sh"), "b/Dockerfile": text.format("link.sh")})
    (root / "b" / "link.sh").symlink_to(tmp_path / "secret.sh")
    repository = read_repository([root])
    for name in ("a", "b"):
        container = Container("app", (), image=f"team/{name}")
        assert not entry_of(container, build_of(container, repository)).certain


def test_binary_and_broken_files_say_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"docker-compose.yml": "services: [unclosed", "skaffold.yaml": "build: {artifacts: text}"})
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "Dockerfile").write_bytes(b"\x7fELF\0\0\0")
    assert built("team/api", read_repository([tmp_path])) is None


def test_an_image_of_a_dockerfile_tells_what_findings_ask(tmp_path: Path) -> None:
    write(tmp_path, {"web/Dockerfile": "FROM nginx:1.27-alpine\nSTOPSIGNAL SIGTERM\nWORKDIR /srv\n"})
    image = image_of(Container("app", (), image="team/web:1"), read_repository([tmp_path]))
    assert image is not None
    assert (image.stop_signal, image.software, image.working_dir) == ("SIGTERM", "nginx", "/srv")
    assert image_of(Container("app", (), image="team/none:1"), None) is None
    assert image_of(Container("app", ()), None) is None


def test_an_image_of_which_only_the_shell_is_known_says_that_much() -> None:
    build = build_of(Container("app", (), image="vllm/vllm-openai:v0.10.0"))
    assert build is not None
    assert (build.sh, build.complete) == (Shell.DASH, False)
    assert build_of(Container("app", (), image="registry.example/app:1")) is None
