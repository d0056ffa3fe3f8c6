"""What is generated is up to date, and every command says in its help what a user needs to know."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click
import pytest

from lameduck.cli.in_the_image import InTheImage

ROOT = Path(__file__).resolve().parents[2]


def generator() -> ModuleType:
    """scripts/ is no package: the script is loaded from its file."""
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts" / "generate_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = generator()
COMMANDS: list[tuple[str, click.Command, click.Context]] = list(GENERATOR.commands())
LEAVES = {
    name: command
    for name, command, _ in COMMANDS
    # The help of what runs in an image is not click's: tests/run looks at it.
    if not isinstance(command, click.Group | InTheImage)
}
OPTIONS = [
    pytest.param(name, option, context, id=f"{name} {option.opts[-1]}")
    for name, command, context in COMMANDS
    for option in command.get_params(context)
    if isinstance(option, click.Option)
]


def section_of(name: str) -> str:
    """What docs/commands.md, as it is in the project, says of that command."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    return next((section for section in sections if section.startswith(f"{name}\n")), "")


@pytest.mark.parametrize("name", GENERATOR.GENERATED)
def test_a_generated_file_is_what_would_be_generated(name: str) -> None:
    held = (ROOT / name).read_text(encoding="utf-8")
    assert held == GENERATOR.GENERATED[name](), f"{name} is out of date: run make docs"


def test_the_commands_are_found() -> None:
    assert [name for name, _, _ in COMMANDS][:1] == ["lameduck"]
    assert "lameduck rehearse" in LEAVES


@pytest.mark.parametrize("name", [name for name, _, _ in COMMANDS])
def test_every_command_says_what_it_is_for(name: str) -> None:
    command = next(command for known, command, _ in COMMANDS if known == name)
    assert command.help, f"{name} has no help"


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_shows_an_example_and_its_exit_codes(name: str) -> None:
    epilog = LEAVES[name].epilog or ""
    assert re.search(rf"^  {name} \S", epilog, re.MULTILINE), f"the epilog of {name} shows no example"
    assert re.search(r"^Exit codes: 0 .+, 1 .+, 2 ", epilog, re.MULTILINE), f"the epilog of {name} has no exit codes"


@pytest.mark.parametrize(("name", "option", "_context"), OPTIONS)
def test_every_option_has_a_help_text_that_is_a_sentence(
    name: str, option: click.Option, _context: click.Context
) -> None:
    text = option.help or ""
    assert text[:1].isupper(), f"{name} {option.opts[0]}: {text!r}"
    assert text.endswith("."), f"{name} {option.opts[0]}: {text!r}"


@pytest.mark.parametrize(("name", "option", "context"), OPTIONS)
def test_every_option_is_in_the_docs(name: str, option: click.Option, context: click.Context) -> None:
    section = section_of(name)
    for word in (*option.opts, *option.secondary_opts):
        assert re.search(rf"^  .*{re.escape(word)}(?![\w-])", section, re.MULTILINE), (
            f"{word} is not in the docs of {name}"
        )


def up_to_date(tmp_path: Path) -> Path:
    for name in GENERATOR.GENERATED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(GENERATOR.GENERATED[name](), encoding="utf-8")
    return tmp_path


def test_a_check_names_what_is_out_of_date_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = up_to_date(tmp_path)
    assert GENERATOR.main(["--check"], root) == 0
    (root / "docs" / "flow.md").write_text("# Edited by hand\n", encoding="utf-8")
    (root / "docs" / "commands.md").unlink()
    capsys.readouterr()
    assert GENERATOR.main(["--check"], root) == 1
    assert capsys.readouterr().err == (
        "docs/commands.md is out of date: run make docs\ndocs/flow.md is out of date: run make docs\n"
    )
    assert (root / "docs" / "flow.md").read_text(encoding="utf-8") == "# Edited by hand\n"
    assert not (root / "docs" / "commands.md").exists()


def test_it_writes_what_is_out_of_date_and_then_has_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert GENERATOR.main([], tmp_path) == 0
    assert capsys.readouterr().out == "".join(f"{name} written\n" for name in GENERATOR.GENERATED)
    assert GENERATOR.main([], tmp_path) == 0
    assert capsys.readouterr().out == "everything is up to date\n"
    for name in GENERATOR.GENERATED:
        assert (tmp_path / name).read_text(encoding="utf-8") == GENERATOR.GENERATED[name]()


def test_the_page_of_commands_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    wide = GENERATOR.commands_page()
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert GENERATOR.commands_page() == wide


def test_words_it_does_not_know_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert GENERATOR.main(["--chekc"]) == 2
    assert capsys.readouterr().err == "generate_docs.py takes --check or nothing\n"
