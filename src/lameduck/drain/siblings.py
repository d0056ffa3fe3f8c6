"""Processes that accept from the same listeners, as a server's workers do, and who of them is the last.

The last one has to see to those who wait in the accept queue; before that, the others take them. Each process holds an
abstract Unix socket (unix(7)) in the listener's name for as long as it accepts: the kernel lists them for everyone in
the network namespace, and takes them away with their process, however it ends. Linux only; elsewhere nobody is seen.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys

from lameduck.drain import listeners

__all__ = ["Serving"]

PREFIX = "lameduck/serves/"


class Serving:
    """This process's part in its listeners."""

    def __init__(self) -> None:
        self.inodes: set[int] = set()
        self.tokens: list[socket.socket] = []

    def begin(self) -> None:
        """Say that this process accepts, from all listeners that it has now. Can be called again."""
        if sys.platform != "linux":
            return
        for fd in listeners.listening():
            with contextlib.suppress(OSError):
                inode = os.fstat(fd).st_ino
                if inode in self.inodes:
                    continue
                token = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self.tokens.append(token)
                token.bind(f"\0{PREFIX}{inode}/{os.getpid()}")
                self.inodes.add(inode)

    def end(self) -> frozenset[int]:
        """Say that this process is about to accept no more; the listeners, by inode, from which others still do.

        Who ends at the same moment as another may see itself as the last, too. Nobody ends without a last one.
        """
        self.forget()
        return frozenset(serving()) & self.inodes

    def forget(self) -> None:
        """Close them: in the end, and in a forked child, which has not said so."""
        for token in self.tokens:
            token.close()
        self.tokens.clear()


def serving() -> set[int]:
    """The listeners, by inode, of all who have said so."""
    found = set()
    try:
        with open("/proc/self/net/unix", encoding="utf-8", errors="replace") as file:
            for line in file:
                _, is_ours, name = line.rpartition("@" + PREFIX)
                inode = name.partition("/")[0]
                if is_ours and inode.isdecimal():
                    found.add(int(inode))
    except OSError:
        pass
    return found
