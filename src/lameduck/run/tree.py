"""Who stands below a process, and who of them is to hear a signal: read from /proc (proc(5)).

Shells keep a signal to themselves (T56). So a signal for a shell without a trap goes past it, to the first process that
is not a shell on each branch, and no further: a master that drains its own workers keeps them.
"""

from __future__ import annotations

import os

__all__ = ["below", "catches", "hearers", "is_shell", "program", "started", "words"]

SHELLS = frozenset(
    {"sh", "dash", "bash", "rbash", "ash", "hush", "ksh", "ksh93", "mksh", "lksh", "oksh", "zsh", "yash"}
)
APPLETS = frozenset({"busybox", "toybox"})
"""One program that is many: which one it is now is what it was called by."""


def content(pid: int, name: str) -> bytes:
    """A file of the process; empty if the process is gone or hides it."""
    try:
        with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:
            return file.readall() or b""
    except OSError:
        return b""


def stat(pid: int) -> list[bytes]:
    """The fields of stat behind the name, from the state on; empty if the process is gone."""
    # The name in parentheses may itself hold spaces and parentheses.
    return content(pid, "stat").rpartition(b")")[2].split()


def started(pid: int) -> int | None:
    """When the process started, in ticks: with the PID, it names the process for ever. None: gone, or a zombie."""
    fields = stat(pid)
    return int(fields[19]) if len(fields) > 19 and fields[0] not in (b"Z", b"X") else None


def children() -> dict[int, list[int]]:
    """The living children of every process that is shown here."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat(int(name))
            if len(fields) > 1 and fields[0] not in (b"Z", b"X"):
                found.setdefault(int(fields[1]), []).append(int(name))
    return found


def below(root: int) -> list[int]:
    """All living processes below that one, parents first."""
    families = children()
    found: list[int] = []
    queue = [root]
    while queue:
        nearest = families.get(queue.pop(0), [])
        found += nearest
        queue += nearest
    return found


def words(pid: int) -> bytes:
    """The command line as the kernel keeps it, words apart by NUL."""
    return content(pid, "cmdline")


def program(pid: int) -> str:
    """The name of the program it runs, as well as it can be known."""
    called_by = [word.rpartition(b"/")[2].decode(errors="replace") for word in words(pid).split(b"\0")[:2]]
    try:
        name = os.readlink(f"/proc/{pid}/exe").rpartition("/")[2].removesuffix(" (deleted)")
    except OSError:  # another user's, and no CAP_SYS_PTRACE
        name = called_by[0].lstrip("-")
    if name in APPLETS and called_by[0]:
        name = called_by[-1] if called_by[0] in APPLETS else called_by[0].lstrip("-")
    return name or content(pid, "comm").strip().decode(errors="replace")


def is_shell(pid: int) -> bool:
    """Whether it runs a shell."""
    return program(pid) in SHELLS


def catches(pid: int, signum: int) -> bool:
    """Whether the process has a handler for the signal (SigCgt)."""
    for line in content(pid, "status").splitlines():
        if line.startswith(b"SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signum - 1) & 1)
    return False


def hearers(root: int, signum: int) -> list[tuple[int, tuple[int, ...]]]:
    """Who is to hear a signal that is meant for this process, each with the shells that it was passed through.

    A shell that catches the signal hears it: it has a plan of its own. What only reads what another one of them writes
    does not: in `app | tee log`, tee ends when app has, and must not take the pipe away before. Where there are only
    shells, the last ones hear it, because there is nobody else. A root that is no shell costs one look at its program.
    """
    if not is_shell(root) or catches(root, signum):
        return [(root, ())]
    families = children()
    found: list[tuple[int, tuple[int, ...]]] = []
    shells: list[tuple[int, tuple[int, ...]]] = []
    queue: list[tuple[int, tuple[int, ...]]] = [(root, ())]
    while queue:
        pid, past = queue.pop(0)
        if pid != root and (not is_shell(pid) or catches(pid, signum)):
            found.append((pid, past))
        elif pid in families:
            queue += [(child, (*past, pid)) for child in families[pid]]
        else:
            shells.append((pid, past))
    return upstream(found) or shells


def upstream(found: list[tuple[int, tuple[int, ...]]]) -> list[tuple[int, tuple[int, ...]]]:
    """Those of them that do not read from a pipe which another one writes to."""
    if len(found) < 2:
        return found
    written = [(pid, pipe(pid, number)) for pid, _ in found for number in (1, 2)]
    kept = []
    for pid, past in found:
        source = pipe(pid, 0)
        if source is None or not any(source == sink and writer != pid for writer, sink in written):
            kept.append((pid, past))
    return kept or found  # a ring of pipes: all of them


def pipe(pid: int, number: int) -> str | None:
    """The pipe that is this descriptor; None: it is something else, or hidden."""
    try:
        target = os.readlink(f"/proc/{pid}/fd/{number}")
    except OSError:
        return None
    return target if target.startswith("pipe:") else None
