"""The two of us in one container: `lameduck run` as its PID 1, and the library in the service (docs/protocol.md).

The library comes to run's door and stays there while it serves. When the stop signal comes, run sees that somebody
will wait for the endpoints, and passes the signal on at once. When a preStop hook asks run for the lame duck, run says
so here, and the service can begin it before the signal. An abstract unix socket needs no file, and its name has the
container's mount namespace in it.
"""

from __future__ import annotations

import os
import socket

__all__ = ["come_in"]


def come_in() -> socket.socket | None:
    """A connection to the run of this container, from which `lame-duck` may be read; None if there is none."""
    if not os.environ.get("LAMEDUCK_RUN"):
        return None
    door = None
    try:
        namespace = os.readlink("/proc/self/ns/mnt")
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.connect(b"\0lameduck-run-" + os.fsencode(namespace) + b"-library")
    except OSError:  # no /proc, no descriptor left, or nobody is there
        if door is not None:
            door.close()
        return None
    door.setblocking(False)
    return door
