"""Commands in hand-written pages are valid: options, containers, files. They are taken as far as the first process.

What stands in the pages' console, sh and yaml blocks is run with the rehearsal itself left out, in a folder that has
what a reader has: examples/, and the k8s/ and rendered.yaml of an application with a container named web.
"""

import re
import shlex
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import lameduck.cli.rehearse
from lameduck.cli.program import run

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("docs/commands.md", "docs/findings.md", "docs/flow.md")
PAGES = sorted(
    name
    for file in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    if (name := file.relative_to(ROOT).as_posix()) not in GENERATED
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SHELL = ("|", ">", "<", ">>", "&&", ";")


class Begun(Exception):
    """All of the command line and its files has been understood."""


def commands_of(page: str) -> Iterator[list[str]]:
    for language, block in BLOCK.findall(page):
        if language in ("console", "sh"):
            yield from commands_in(block)
        elif language == "yaml":
            for text in texts_in(yaml.safe_load(block)):
                yield from commands_in(text)


def texts_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from texts_in(inner)
        case list():
            for inner in value:
                yield from texts_in(inner)


def commands_in(text: str) -> Iterator[list[str]]:
    """The words after `lameduck` of every line that begins with it, up to what is the shell's."""
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip().removeprefix("$ ")
        if line.startswith("lameduck "):
            words = shlex.split(line, comments=True)
            ends = [number for number, word in enumerate(words) if word in SHELL]
            yield words[1 : min(ends, default=None)]


COMMANDS = [
    pytest.param(words, id=f"{name}: {shlex.join(words)}")
    for name in PAGES
    for words in commands_of((ROOT / name).read_text(encoding="utf-8"))
]


@pytest.fixture
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The reader's folder."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    text = (ROOT / "examples" / "broken-forms" / "no-delay.yaml").read_text(encoding="utf-8")
    theirs = text.replace("name: app\n", "name: web\n")
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "web.yaml").write_text(theirs, encoding="utf-8")
    (tmp_path / "rendered.yaml").write_text(theirs, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def begin(work: Coroutine[None, None, None]) -> None:
        work.close()
        raise Begun

    monkeypatch.setattr(lameduck.cli.rehearse, "run_until_interrupted", begin)
    with (tmp_path / "rendered.yaml").open(encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield


def outcome_of(words: list[str]) -> int | type[Begun]:
    try:
        return run(words)
    except Begun:
        return Begun


@pytest.mark.usefixtures("_desk")
@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_in_the_docs_is_understood(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    outcome = outcome_of(words)
    if words[0] == "rehearse" and "--print-manifest" not in words:
        assert outcome is Begun, capsys.readouterr().err
    else:
        assert outcome in (0, 1), capsys.readouterr().err


@pytest.mark.parametrize("words", COMMANDS)
def test_a_file_that_a_command_in_the_docs_names_exists(words: list[str]) -> None:
    named = [part for word in words for part in re.findall(r"examples/[\w./-]+", word)]
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_guide_has_commands() -> None:
    assert len(list(commands_of((ROOT / "docs" / "rehearse.md").read_text(encoding="utf-8")))) > 12


@pytest.mark.usefixtures("_desk")
@pytest.mark.parametrize(
    "words",
    [
        ["rehearse", "examples/broken-forms/no-delay.yaml", "--lagg", "1s"],
        ["rehearse", "examples/broken-forms/no-delay.yaml", "--lag", "soon"],
        ["rehearse", "examples/broken-forms/no-delay.yaml", "--mix", "fast=1"],
        ["rehearse", "examples/broken-forms/no-delay.yaml", "--run", "web=true"],
        ["rehearse", "examples/broken-forms/no-such-file.yaml"],
        ["rehearse", "examples/openapi-web"],
    ],
    ids=lambda words: " ".join(words[1:]),
)
def test_a_command_that_is_wrong_would_be_noticed(words: list[str]) -> None:
    assert outcome_of(words) == 2


def test_lines_are_read_as_a_shell_reads_them() -> None:
    page = "```console\n$ lameduck rehearse a.yaml \\\n  --run 'web=node {port}' | jq .  # so\nlameduck: no\n```\n"
    assert list(commands_of(page)) == [["rehearse", "a.yaml", "--run", "web=node {port}"]]


@pytest.mark.parametrize("name", PAGES)
def test_every_fact_that_a_page_cites_is_explained(name: str) -> None:
    explained = set(re.findall(r"^- \*\*([TB]\d+)\*\*", (ROOT / "docs" / "facts.md").read_text("utf-8"), re.MULTILINE))
    cited = set(re.findall(r"\bT\d{1,3}\b", (ROOT / name).read_text(encoding="utf-8")))
    assert not cited - explained


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("docs/")])
def test_every_link_of_a_page_leads_somewhere(name: str) -> None:
    page = ROOT / name
    links = [link for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")) if "://" not in link]
    assert not [link for link in links if not (page.parent / link).exists()]
