"""What a container writes, as lines: partial last lines, any bytes, and never more than a rehearsal can keep.

Pure: fed with bytes and the time, it answers with lines. A container that writes without end is read on, so that it is
not blocked, but beyond the limits its lines are counted instead of kept.
"""

__all__ = ["LINES_PER_S", "LINE_BYTES", "OutputLines"]

LINES_PER_S = 2000
"""Lines kept per second and stream, as many in advance; an access log at 500 requests a second is a quarter of it."""

LINE_BYTES = 8192
"""A longer line is cut here, and ends with "…"."""


class OutputLines:
    """The lines of one stream of one container."""

    def __init__(self) -> None:
        self._partial = b""
        self._cut = False
        self._allowance = float(LINES_PER_S)
        self._refilled_at: float | None = None
        self._dropped = 0

    def feed(self, data: bytes, now: float) -> tuple[str, ...]:
        """The lines that these bytes complete; `now` in seconds, never decreasing. Undecodable bytes become U+FFFD."""
        if self._refilled_at is not None:
            self._allowance = min(float(LINES_PER_S), self._allowance + (now - self._refilled_at) * LINES_PER_S)
        self._refilled_at = now
        complete, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._keep_partial(rest)
            return ()
        lines: list[str] = []
        first, *others = complete.split(b"\n", int(self._allowance) + 1)
        self._keep_partial(first)
        for line in (self._take_partial(), *others):
            if self._allowance < 1:
                # The last element of a limited split holds all the rest.
                self._dropped += line.count(b"\n") + 1
                continue
            if self._dropped:
                lines.append(self._notice())
            self._allowance -= 1
            lines.append(_text(line))
        self._keep_partial(rest)
        return tuple(lines)

    def end(self) -> tuple[str, ...]:
        """What is left at end of file: the count of lines dropped, and a last line without a newline."""
        lines = (self._notice(),) if self._dropped else ()
        return (*lines, _text(self._take_partial())) if self._partial else lines

    def _keep_partial(self, data: bytes) -> None:
        room = LINE_BYTES - len(self._partial)
        self._cut = self._cut or len(data) > room
        self._partial += data[:room]

    def _take_partial(self) -> bytes:
        line, self._partial = self._partial, b""
        if self._cut:
            line, self._cut = line + "…".encode(), False
        return line

    def _notice(self) -> str:
        dropped, self._dropped = self._dropped, 0
        return f"({dropped} lines left out: more than {LINES_PER_S} a second)"


def _text(line: bytes) -> str:
    if len(line) > LINE_BYTES + 3:
        line = line[:LINE_BYTES] + "…".encode()
    return line.removesuffix(b"\r").decode(errors="replace")
