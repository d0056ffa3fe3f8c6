"""Reads a container's pipes on the event loop: soon, but never so much at a time that others have to wait."""

import asyncio
import os
from collections.abc import Callable

from lameduck.rehearse.output import OutputLines

__all__ = ["PipeReader"]

_READ_BYTES = 65536
_LARGEST_PIPE_BYTES = 1 << 20  # fs.pipe-max-size (pipe(7))
_BREATH_S = 0.002
"""Pause after a full read, so that a container that writes without end leaves the loop to others: 32 MB/s at most."""


class PipeReader:
    """Reads one pipe of a container into lines, from now on. `name` is handed on with each: stdout or stderr."""

    def __init__(self, fd: int, name: str, on_output: Callable[[str, str], None]) -> None:
        self._fd = fd
        self._name = name
        self._on_output = on_output
        self._lines = OutputLines()
        self._loop = asyncio.get_running_loop()
        self._resumption: asyncio.TimerHandle | None = None
        self._open = True
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._read)

    def _read(self) -> None:
        if self._take() == _READ_BYTES:
            self._loop.remove_reader(self._fd)
            self._resumption = self._loop.call_later(_BREATH_S, self._resume)

    def _resume(self) -> None:
        self._resumption = None
        if self._open:
            self._loop.add_reader(self._fd, self._read)

    def _take(self) -> int:
        """Read once; the number of bytes, 0 if there is nothing (any more)."""
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self.close()
            return 0
        for line in self._lines.feed(data, self._loop.time()):
            self._on_output(self._name, line)
        return len(data)

    def drain(self) -> None:
        """Take what the pipe still holds: at the end of the container nobody writes any more."""
        for _ in range(_LARGEST_PIPE_BYTES // _READ_BYTES):  # bounded: an emulated container may leave a writer
            if not self._open or not self._take():
                break

    def close(self) -> None:
        """Hand on the last line, and let go of the pipe."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._fd)
        if self._resumption is not None:
            self._resumption.cancel()
        os.close(self._fd)
        for line in self._lines.end():
            self._on_output(self._name, line)
