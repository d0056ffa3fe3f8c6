"""What the image of a Dockerfile starts, and where that is written."""

from collections.abc import Mapping

import pytest

from lameduck.pod.containers import Container
from lameduck.pod.entry import Entry, Passes, Shell, WhyKept
from lameduck.pod.images.builds import ImageBuild
from lameduck.pod.images.dockerfile_reading import read_dockerfile
from lameduck.pod.images.dockerfiles import read_build
from lameduck.pod.programs.entering import entry_of
from lameduck.pod.source import Source


class Folder:
    """A build context in memory."""

    def __init__(self, files: Mapping[str, str] | None = None) -> None:
        self.files = files or {}

    def read(self, path: str) -> Source | None:
        return Source(path, self.files[path]) if path in self.files else None

    def is_folder(self, path: str) -> bool:
        return any(one.startswith(f"{path}/") for one in self.files)


def build(text: str, files: Mapping[str, str] | None = None, target: str | None = None) -> ImageBuild:
    found = read_build(Source("Dockerfile", text), Folder(files), target=target).build
    assert found is not None
    return found


def entry(text: str, files: Mapping[str, str] | None = None, args: tuple[str, ...] | None = None) -> Entry:
    return entry_of(Container("app", ("spec",), image="app", args=args), build(text, files))


def why(found: Entry) -> WhyKept | None:
    return found.obstacle.why if found.obstacle is not None else None


def words(found: Entry) -> tuple[str, ...] | None:
    return found.service.words if found.service is not None else None


def test_the_exec_form_makes_the_service_pid_1() -> None:
    found = entry('FROM python:3.12-slim\nCMD ["gunicorn", "app:app"]\n')
    assert found.certain
    assert found.service_is_pid1
    assert words(found) == ("gunicorn", "app:app")


def test_the_shell_form_keeps_the_signal_where_sh_is_dash() -> None:
    text = "FROM python:3.12-slim\nCMD gunicorn app:app\n"
    found = entry(text)
    assert why(found) is WhyKept.NOT_EXEC
    assert found.service is not None
    assert found.service.span is not None
    assert found.service.span.text == "gunicorn app:app"
    assert str(found.service.span.place) == "Dockerfile:2:5"


def test_the_shell_form_of_one_command_is_harmless_where_sh_is_busybox_or_bash() -> None:
    assert entry("FROM python:3.12-alpine\nCMD gunicorn app:app\n").obstacle is None
    assert entry("FROM fedora:41\nCMD gunicorn app:app\n").obstacle is None
    assert why(entry("FROM alpine:3.20\nCMD gunicorn app:app; echo over\n")) is WhyKept.NOT_EXEC


def test_exec_in_the_shell_form_is_harmless() -> None:
    found = entry("FROM debian:12\nENV PORT=80\nCMD exec server --port $PORT\n")
    assert found.certain
    assert words(found) == ("server", "--port", "80")


def test_the_shell_instruction_says_which_shell_runs_the_shell_form() -> None:
    found = entry('FROM debian:12\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nCMD migrate && server\n')
    assert found.certain
    assert [link.shell for link in found.links] == [Shell.BASH, None]
    assert found.obstacle is None


def test_a_script_that_is_copied_is_read() -> None:
    files = {"docker/start.sh": "#!/bin/sh\nset -e\npython manage.py migrate\ngunicorn app:app\n"}
    text = 'FROM python:3.12-slim\nWORKDIR /app\nCOPY docker/start.sh ./\nCMD ["./start.sh"]\n'
    found = entry(text, files)
    assert why(found) is WhyKept.NOT_EXEC
    assert found.service is not None
    assert found.service.span is not None
    assert str(found.service.span.place) == "docker/start.sh:4:1"


@pytest.mark.parametrize(
    "copy",
    [
        "COPY entrypoint.sh /entrypoint.sh",
        "COPY ./entrypoint.sh /",
        "COPY --chmod=755 --chown=app:app entrypoint.sh /entrypoint.sh",
        'COPY ["entrypoint.sh", "/entrypoint.sh"]',
        "COPY . /",
        "COPY *.sh /",
        "ADD entrypoint.sh run.py /",
        "ARG WHERE=/\nCOPY entrypoint.sh ${WHERE}",
        "WORKDIR /\nCOPY entrypoint.sh .",
    ],
)
def test_every_way_of_copying_a_script_is_followed(copy: str) -> None:
    files = {"entrypoint.sh": '#!/bin/bash\nexec "$@"\n', "run.py": ""}
    found = entry(f'FROM debian:12\n{copy}\nENTRYPOINT ["/entrypoint.sh"]\nCMD ["server", "-v"]\n', files)
    assert found.certain, found.doubt
    assert words(found) == ("server", "-v")


def test_a_script_that_nobody_copied_is_in_doubt() -> None:
    found = entry('FROM debian:12\nENTRYPOINT ["/entrypoint.sh"]\nCMD ["server"]\n')
    assert not found.certain


def test_the_arguments_of_the_manifest_replace_cmd() -> None:
    files = {"entrypoint.sh": '#!/bin/sh\nexec "$@"\n'}
    text = 'FROM debian:12\nCOPY entrypoint.sh /\nENTRYPOINT ["/entrypoint.sh"]\nCMD ["server"]\n'
    assert words(entry(text, files, args=("worker", "-v"))) == ("worker", "-v")


def test_a_here_document_is_a_script_with_places() -> None:
    text = (
        "# syntax=docker/dockerfile:1\n"
        "FROM debian:12\n"
        "COPY --chmod=755 <<EOF /start.sh\n"
        "#!/bin/sh\n"
        "server | tee /log\n"
        "EOF\n"
        'CMD ["/start.sh"]\n'
    )
    found = entry(text)
    assert why(found) is WhyKept.PIPELINE
    assert found.service is not None
    assert found.service.span is not None
    assert str(found.service.span.place) == "Dockerfile:5:1"


def test_later_stages_inherit_and_the_last_is_built() -> None:
    text = (
        "ARG VERSION=3.12\n"
        "FROM python:${VERSION}-slim AS base\n"
        "STOPSIGNAL SIGINT\n"
        'ENTRYPOINT ["tini", "--"]\n'
        "FROM golang:1.22 AS tools\n"
        "FROM base AS test\n"
        'CMD ["pytest"]\n'
        "FROM base\n"
        'CMD ["gunicorn", "app:app"]\n'
    )
    last = build(text)
    assert (last.stop_signal, last.stop_signal_known, last.sh) == ("SIGINT", True, Shell.DASH)
    assert [word.value.text for word in (*last.entrypoint, *last.cmd)] == ["tini", "--", "gunicorn", "app:app"]
    assert [word.value.text for word in build(text, target="test").cmd] == ["pytest"]


def test_a_new_entrypoint_discards_the_cmd_of_the_base_but_not_its_own() -> None:
    inherited = 'FROM nginx:1.27\nENTRYPOINT ["server"]\n'
    assert build(inherited).cmd == ()
    own = 'FROM nginx:1.27\nCMD ["-v"]\nENTRYPOINT ["server"]\n'
    assert [word.value.text for word in build(own).cmd] == ["-v"]


def test_a_known_image_brings_its_entrypoint_command_and_stop_signal() -> None:
    found = build("FROM nginx:1.27-alpine\nCOPY nginx.conf /etc/nginx/nginx.conf\n")
    assert (found.stop_signal, found.software, found.sh) == ("SIGQUIT", "nginx", Shell.BUSYBOX)
    way = entry("FROM nginx:1.27-alpine\n")
    assert way.certain
    assert words(way) == ("nginx", "-g", "daemon off;")


def test_an_unknown_base_may_have_an_entrypoint() -> None:
    assert not entry('FROM registry.example/base:1\nCMD ["server"]\n').certain
    assert entry('FROM registry.example/base:1\nENTRYPOINT ["server"]\n').certain


def test_scratch_has_no_shell_until_something_is_copied_over_it() -> None:
    assert "sh" in build('FROM scratch\nCOPY app /app\nCMD ["/app"]\n').lacks
    assert "sh" not in build('FROM scratch\nCOPY rootfs/ /\nCMD ["/app"]\n').lacks
    assert "sleep" not in build("FROM gcr.io/distroless/static\nCOPY sleep /bin/sleep\n").lacks


def test_a_sh_that_is_replaced_is_not_known() -> None:
    text = "FROM debian:12\nRUN apt-get install -y zsh && ln -sf /bin/zsh /bin/sh\nCMD server\n"
    assert build(text).sh is Shell.UNKNOWN
    assert not entry(text).certain


def test_continued_lines_comments_and_carriage_returns_keep_places() -> None:
    text = "FROM debian:12\r\nCMD migrate && \\\r\n# the service\r\n\r\n    server --port 80\r\n"
    found = entry(text)
    assert why(found) is WhyKept.NOT_EXEC
    assert words(found) == ("server", "--port", "80")
    assert found.service is not None
    assert found.service.span is not None
    assert found.service.span.text == "server --port 80"


def test_the_escape_directive_is_obeyed() -> None:
    text = "# escape=`\nFROM debian:12\nCMD migrate && `\n  exec server\n"
    assert words(entry(text)) == ("server",)


def test_a_json_array_that_is_none_is_the_shell_form() -> None:
    found = build("FROM debian:12\nCMD ['server', '-v']\n")
    assert [word.value.text for word in found.cmd][:2] == ["/bin/sh", "-c"]


def test_what_is_no_instruction_is_a_problem_with_its_place() -> None:
    read = read_dockerfile(Source("Dockerfile", 'FROM debian:12\n\n  EXEC server\nCMD ["server"]\n'))
    assert [str(problem.place) for problem in read.problems] == ["Dockerfile:3:1"]
    assert [one.name for one in read.instructions] == ["FROM", "CMD"]


def test_a_stop_signal_may_be_a_number_or_a_variable() -> None:
    assert build("FROM debian:12\nSTOPSIGNAL 3\n").stop_signal == "SIGQUIT"
    assert build("FROM debian:12\nARG S=SIGUSR1\nSTOPSIGNAL $S\n").stop_signal == "SIGUSR1"
    unknown = build("FROM debian:12\nARG S\nSTOPSIGNAL $S\n")
    assert (unknown.stop_signal, unknown.stop_signal_known) == (None, False)


def test_the_stop_signal_of_the_image_is_the_one_a_trap_must_hear() -> None:
    files = {"run.sh": "#!/bin/sh\ntrap 'kill $p; wait $p' TERM\nserver & p=$!\nwait $p\n"}
    text = 'FROM debian:12\nSTOPSIGNAL SIGQUIT\nCOPY run.sh /\nCMD ["/run.sh"]\n'
    assert why(entry(text, files)) is WhyKept.TRAP_OTHER_SIGNAL
    assert entry(text.replace("STOPSIGNAL SIGQUIT\n", ""), files).obstacle is None


def test_an_entrypoint_that_starts_itself_as_another_user_is_followed_once() -> None:
    script = (
        "#!/bin/sh\nset -e\n"
        'if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then\n  exec gosu redis "$0" "$@"\nfi\n'
        'exec "$@"\n'
    )
    text = 'FROM debian:12\nCOPY e.sh /usr/local/bin/\nENTRYPOINT ["e.sh"]\nCMD ["redis-server"]\n'
    found = entry(text, {"e.sh": script})
    assert found.certain, found.doubt
    assert words(found) == ("redis-server",)


def test_a_script_whose_first_line_names_an_init_is_run_by_it() -> None:
    text = 'FROM debian:12\nCOPY e.sh /\nENTRYPOINT ["/e.sh"]\n'
    found = entry(text, {"e.sh": "#!/usr/bin/dumb-init /bin/sh\nserver\ntrue\n"})
    assert [(link.program, link.passes) for link in found.links][:2] == [
        ("dumb-init", Passes.FORWARDS),
        ("sh", Passes.CUTS),
    ]


def test_a_script_of_another_language_is_the_service() -> None:
    found = entry('FROM python:3.12\nCOPY run.py /\nCMD ["/run.py"]\n', {"run.py": "#!/usr/bin/env python3\nserve()\n"})
    assert found.certain
    assert words(found) == ("python3", "/run.py")


def test_sourced_files_of_the_image_are_followed() -> None:
    files = {"lib.sh": "start() { exec server; }\n", "run.sh": "#!/bin/sh\n. /app/lib.sh\nstart\n"}
    found = entry('FROM debian:12\nCOPY . /app\nCMD ["/app/run.sh"]\n', files)
    assert found.certain, found.doubt
    assert words(found) == ("server",)
