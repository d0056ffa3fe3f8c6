"""What a stop tells: a JSON line on stderr for each step, and the timeline in the pod's termination log at the end.

Both are the project's record, version 1, with `drain` as the witness. Nothing that is told may harm the process: a full
disk, a closed or stuck stderr make it be left out.
"""

from __future__ import annotations

import json
import os
import select
import stat

__all__ = ["LOG_BYTES", "Telling"]

LOG_BYTES = 4096
"""What the kubelet shows of a container's termination message, at most."""
STDERR = 2
TEXT_CHARACTERS = 200


class Telling:
    """Collects the steps of one stop, and writes them where they are read."""

    def __init__(self, *, tell: bool, termination_log: str) -> None:
        self.tell = tell
        self.log = termination_log
        self.events: list[dict[str, object]] = []

    def step(self, t_s: float, what: str, **detail: object) -> None:
        """Tell one step, `t_s` seconds after the signal: now on stderr, and later in the timeline."""
        event: dict[str, object] = {"t_s": round(t_s, 3), "what": what, **{k: cut(v) for k, v in detail.items()}}
        self.events.append(event)
        if self.tell:
            line({"witness": "drain", "pid": os.getpid(), **event})

    def timeline(self) -> bytes:
        """The timeline in at most LOG_BYTES: where it is longer, steps from its middle are left out, and counted."""
        events = list(self.events)
        left_out = 0
        while True:
            shown = list(events)
            if left_out:
                at = (len(shown) + 1) // 2
                t_s = shown[at - 1]["t_s"] if shown else 0.0
                shown.insert(at, {"t_s": t_s, "what": "note", "text": f"{left_out} steps left out"})
            data = json.dumps({"version": 1, "witness": "drain", "events": shown}, separators=(",", ":")).encode()
            if len(data) <= LOG_BYTES or not events:
                return data
            del events[len(events) // 2]
            left_out += 1

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
            if stat.S_ISREG(about.st_mode) and about.st_size:
                return
            data = self.timeline()
            if os.write(file, data) < len(data) and stat.S_ISREG(about.st_mode):
                os.ftruncate(file, 0)  # half a timeline is none
        except OSError:
            pass
        finally:
            os.close(file)


def cut(value: object) -> object:
    """Texts have an end: names of work come from requests."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, str) and len(value) > TEXT_CHARACTERS:
        return value[: TEXT_CHARACTERS - 1] + "…"
    return value


def line(event: dict[str, object]) -> None:
    """One line on stderr, or none where it is not taken at once."""
    try:
        data = json.dumps(event).encode() + b"\n"
        poll = select.poll()
        poll.register(STDERR, select.POLLOUT)
        # A pipe says it is writable when a whole line of PIPE_BUF fits (pipe(7)).
        if len(data) <= select.PIPE_BUF and any(happened & select.POLLOUT for _, happened in poll.poll(0)):
            os.write(STDERR, data)
    except (OSError, ValueError):
        pass
