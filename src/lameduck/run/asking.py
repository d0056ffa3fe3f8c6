"""How `lameduck prestop` finds the `run` of its own container, and what the two say to each other.

An abstract unix socket needs no file, so it works on a read-only root. Its name has the mount namespace's number, which
every container has for itself, also where the pod shares its network or its PIDs; an exec hook is put into it too.
The kernel says who asks (SO_PEERCRED): a process of another PID namespace, or of another user, is not heard.
"""

# contextlib would cost a millisecond of every start.
# ruff: noqa: SIM105

from __future__ import annotations

import fcntl
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

__all__ = ["Door", "ask"]

AF_UNIX, SOCK_STREAM, SOL_SOCKET, SO_PEERCRED = 1, 1, 1, 17
HELP = """\
Usage: lameduck prestop

Start the lame duck of this container's `lameduck run` now, and return when it is over. For a preStop exec hook:

  lifecycle: {preStop: {exec: {command: ["lameduck", "prestop"]}}}

The stop signal that follows is then passed on without a second lame duck.
Exit codes: 0 it is over, 1 there is no `lameduck run` to ask, 2 for bad options.
"""


def name() -> bytes:
    """The socket's name: one for each mount namespace."""
    return b"\0lameduck-run-" + os.fsencode(os.readlink("/proc/self/ns/mnt"))


class Door:
    """Where `prestop` knocks. The kernel sends SIGIO when somebody does.

    Beside it is a second one, for the library (docs/protocol.md): a process that drains by itself comes in and stays,
    so that only one of the two waits for the endpoints.
    """

    def __init__(self) -> None:
        self.listening: _socket.socket | None = None
        self.for_libraries: _socket.socket | None = None
        self.libraries: list[_socket.socket] = []
        self.waiting: list[int] = []
        """Descriptors of those who are waiting for the end of the lame duck."""

    def open(self) -> None:
        """Listen. Raises OSError where it cannot be done: no /proc, or another run in this container is first."""
        import _socket  # the module around it would cost milliseconds of every start

        self.for_libraries = libraries = _socket.socket(AF_UNIX, SOCK_STREAM)
        libraries.bind(name() + b"-library")
        libraries.listen(128)
        libraries.setblocking(False)
        listening = _socket.socket(AF_UNIX, SOCK_STREAM)
        try:
            listening.bind(name())
            listening.listen(8)
            listening.setblocking(False)
            fd = listening.fileno()
            fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
        except OSError:
            listening.close()
            raise
        self.listening = listening

    def answer(self) -> bool:
        """Let in all who knock; whether one of them may ask for the lame duck."""
        asked = False
        while self.listening is not None:
            try:
                fd, _ = self.listening._accept()  # type: ignore[attr-defined]
            except OSError:
                return asked
            if self.may_ask(fd):
                self.waiting.append(fd)
                asked = True
            else:
                os.close(fd)
        return asked

    def library_waits(self) -> bool:
        """Whether a process of ours serves on by itself after the stop signal."""
        import _socket

        while self.for_libraries is not None:
            try:
                fd, _ = self.for_libraries._accept()  # type: ignore[attr-defined]
            except OSError:
                break
            if asker(fd)[0]:  # any user: a service drops the rights that run may have
                library = _socket.socket(fileno=fd)
                library.setblocking(False)
                self.libraries.append(library)
            else:
                os.close(fd)
        self.libraries = [library for library in self.libraries if is_open(library)]
        return bool(self.libraries)

    def tell_libraries(self, word: bytes) -> None:
        """Have them begin their lame duck: no signal has come yet."""
        if self.library_waits():
            for library in self.libraries:
                try:
                    library.send(word)
                except OSError:
                    pass  # it has just ended

    def may_ask(self, fd: int) -> bool:
        pid, uid = asker(fd)
        return pid != 0 and uid in (0, os.geteuid())

    def release(self, word: bytes) -> None:
        """The lame duck is over: say so to all who wait."""
        for fd in self.waiting:
            try:
                os.write(fd, word)
            except OSError:
                pass  # it was killed meanwhile
            os.close(fd)
        self.waiting = []


def asker(fd: int) -> tuple[int, int]:
    """PID and UID of who is at the other end. PID 0: it has none here, so it is in another PID namespace."""
    import _socket

    peer = _socket.socket(fileno=os.dup(fd))
    try:
        credentials = peer.getsockopt(SOL_SOCKET, SO_PEERCRED, 12)
    except OSError:
        return 0, 0
    finally:
        peer.close()
    return int.from_bytes(credentials[:4], sys.byteorder), int.from_bytes(credentials[4:8], sys.byteorder)


def is_open(library: _socket.socket) -> bool:
    """Whether the process at the other end is still there. It never sends anything."""
    try:
        return bool(library.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


def ask(words: list[str]) -> int:
    """`lameduck prestop`: answer 0 when the lame duck is over."""
    if words in (["-h"], ["--help"]):
        sys.stdout.write(HELP)
        return 0
    if words:
        sys.stderr.write(f"lameduck prestop: it takes no {words[0]!r}: the lame duck is set at `lameduck run`.\n")
        return 2
    import _socket

    asking = _socket.socket(AF_UNIX, SOCK_STREAM)
    try:
        asking.connect(name())
        answer = asking.recv(64)
    except OSError as error:
        sys.stderr.write(
            f"lameduck prestop: no `lameduck run` answers in this container ({error.strerror or error}). "
            "Start the container through it: lameduck run --lame-duck 5s -- COMMAND\n"
        )
        return 1
    if not answer:
        sys.stderr.write("lameduck prestop: this container's `lameduck run` hears only its own user and root.\n")
        return 1
    return 0
