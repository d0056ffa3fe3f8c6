"""Progress on stderr: a moving line on a terminal, a line at a time elsewhere, nothing with --quiet."""

import asyncio
from types import TracebackType

from rich.console import Console

from lameduck.cli.writing import say

__all__ = ["Progress"]

_BEAT_S = 5.0
"""How often a step that lasts is mentioned again where no line can move."""


class Progress:
    """Says what is going on. Used inside a running event loop."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._quiet = quiet
        self._moving = not quiet and self._console.is_terminal
        self._status = self._console.status("") if self._moving else None
        self._beat: asyncio.Task[None] | None = None

    def __enter__(self) -> "Progress":
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._beat is not None:
            self._beat.cancel()
        if self._status is not None:
            self._status.stop()

    def __call__(self, step: str) -> None:
        """A new step has begun."""
        if self._beat is not None:
            self._beat.cancel()
        if not self._quiet:
            self._beat = asyncio.create_task(self._go_on_about(step))

    async def _go_on_about(self, step: str) -> None:
        begun = asyncio.get_running_loop().time()
        if self._status is None:
            say(step)
        while True:
            seconds = asyncio.get_running_loop().time() - begun
            if self._status is not None:
                self._status.update(f"{step} [dim]{seconds:.0f} s[/]")
                await asyncio.sleep(0.5)
            else:
                await asyncio.sleep(_BEAT_S)
                say(f"{step}: {seconds + _BEAT_S:.0f} s")
