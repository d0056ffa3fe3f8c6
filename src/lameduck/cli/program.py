"""The program `lameduck`: its commands, and what becomes of every error."""

import gc
import sys
from collections.abc import Iterator
from importlib import import_module

import click

from lameduck import __version__
from lameduck.cli.interruption import Interrupted
from lameduck.pod.place import InputError

__all__ = ["program", "run"]

_COMMANDS = {
    "check": ("lameduck.cli.check", "check_command", "What do the files say about how the pods will end?"),
    "explain": ("lameduck.cli.explain", "explain_command", "What a finding means, and how to mend it."),
    "rehearse": ("lameduck.cli.rehearse", "rehearse_command", "How does this workload end, when it runs?"),
    "run": ("lameduck.cli.in_the_image", "run_command", "In the image: the PID 1 that passes signals on and drains."),
    "prestop": ("lameduck.cli.in_the_image", "prestop_command", "In the image: the preStop hook beside run."),
}
"""Module, command and first line of its help: `check` must not wait for the engines of `rehearse` to be imported."""


class _Commands(click.Group):
    """A group whose commands are imported when they are wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, name, _ = _COMMANDS[cmd_name]
        is_new = module not in sys.modules
        command = getattr(import_module(module), name)
        if is_new:
            gc.freeze()  # what was imported stays: the collector need not go through it again and again
        gc.enable()
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, short_help) for name, (_, _, short_help) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="lameduck")
def program() -> None:
    """Make every Kubernetes pod end without dropping work, and prove it."""


def run(argv: list[str]) -> int:
    """Run one command and answer its exit code. Whatever is wrong with the input is one line on stderr."""
    words, command = _split_at_dashes(argv)
    try:
        code = program.main(words or ["--help"], prog_name="lameduck", standalone_mode=False, obj=command)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.ClickException as error:
        print(f"lameduck: {_in_one_line(error)}", file=sys.stderr)
        return 2
    except click.Abort:
        raise KeyboardInterrupt from None  # click's name for it
    except Interrupted as interruption:
        print(f"lameduck: {interruption}", file=sys.stderr)
        return interruption.exit_code
    except InputError as error:
        _complain(error)
        return 2
    except BaseExceptionGroup as group:
        # Tasks that fail together come as a group; one cause is enough for a reader.
        inputs = [error for error in _leaves(group) if isinstance(error, InputError)]
        if len(inputs) != len(list(_leaves(group))):
            raise
        _complain(inputs[0])
        return 2


def _split_at_dashes(argv: list[str]) -> tuple[list[str], tuple[str, ...] | None]:
    """The words before `--`, and the command after it, untouched: its options are none of ours."""
    if "--" not in argv:
        return argv, None
    at = argv.index("--")
    return argv[:at], tuple(argv[at + 1 :])


def _in_one_line(error: click.ClickException) -> str:
    """What is wrong with the words of the command line, and where to look them up."""
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx is not None else "lameduck"
    return " ".join(f"{error.format_message().rstrip('.')}. See {command} --help.".split())


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _complain(error: InputError) -> None:
    print(f"lameduck: {error}".replace("\n", " "), file=sys.stderr)
