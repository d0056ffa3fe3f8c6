"""Write every generated page anew: `python scripts/generate_docs.py`; with `--check`, only say what is out of date.

What is generated is never edited by hand: the words stand in the code that each page is about.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from lameduck.cli.program import program
from lameduck.ending.diagram import document
from lameduck.ending.timeline_schema import timeline_schema
from lameduck.findings.pages import PAGES, all_pages

ROOT = Path(__file__).resolve().parents[1]

WIDTH = 100
"""Columns of the help texts. Fixed: the page must not depend on the terminal that writes it."""

_COMMANDS_HEAD = """# Commands

The help of every command, as `--help` prints it. This file is generated: change the words in `src/lameduck/cli/` and
run `make docs`. How to use `rehearse` is told in [rehearse.md](rehearse.md).
"""


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command below `lameduck`, itself included, by its full name, with the context its help is written in."""
    context = click.Context(
        program, info_name="lameduck", terminal_width=WIDTH, color=False, **program.context_settings
    )
    yield from _below(program, context)


def _below(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                below = click.Context(inner, parent=context, info_name=name, **inner.context_settings)
                yield from _below(inner, below)


def commands_page() -> str:
    """docs/commands.md: the help of each command in a code block of its own."""
    sections = (f"\n## {name}\n\n```text\n{command.get_help(context)}\n```\n" for name, command, context in commands())
    return _COMMANDS_HEAD + "".join(sections)


def schema_text() -> str:
    """The timeline's JSON Schema as a file."""
    return json.dumps(timeline_schema(), indent=2, ensure_ascii=False) + "\n"


GENERATED: Mapping[str, Callable[[], str]] = {
    "docs/commands.md": commands_page,
    PAGES.as_posix(): all_pages,
    "docs/flow.md": document,
    "src/lameduck/ending/timeline.schema.json": schema_text,
}
"""Every generated file, by its path in the project, and who writes it."""


def out_of_date(root: Path = ROOT) -> dict[str, str]:
    """What each file should hold, of those below `root` that hold something else or are missing."""
    wanted = {name: write() for name, write in GENERATED.items()}
    return {name: text for name, text in wanted.items() if _held(root / name) != text}


def _held(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


def main(argv: Sequence[str], root: Path = ROOT) -> int:
    """Write what is out of date and name it; with --check write nothing. 1: something is, and was only named."""
    if list(argv) not in ([], ["--check"]):
        print("generate_docs.py takes --check or nothing", file=sys.stderr)
        return 2
    stale = out_of_date(root)
    if argv:
        for name in stale:
            print(f"{name} is out of date: run make docs", file=sys.stderr)
        return 1 if stale else 0
    for name, text in stale.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
        print(f"{name} written")
    if not stale:
        print("everything is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
