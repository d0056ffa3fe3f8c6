"""Hostile and mutilated scripts, commands and Dockerfiles: an answer or an InputError, in bounded time."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lameduck.pod.containers import Container
from lameduck.pod.entry import Entry, Passes, Shell
from lameduck.pod.images.builds import ImageBuild
from lameduck.pod.images.dockerfile_reading import read_dockerfile
from lameduck.pod.images.dockerfiles import read_build
from lameduck.pod.images.known_images import known_build
from lameduck.pod.images.names import image_name
from lameduck.pod.programs.entering import entry_of
from lameduck.pod.programs.wrappers import WRAPPERS
from lameduck.pod.shells.grammar import read_script
from lameduck.pod.source import Source

PIECES = [
    *(
        "exec",
        "server",
        '"$@"',
        "$@",
        "${1#-}",
        '"$1"',
        "$!",
        "wait",
        "kill",
        "-TERM",
        "$p",
        "p=$!",
        "trap",
        "TERM",
        "EXIT",
    ),
    *(
        "if",
        "then",
        "else",
        "elif",
        "fi",
        "case",
        "in",
        "esac",
        ";;",
        "*)",
        "while",
        "until",
        "for",
        "do",
        "done",
        "true",
    ),
    *(
        "(",
        ")",
        "{",
        "}",
        ";",
        "&",
        "&&",
        "||",
        "|",
        "!",
        "\n",
        "<<EOF",
        "EOF",
        ">f",
        "2>&1",
        "<(a)",
        "$(a)",
        "`",
        "'",
        '"',
    ),
    *(
        "set",
        "-e",
        "--",
        "shift",
        "f()",
        "f",
        "eval",
        ".",
        "/a.sh",
        "return",
        "exit",
        "1",
        "break",
        "[",
        "]",
        "[[",
        "]]",
    ),
    *(
        "-z",
        "=",
        "sleep",
        "tail",
        "-f",
        "A=1",
        "export",
        "\\",
        "#",
        "\t",
        "é",
        "\0",
        "=~",
        "((",
        "))",
        "function",
        "$'",
    ),
]
scripts = st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join) | st.text(max_size=200)
LINES = [
    *(
        "FROM debian:12",
        "FROM a AS b",
        "FROM b",
        "FROM $X",
        'CMD ["a", "b"]',
        "CMD a | b",
        'CMD ["a"',
        "ENTRYPOINT exec a",
    ),
    *(
        'ENTRYPOINT ["/e.sh"]',
        "COPY . /",
        "COPY e.sh /e.sh",
        "COPY <<EOF /e.sh",
        "EOF",
        "#!/bin/sh",
        "RUN <<A <<-B",
        "\tB",
    ),
    *("ENV A=$A$A", "ARG A=1", "ENV A b c", "SHELL []", 'SHELL ["bash", "-c"]', "STOPSIGNAL $A", "WORKDIR ..", "USER"),
    *(
        "# escape=`",
        "RUN a \\",
        "",
        "  # comment",
        "COPY --from=b /x /",
        "COPY --from=0 x",
        "ADD",
        "COPY",
        "FROM",
        "FOO",
        "\0",
    ),
]
dockerfiles = st.lists(st.sampled_from(LINES) | st.text(max_size=30), max_size=30)


class Same:
    """A context in which every file says the same."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self, path: str) -> Source | None:
        return Source(path, self.text)

    def is_folder(self, path: str) -> bool:
        return False


def holds_together(entry: Entry) -> None:
    if entry.service is not None:
        assert entry.links[-1] == entry.service
    for link in entry.links:
        assert (link.why is not None) <= (link.passes in (Passes.KEEPS, Passes.CUTS))
        if link.span is not None:
            assert 0 <= link.span.start <= link.span.end <= len(link.span.source.text)
            assert link.span.place.line >= 1
    if entry.obstacle is None and entry.certain and entry.service is None:
        assert entry.links


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    script=scripts,
    shell=st.sampled_from(["sh", "bash", "dash", "busybox sh"]),
    init=st.sampled_from(["", "tini -g --"]),
)
def test_any_script_has_an_entry(script: str, shell: str, init: str) -> None:
    command = (*init.split(), *shell.split(), "-c", script, "x", "server")
    entry = entry_of(Container("app", ("spec",), command=command), ImageBuild("a", sh=Shell.DASH))
    holds_together(entry)
    for link in entry.links:
        if link.inside is not None:
            assert 0 <= link.inside.start <= link.inside.end <= len(script)


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(
        st.sampled_from([*WRAPPERS, "-c", "--", "-u", "a", "sh", "run", "-e", "=", "A=1", ""]) | st.text(max_size=8),
        max_size=8,
    )
)
def test_any_command_has_an_entry(words: list[str]) -> None:
    holds_together(entry_of(Container("app", (), command=tuple(words)), ImageBuild("a", sh=Shell.DASH)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lines=dockerfiles, end=st.sampled_from(["\n", "\r\n"]), script=scripts)
def test_any_dockerfile_has_a_build_and_places(lines: list[str], end: str, script: str) -> None:
    source = Source("Dockerfile", end.join(lines))
    for instruction in read_dockerfile(source).instructions:
        assert instruction.span.text[: len(instruction.name)].upper() == instruction.name
        for piece in instruction.exec_form() or ():
            assert source.text[piece.start] == source.text[piece.end - 1] == '"'
    build = read_build(source, Same(f"#!/bin/sh\n{script}")).build
    if build is not None:
        holds_together(entry_of(Container("app", (), image="a"), build))


@given(reference=st.text(max_size=60))
def test_any_reference_is_taken_apart(reference: str) -> None:
    image_name(reference)
    known_build(reference)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("A=$A$A;" * 500, id="a variable that doubles"),
        pytest.param('set -- "$@" "$@";' * 500, id="arguments that double"),
        pytest.param("if a; then A=1; fi\n" * 2000, id="branches"),
        pytest.param('if [ "$X" = 1 ]; then server & fi\n' * 200, id="branches with jobs"),
        pytest.param("f() { f; f; }; f", id="a function that calls itself twice"),
        pytest.param("".join(f"f{n}() {{ f{n + 1}; f{n + 1}; }};" for n in range(40)) + "f0", id="calls that double"),
        pytest.param("(" * 5000 + "a" + ")" * 5000, id="deep nesting"),
        pytest.param("$(" * 2000, id="open substitutions"),
        pytest.param("if a; then " * 3000, id="open conditions"),
        pytest.param("a && " * 5000 + "b", id="a long list"),
        pytest.param("a | " * 5000 + "b", id="a long pipeline"),
        pytest.param('eval "eval \\"eval a\\"";' * 300, id="eval in eval"),
        pytest.param("X=" + "a" * 4000 + '; [ "${X##*a*a*a*b}" = a ] && exec server', id="a pattern that backtracks"),
        pytest.param(". /a.sh;" * 300, id="sourcing itself"),
        pytest.param("exec /a.sh a\n" * 100, id="starting itself"),
        pytest.param("trap 'kill $p' TERM; " * 300 + "server & wait", id="many traps"),
        pytest.param("server & " * 600 + "wait", id="many jobs"),
        pytest.param("x" * 300_000, id="too large"),
    ],
)
def test_hostile_scripts_come_to_an_end(script: str) -> None:
    text = 'FROM debian:12\nCOPY a.sh /\nCMD ["/a.sh", "b"]\n'
    began = time.monotonic()
    build = read_build(Source("Dockerfile", text), Same(f"#!/bin/sh\n{script}")).build
    assert build is not None
    holds_together(entry_of(Container("app", (), image="a"), build))
    assert time.monotonic() - began < 60  # exponential would be days; a busy machine may be slow


def test_real_scripts_cut_anywhere_have_an_entry() -> None:
    text = (Path(__file__).parents[1] / "data" / "entrypoint.sh").read_text(encoding="utf-8")
    for end in range(0, len(text), 7):
        script = text[:end]
        assert read_script(script).text == script
        holds_together(entry_of(Container("app", (), command=("bash", "-c", script)), None))
