"""Free ports for replicas: outside the range from which the kernel takes the clients' own ports."""

import contextlib
import os
import random
import socket
import sys

from lameduck.pod.place import InputError

__all__ = ["Ports", "free_port"]

# Linux hands out 32768-60999 to outgoing connections by default, macOS 49152-65535; a server's port taken from there
# may be gone between our test and its bind, at hundreds of new connections a second.
_RANGE = range(20_000, 32_000)


def free_port(taken: set[int]) -> int:
    """A TCP port that nobody listens on; it is added to `taken`. Raises InputError if none can be found."""
    for _ in range(200):
        port = random.choice(_RANGE)
        if port in taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        taken.add(port)
        return port
    raise InputError("no free TCP port was found.", at=None, do="End what listens on ports 20000-32000.")


class Ports:
    """Ports that no other rehearsal on this machine takes before their servers have bound them.

    Between our look at a port and its server's bind lies the start of a whole program: two rehearsals at a time, as in
    CI, would meet there. What keeps a port is a socket with its number in an abstract name (unix(7)), which ends with
    us, however we end; where there are none (macOS), ports are only looked at.
    """

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._kept: list[int] = []

    def take(self) -> int:
        """A free port. Raises InputError if none can be found."""
        while True:
            port = free_port(self._taken)
            if sys.platform != "linux" or self._keep(port):
                return port

    def close(self) -> None:
        """Let others take them. Twice is fine."""
        while self._kept:
            os.close(self._kept.pop())

    def _keep(self, port: int) -> bool:
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as keeper:
            try:
                keeper.bind(f"\0lameduck-port-{port}")
            except OSError:
                return False
            self._kept.append(keeper.detach())
            return True
