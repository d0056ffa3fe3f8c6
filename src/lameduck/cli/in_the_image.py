"""`lameduck run` and `lameduck prestop` in the list of commands: they are started without click (see `main`)."""

from __future__ import annotations

import click

from lameduck.run import asking, options

__all__ = ["InTheImage", "prestop_command", "run_command"]


class InTheImage(click.Command):
    """A command whose words are read elsewhere; here it only has a name and its help."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, help=text, add_help_option=False)
        self.text = text

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002
        return self.text.rstrip()


run_command = InTheImage("run", options.HELP)
prestop_command = InTheImage("prestop", asking.HELP)
