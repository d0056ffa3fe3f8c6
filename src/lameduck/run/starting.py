"""Starting a process as tini does: a process group of its own, the terminal if there is one, and our signals undone."""

# contextlib would cost a millisecond of every start.
# ruff: noqa: SIM105

from __future__ import annotations

import errno
import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Undoing", "adopt_orphans", "first_environment", "own_descriptors", "start", "when_parent_dies"]

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
NOT_FOUND, NOT_EXECUTABLE = 127, 126


class Undoing:
    """What a new process must find as we found it: the signal mask, and the dispositions that Python has changed."""

    def __init__(self, mask: Iterable[int]) -> None:
        self.mask = frozenset(mask)
        # Ignored, it would take our children's exit statuses away (waitpid(2)).
        self.ignored_children = signal.signal(signal.SIGCHLD, signal.SIG_DFL) is signal.SIG_IGN

    def undo(self) -> None:
        """In the new process, just before it becomes the program."""
        for signum in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(signum, signal.SIG_DFL)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if self.ignored_children:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)


def prctl(option: int, value: int) -> bool:
    """Whether the kernel took it."""
    try:
        import ctypes  # only here: it would cost every container a megabyte

        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def adopt_orphans() -> bool:
    """Become a subreaper: orphans below us come to us (prctl(2)). PID 1 is one anyway."""
    return os.getpid() == 1 or prctl(PR_SET_CHILD_SUBREAPER, 1)


def when_parent_dies(signum: int) -> bool:
    """Ask for this signal at our parent's death."""
    return prctl(PR_SET_PDEATHSIG, signum)


def own_descriptors() -> bool:
    """Keep 0, 1 and 2 from being given to files of ours, where they are closed; whether stderr is open.

    What is opened here closes itself in the child, which finds them as they were.
    """
    stderr_is_open = True
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            stderr_is_open = stderr_is_open and fd != 2
            os.open(os.devnull, os.O_RDWR)
    return stderr_is_open


def first_environment() -> dict[bytes, bytes]:
    """The environment as it was given to us: Python sets LC_CTYPE in its own where no locale is set (PEP 538)."""
    environment = dict(os.environb)
    try:
        with open("/proc/self/environ", "rb") as file:
            given = file.read()
    except OSError:
        return environment
    if b"LC_CTYPE" in environment and not (b"\0" + given).count(b"\0LC_CTYPE="):
        del environment[b"LC_CTYPE"]
    return environment


def start(
    command: list[str],
    undoing: Undoing,
    environment: dict[bytes, bytes] | None = None,
    *,
    foreground: bool,
    die_with: int = 0,
) -> tuple[int, int]:
    """The new process, and a descriptor that brings the errno if it cannot be executed. Raises OSError: no process.

    `die_with` is the signal that it gets when we die; as PID 1 we need none, because the kernel kills all (T57).
    """
    trouble, tell = os.pipe()
    os.set_blocking(trouble, False)
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        os.close(trouble)
        os.close(tell)
        raise
    if pid:
        os.close(tell)
        lead_group(pid)
        return pid, trouble
    status = NOT_EXECUTABLE
    try:
        lead_group(0)
        if foreground:
            take_terminal()
        if die_with:
            when_parent_dies(die_with)
            if os.getppid() != parent:
                os._exit(128 + die_with)
        words = [os.fsencode(word) for word in command]
        undoing.undo()
        status = execute(words, environment or first_environment(), lambda number: os.write(tell, b"%d" % number))
    finally:
        os._exit(status)


def lead_group(pid: int) -> None:
    """Both do it, so that it is done for whoever looks first (setpgid(2))."""
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass  # it has become the program, and has done it itself


def take_terminal() -> None:
    """Be the terminal's foreground group, if stdin is our terminal. SIGTTOU is still blocked, so nothing stops us."""
    try:
        os.tcsetpgrp(0, os.getpgrp())
    except OSError:
        pass


def execute(words: list[bytes], environment: dict[bytes, bytes], tell: Callable[[int], object]) -> int:
    """Become the program, looked for in PATH as execvp(3) does; the exit code if that is not possible."""
    program = words[0]
    places = [program]
    if b"/" not in program:
        path_of = environment.get(b"PATH", os.fsencode(os.defpath))
        places = [(place or b".") + b"/" + program for place in path_of.split(b":")]
    number = errno.ENOENT
    for path in places:
        try:
            os.execve(path, words, environment)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            number = error.errno or number
            if number == errno.ENOEXEC:
                # A script without its first line: execvp(3) gives it to the shell.
                try:
                    os.execve(b"/bin/sh", [b"/bin/sh", path, *words[1:]], environment)
                except OSError:
                    pass
            if number != errno.EACCES:
                break
    tell(number)
    reason = os.strerror(number)
    if number == errno.ENOENT and b"/" in program and os.path.exists(program):
        reason = "the program that its first line or its header names is missing"
    message = f"lameduck run: {os.fsdecode(program)} cannot be executed: {reason}.\n"
    try:
        os.write(2, message.encode(errors="backslashreplace"))
    except OSError:
        pass
    return NOT_FOUND if number == errno.ENOENT else NOT_EXECUTABLE
