"""What /proc tells about processes: caught signals, the tree below one, command lines, listening sockets (proc(5)).

Every function takes processes that may end at any moment; what is gone is left out. Where there is no /proc (macOS),
`available()` is False and nothing else here is to be asked.
"""

import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lameduck.pod.durations import Seconds

__all__ = [
    "Load",
    "SignalMasks",
    "available",
    "command_line",
    "descendants",
    "listening_sockets",
    "load",
    "parent",
    "signal_masks",
]

_PROC = Path("/proc")
_SHOWN_OF_A_COMMAND = 500  # characters
_ALL_SIGNALS = (1 << 64) - 1
_RT_SIGTIMEDWAIT = {"x86_64": b"128", "aarch64": b"137", "riscv64": b"137"}.get(os.uname().machine)
_LISTEN = "0A"  # the state in /proc/net/tcp
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_RUNNABLE = ([b"R"], [b"D"])  # it runs, would if there were a processor, or waits for the disk


def available() -> bool:
    """Whether this machine tells about its processes in /proc."""
    return (_PROC / "self/status").exists()


@dataclass(frozen=True, slots=True)
class SignalMasks:
    """Bit n-1 stands for signal n. `blocked`: by all of the process' threads, so that no handler or default is at work.

    A thread in sigwait counts as blocking what it waits for, as it does to the kernel when PID 1 gets a signal. On its
    way out of sigwait it shows neither of the two: `at_rest` says that every thread was in one system call for as long
    as it was looked at.
    """

    blocked: int
    ignored: int
    caught: int
    at_rest: bool

    def handling(self, signum: int) -> str:
        """What the signal meets: caught, blocked, ignored, or default."""
        bit = 1 << (signum - 1)
        if signum in (signal.SIGKILL, signal.SIGSTOP):
            return "default"
        if self.caught & bit:
            return "caught"
        if self.blocked & bit:
            return "blocked"  # pending until it is unblocked, or taken by sigwait or a signalfd
        if self.ignored & bit:
            return "ignored"
        return "default"


def signal_masks(pid: int) -> SignalMasks | None:
    """How the process has set its signals; None if it is gone or a zombie."""
    fields = _status(_PROC / str(pid) / "status")
    if fields is None or fields.get("State", "Z").startswith(("Z", "X")):
        return None
    blocked, at_rest = _ALL_SIGNALS, True
    for thread in _threads(pid):
        call = _system_call(thread)
        of_thread = _status(thread / "status")
        if of_thread is not None:
            blocked &= int(of_thread["SigBlk"], 16) | _waited_for(pid, call)
            at_rest = at_rest and call != [b"running"] and call == _system_call(thread)
    return SignalMasks(blocked, int(fields["SigIgn"], 16), int(fields["SigCgt"], 16), at_rest)


def command_line(pid: int) -> str | None:
    """The words of its command, separated by spaces; [name] for one without (a zombie); None if it is gone."""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes()
        if not words:
            name = (_PROC / str(pid) / "comm").read_bytes().strip()
            return f"[{name.decode(errors='replace')}]"
    except OSError:
        return None
    return words.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")[:_SHOWN_OF_A_COMMAND]


def parent(pid: int) -> int | None:
    """The parent's PID; None if the process is gone."""
    fields = _stat(_PROC / str(pid) / "stat")
    return int(fields[1]) if fields else None


def descendants(root: int) -> tuple[int, ...]:
    """All processes below that one, parents before their children."""
    if not (_PROC / "self/task" / str(os.getpid()) / "children").exists():  # a kernel without CONFIG_PROC_CHILDREN
        return _descendants_by_scan(root)
    found: list[int] = []
    queue = [root]
    while queue:
        below = _children(queue.pop(0))
        found += below
        queue += below
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Load:
    """What processes do: whether any of their threads wants a processor or the disk now, and the time they have had."""

    runnable: bool
    processor_s: Seconds


def load(pids: Sequence[int]) -> Load:
    """What these processes do at this moment; each thread is looked at."""
    runnable, ticks = False, 0
    for pid in pids:
        for thread in _threads(pid):
            fields = _stat(thread / "stat")
            runnable = runnable or fields[:1] in _RUNNABLE
        fields = _stat(_PROC / str(pid) / "stat")
        ticks += sum(int(field) for field in fields[11:13])  # utime and stime
    return Load(runnable, Seconds(ticks * _TICK_S))


def listening_sockets(pids: tuple[int, ...]) -> frozenset[tuple[str, int]]:
    """(address, port) of the TCP sockets in state LISTEN that one of these processes holds.

    A process that another user's rights protect is left out. All are taken to share the network namespace of the first.
    """
    inodes: set[str] = set()
    for pid in pids:
        inodes |= _socket_inodes(pid)
    found: set[tuple[str, int]] = set()
    for table in ("tcp", "tcp6") if pids and inodes else ():
        try:
            lines = (_PROC / str(pids[0]) / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if columns[3] == _LISTEN and columns[9] in inodes:
                found.add(_address(columns[1]))
    return frozenset(found)


def _status(file: Path) -> dict[str, str] | None:
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return None
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def _stat(file: Path) -> list[bytes]:
    """The fields of a process' or thread's stat, from its state on; none if it is gone."""
    try:
        stat = file.read_bytes()
    except OSError:
        return []
    # The command's name in parentheses may itself hold spaces and parentheses.
    return stat[stat.rindex(b")") + 1 :].split()


def _system_call(thread: Path) -> list[bytes]:
    """The system call that a thread sleeps in, and its arguments; "running" while in none; nothing where it hides."""
    try:
        return (thread / "syscall").read_bytes().split()
    except OSError:
        return []


def _waited_for(pid: int, call: list[bytes]) -> int:
    """The signals that a thread in this call waits for in sigwait: meanwhile the kernel takes them out of its SigBlk.

    All signals if it does wait but its set cannot be read; none where the system call's number is not known here.
    """
    if _RT_SIGTIMEDWAIT is None or call[:1] != [_RT_SIGTIMEDWAIT]:
        return 0
    try:
        with (_PROC / str(pid) / "mem").open("rb", buffering=0) as memory:
            memory.seek(int(call[1], 16))
            return int.from_bytes(memory.read(8), sys.byteorder)
    except (OSError, ValueError, OverflowError):
        return _ALL_SIGNALS


def _threads(pid: int) -> tuple[Path, ...]:
    try:
        return tuple((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return ()


def _children(pid: int) -> list[int]:
    """A process' children; each of its threads has its own list."""
    found: list[int] = []
    for thread in _threads(pid):
        try:
            found += [int(word) for word in (thread / "children").read_bytes().split()]
        except OSError:
            continue
    return found


def _descendants_by_scan(root: int) -> tuple[int, ...]:
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            pid = int(entry.name)
            above = parent(pid)
            if above is not None:
                children.setdefault(above, []).append(pid)
    found: list[int] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += below
    return tuple(found)


def _socket_inodes(pid: int) -> set[str]:
    inodes: set[str] = set()
    try:
        descriptors = list((_PROC / str(pid) / "fd").iterdir())
    except OSError:
        return inodes
    for descriptor in descriptors:
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[len("socket:[") : -1])
    return inodes


def _address(column: str) -> tuple[str, int]:
    """ "0100007F:1F90" is 127.0.0.1, port 8080: each 32-bit word in the machine's byte order (proc_net_tcp)."""
    address, port = column.split(":")
    words = [int(address[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(address), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return str(ipaddress.ip_address(socket.inet_ntop(family, b"".join(words)))), int(port, 16)
