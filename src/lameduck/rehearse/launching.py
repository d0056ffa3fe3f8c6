"""The lameduck side of the launcher's wire: its command line, and marshalled messages behind four bytes of length."""

import asyncio
import marshal
import os
import socket
import sys
from pathlib import Path
from typing import Any

from lameduck.rehearse.engine import Isolation

__all__ = ["launcher_command", "pack", "read_message", "receive_message"]

_LAUNCHER = Path(__file__).with_name("launcher.py")


def launcher_command(isolation: Isolation, control: int, hello: int) -> list[str]:
    """The words that start a launcher which inherits these two descriptors.

    -I -S: without the user's paths and without site, which also starts sooner.
    """
    return [sys.executable, "-I", "-S", str(_LAUNCHER), isolation.value, str(control), str(hello), str(os.getpid())]


def pack(*message: Any) -> bytes:
    """A message of plain values as it goes over the wire."""
    body = marshal.dumps(message)
    return len(body).to_bytes(4, "big") + body


async def receive_message(reader: asyncio.StreamReader) -> tuple[Any, ...] | None:
    """The next message; None at the end of the launcher and of its guard."""
    try:
        size = int.from_bytes(await reader.readexactly(4), "big")
        body = await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    message: tuple[Any, ...] = marshal.loads(body)
    return message


def read_message(sock: socket.socket) -> tuple[Any, ...] | None:
    """The next message, waited for; None at the end. Raises OSError (TimeoutError) as the socket does."""
    with sock.makefile("rb") as file:
        head = file.read(4)
        if len(head) < 4:
            return None
        message: tuple[Any, ...] = marshal.loads(file.read(int.from_bytes(head, "big")))
        return message
