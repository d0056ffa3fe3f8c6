"""Free ports for replicas: outside the range from which the kernel takes the clients' own ports."""

import random
import socket

from lameduck.pod.place import InputError

__all__ = ["free_port"]

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
