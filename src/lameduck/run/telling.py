"""What `run` tells: a JSON line on stderr for each step, and the timeline in the pod's termination log at the end.

The lines and the timeline are the project's record, version 1. JSON is written by hand here, because the module would
cost more than the rest of the start. Nothing that is told may harm the child: a full disk, a closed or stuck stderr
make it be left out.
"""

# contextlib would cost a millisecond of every start.

from __future__ import annotations

import os
import select
import stat

__all__ = ["LOG_BYTES", "Telling", "json_text"]

TERMINATION_LOG = "/dev/termination-log"
LOG_BYTES = 4096
"""What the kubelet shows of a container's termination message, at most."""
LINE_BYTES = select.PIPE_BUF if hasattr(select, "PIPE_BUF") else 512
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def json_text(value: object) -> str:
    """The JSON of text, numbers, None, and lists and dicts of them."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return str(round(value, 3))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json_text(str(key))}: {json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(json_text(item) for item in value) + "]"
    return '"' + "".join(escaped(character) for character in str(value)) + '"'


def escaped(character: str) -> str:
    """One character of a JSON text, in ASCII: a log may have any encoding."""
    if character in ESCAPES:
        return ESCAPES[character]
    number = ord(character)
    if 32 <= number < 127:
        return character
    if number < 0x10000:
        return f"\\u{number:04x}"
    number -= 0x10000
    return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"


class Telling:
    """Collects the steps of one ending, and writes them where they are read."""

    def __init__(self, *, quiet: bool, termination_log: str | None) -> None:
        self.quiet = quiet
        self.log = termination_log
        self.events: list[dict[str, object]] = []
        self.left_out = 0

    def step(self, t_s: float, what: str, **detail: object) -> None:
        """Tell one step: now on stderr, and later in the timeline."""
        event = {"t_s": t_s, "what": what, **detail}
        if len(self.events) < 200:  # what does not fit into the log need not be kept
            self.events.append(event)
        else:
            self.left_out += 1
            self.events[-1] = event
        self.line(event)

    def line(self, event: dict[str, object]) -> None:
        """One line on stderr, or none if stderr does not take it at once: the signals must not wait for a reader."""
        if self.quiet:
            return
        data = json_text({"witness": "run", **event}).encode() + b"\n"
        if len(data) > LINE_BYTES:
            data = json_text({"witness": "run", "t_s": event["t_s"], "what": event["what"]}).encode() + b"\n"
        try:
            poll = select.poll()
            poll.register(2, select.POLLOUT)
            # A pipe says it is writable when a whole line of this size fits (pipe(7): PIPE_BUF).
            if any(happened & select.POLLOUT for _, happened in poll.poll(0)):
                os.write(2, data)
        except OSError:
            pass

    def timeline(self) -> bytes:
        """The timeline in at most LOG_BYTES: the first and the last steps, and a note on how many were left out."""
        texts = [json_text(event).encode() for event in self.events]
        first, last = 0, len(texts)
        room = LOG_BYTES - 160  # what stands around the steps, the note among it
        if sum(len(text) + 2 for text in texts) > room or self.left_out:
            first, last = self.those_that_fit(texts, room)
            t_s = self.events[first - 1]["t_s"] if first else 0.0
            missing = last - first + self.left_out
            note = json_text({"t_s": t_s, "what": "note", "text": f"{missing} steps left out"}).encode()
            texts = [*texts[:first], note, *texts[last:]]
        return b'{"version": 1, "witness": "run", "events": [' + b", ".join(texts) + b"]}"

    def those_that_fit(self, texts: list[bytes], room: int) -> tuple[int, int]:
        """The end of the first steps and the start of the last ones, taken in turn as long as there is room."""
        first, last = 0, len(texts)
        while first < last:
            at = first if first <= len(texts) - last else last - 1
            room -= len(texts[at]) + 2
            if room < 0:
                break
            first, last = (first + 1, last) if at == first else (first, last - 1)
        return first, last

    def leave(self) -> None:
        """Write the timeline to the termination log, unless the service has left its own words there."""
        path = self.log or TERMINATION_LOG
        # The default is the file that the kubelet has mounted there; where there is none, nobody reads it.
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | (os.O_CREAT if self.log else 0)
        try:
            file = os.open(path, flags, 0o644)
        except OSError:
            return
        try:
            about = os.fstat(file)
            if stat.S_ISREG(about.st_mode) and about.st_size:
                return
            data = self.timeline()
            written = os.write(file, data)
            if written < len(data) and stat.S_ISREG(about.st_mode):
                os.ftruncate(file, 0)  # half a timeline is none
        except OSError:
            pass
        finally:
            os.close(file)
