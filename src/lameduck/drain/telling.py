"""What a stop tells: a JSON line on stderr for each step, and the timeline in the pod's termination log at the end.

Both are the project's record, version 1, with `drain` as the witness. Nothing that is told may harm the process: a full
disk, a closed or stuck stderr make it be left out.
"""

from __future__ import annotations

import errno
import json
import os
import select
import stat
import sys

__all__ = ["LOG_BYTES", "Telling"]

LOG_BYTES = 4096
"""What the kubelet shows of a container's termination message, at most."""
STDERR = 2
TEXT_BYTES = 300
NAME_BYTES = 100
"""What a text may take as JSON; and one of a list of names. So the last step has always room in the log."""


class Telling:
    """Collects the steps of one stop, and writes them where they are read."""

    def __init__(self, *, tell: bool, termination_log: str) -> None:
        self.tell = tell
        self.log = termination_log
        self.events: list[dict[str, object]] = []
        self.left_bytes = 0
        """The size of the timeline that was left in the log; 0 if none was."""

    def step(self, t_s: float, what: str, **detail: object) -> None:
        """Tell one step, `t_s` seconds after the signal: now on stderr, and later in the timeline."""
        event: dict[str, object] = {"t_s": round(t_s, 3), "what": what, **{k: cut(v) for k, v in detail.items()}}
        self.events.append(event)
        if self.tell:
            line({"witness": "drain", "pid": os.getpid(), **event})

    def timeline(self) -> bytes:
        """The timeline in at most LOG_BYTES: where it is longer, steps from its middle are left out, and counted."""
        written = [encoded(event) for event in self.events]
        first = written[: (len(written) + 1) // 2]
        last = written[len(first) :]
        data = document([*first, *last])
        while len(data) > LOG_BYTES and len(last) + len(first) > 1:
            if len(first) >= len(last):
                first.pop()
            else:
                last.pop(0)
            at = len(first)
            count = len(written) - at - len(last)
            note = {"t_s": self.events[at]["t_s"], "what": "note", "text": f"{count} steps left out"}
            size = sum(map(len, first)) + sum(map(len, last))
            if size <= LOG_BYTES:
                data = document([*first, encoded(note), *last])
        return data

    def leave(self) -> None:
        """Write the timeline to the termination log, unless somebody has left his own words there.

        The kubelet makes the file; where there is none, nobody reads it.
        """
        if not self.log:
            return
        try:
            file = os.open(self.log, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        try:
            about = os.fstat(file)
            if stat.S_ISREG(about.st_mode) and about.st_size != self.left_bytes:
                return
            data = self.timeline()
            if self.left_bytes and stat.S_ISREG(about.st_mode):
                os.ftruncate(file, 0)
            self.left_bytes = len(data)
            if os.write(file, data) < len(data) and stat.S_ISREG(about.st_mode):
                os.ftruncate(file, 0)  # half a timeline is none
                self.left_bytes = 0
        except OSError:
            pass
        finally:
            os.close(file)


def encoded(event: dict[str, object]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def document(events: list[bytes]) -> bytes:
    return b'{"version":1,"witness":"drain","events":[' + b",".join(events) + b"]}"


def cut(value: object, most_bytes: int = TEXT_BYTES) -> object:
    """Texts have an end: names of work come from requests."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, list):
        return [cut(one, NAME_BYTES) for one in value]
    if isinstance(value, str) and len(json.dumps(value)) > most_bytes:
        shown = value[:most_bytes]
        while len(json.dumps(shown + "…")) > most_bytes:
            shown = shown[:-1]
        return shown + "…"
    return value


def line(event: dict[str, object]) -> None:
    """One line on stderr, or none where it is not taken at once."""
    if sys.__stderr__ is None or sys.__stderr__.closed:
        return  # whatever the descriptor is now, it is not stderr
    try:
        data = json.dumps(event).encode() + b"\n"
        poll = select.poll()
        poll.register(STDERR, select.POLLOUT)
        # A pipe says it is writable when a whole line of PIPE_BUF fits (pipe(7)).
        if len(data) <= select.PIPE_BUF and any(happened & select.POLLOUT for _, happened in poll.poll(0)):
            write_without_waiting(data)
    except (OSError, ValueError):
        pass


def write_without_waiting(data: bytes) -> None:
    """Somebody else may have filled the pipe since it was looked at. Raises OSError."""
    if stat.S_ISFIFO(os.fstat(STDERR).st_mode) and hasattr(os, "RWF_NOWAIT"):
        try:
            os.pwritev(STDERR, [data], -1, os.RWF_NOWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ESPIPE, errno.ENOSYS):
                raise
        else:
            return
    os.write(STDERR, data)
