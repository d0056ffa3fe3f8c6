"""Starts one container's main process as PID 1, and stays its keeper.

Run as `python -I -S launcher.py MODE CONTROL HELLO PARENT`: an isolation, two inherited sockets, lameduck's PID.
Standard library only, no import of lameduck, few imports at all: its start is part of every container's start.

    lameduck ── launcher ── guard (PID 1 of an outer namespace) ── main (PID 1 of the inner one) ── ...
                              └─ exec hooks and exec probes (in the inner namespace, below the guard)

Why two namespaces: PR_SET_PDEATHSIG is forgotten when a program changes its user (prctl(2)), so it cannot be trusted
with the user's program. The guard changes nothing and runs no foreign code; as PID 1 of the outer namespace its death,
however it comes, makes the kernel kill everything below (pid_namespaces(7), T57). The chain that ends all:

- lameduck dies: CONTROL is at end of file, and PR_SET_PDEATHSIG kills the launcher;
- the launcher dies: PR_SET_PDEATHSIG kills the guard, and its end of the `alive` pipe is closed;
- the guard dies: the kernel kills both namespaces.

In mode `emulated` there are no namespaces: the launcher is the guard, and a subreaper, so that orphans come to it
and the tree below it is all there is to kill. Only its own death by SIGKILL can leave grandchildren behind there.

Messages are marshalled tuples behind four bytes of length. marshal, because both ends are one interpreter, and it
needs no import time; the user's programs never hold CONTROL.
To the guard: ("start", argv, env, cwd), ("exec", id, argv, within_s), ("signal", id, number).
From the guard: ("failed", stage, errno), ("started",), ("exec-failed", id, errno), ("exec-ended", id, status, output),
("signalled", id, errno), ("exit", status); the last one is the end of all processes of the container.
"""

# pathlib, contextlib and typing would cost milliseconds of every start.
# ruff: noqa: SIM105

from __future__ import annotations

import ctypes
import errno
import marshal
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PF_EXITING = 0x4  # in the flags of /proc/PID/stat
KEPT_OUTPUT = 4096  # bytes of an exec's output that are reported
TREE_ENDS_WITHIN_S = 5.0  # emulated: how long the guard goes on killing what is left

LINUX = sys.platform == "linux"
libc = ctypes.CDLL(None, use_errno=True)


class StartError(Exception):
    """The main process cannot be started; `stage` is namespace, fork, proc, directory or program."""

    def __init__(self, stage: str, number: int) -> None:
        super().__init__(stage, number)
        self.stage = stage
        self.number = number


def call(stage: str, result: int) -> None:
    """Turn libc's -1 into an exception."""
    if result == -1:
        raise StartError(stage, ctypes.get_errno())


def die_with_parent(signum: int) -> None:
    """Ask the kernel for that signal at the death of the parent. The caller checks that it is not dead already."""
    if LINUX:
        libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)


def send(control: int, *message: Any) -> None:
    """Write one message; lameduck being gone is not an error, the end of CONTROL says so."""
    body = marshal.dumps(message)
    data = len(body).to_bytes(4, "big") + body
    try:
        while data:
            data = data[os.write(control, data) :]
    except OSError:
        pass


def read_exactly(fd: int, size: int) -> bytes:
    """Read that many bytes, fewer only at end of file."""
    data = b""
    while len(data) < size:
        chunk = os.read(fd, size - len(data))
        if not chunk:
            break
        data += chunk
    return data


def receive(control: int) -> tuple[Any, ...] | None:
    """Read one message; None at end of file."""
    head = read_exactly(control, 4)
    if len(head) < 4:
        return None
    body = read_exactly(control, int.from_bytes(head, "big"))
    try:
        message: tuple[Any, ...] = marshal.loads(body)
    except (EOFError, ValueError):  # cut: lameduck died while writing
        return None
    return message


def make_namespaces(in_user_namespace: bool) -> None:
    """Leave for a mount and a PID namespace of our own; the PID namespace holds only those forked from now on."""
    uid, gid = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | CLONE_NEWPID | (CLONE_NEWUSER if in_user_namespace else 0)
    call("namespace", libc.unshare(flags))
    if in_user_namespace:
        # The user stays who they are. setgroups must be denied before an unprivileged gid_map (user_namespaces(7)).
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            try:
                fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
                try:
                    os.write(fd, text.encode())
                finally:
                    os.close(fd)
            except OSError as error:
                raise StartError("namespace", error.errno or 0) from error
    # Private first: our /proc must not appear in the host's mount namespace.
    call("namespace", libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))


def process_parents() -> dict[int, int]:
    """Each process' parent, of all that this machine shows."""
    parents = {}
    if LINUX:
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/stat", "rb") as file:
                        stat = file.read()
                except OSError:
                    continue
                # The command's name in parentheses may itself hold spaces and parentheses.
                parents[int(name)] = int(stat[stat.rindex(b")") + 1 :].split()[1])
        return parents
    import subprocess

    listing = subprocess.run(["ps", "-A", "-o", "pid=", "-o", "ppid="], capture_output=True, check=False)
    for line in listing.stdout.splitlines():
        pid, parent = line.split()
        parents[int(pid)] = int(parent)
    return parents


def descendants(root: int) -> list[int]:
    """All processes below that one."""
    children: dict[int, list[int]] = {}
    for pid, parent in process_parents().items():
        children.setdefault(parent, []).append(pid)
    found = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def reap() -> list[tuple[int, int]]:
    """Take the exit statuses that are there: (pid, 0..255 or 128+signal)."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        code = os.waitstatus_to_exitcode(status)
        ended.append((pid, code if code >= 0 else 128 - code))


class Exec:
    """A hook or probe command under way: over when it has exited and its output is at end of file (T30)."""

    def __init__(self, number: int, pid: int, trouble: int, output: int, within_s: float | None) -> None:
        self.number = number
        self.pid = pid
        self.trouble = trouble
        """Closed by the kernel when the program is executed; else it brings the reason."""
        self.output = output
        self.deadline = None if within_s is None else time.monotonic() + within_s
        self.status: int | None = None
        self.error = 0
        self.kept = b""
        self.open = {trouble, output}

    def read(self, fd: int) -> None:
        """Take what is there; output beyond the first bytes is read and forgotten, so that no writer is blocked."""
        try:
            data = os.read(fd, 65536)
        except OSError:
            data = b""
        if not data:
            self.close(fd)
        elif fd == self.trouble:
            self.error = error_in(data)
        else:
            self.kept = (self.kept + data)[:KEPT_OUTPUT]

    def close(self, fd: int) -> None:
        if fd in self.open:
            self.open.remove(fd)
            os.close(fd)


def error_in(data: bytes) -> int:
    """The errno in a child's last words, `stage errno`."""
    return int(data.split()[1])


class Guard:
    """Keeper of one container: starts the main process and what is executed beside it, and reports their ends."""

    def __init__(self, mode: str, control: int, hello: int, alive: int | None) -> None:
        self.emulated = mode == "emulated"
        self.control = control
        self.hello = hello
        self.alive = alive
        self.pid = os.getpid()
        self.main = 0
        self.env: dict[bytes, bytes] = {}
        self.cwd: bytes | None = None
        self.execs: dict[int, Exec] = {}
        self.null = os.open(os.devnull, os.O_RDWR)
        self.asked_to_end = False
        self.wake, wake_writer = os.pipe()
        for fd in (self.wake, wake_writer):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if self.emulated:
            signal.signal(signal.SIGTERM, self.note_end)

    def note_end(self, *_: object) -> None:
        self.asked_to_end = True

    def run(self) -> None:
        """The whole life of the container."""
        message = receive(self.control)
        if message is None:
            return
        _, argv, self.env, self.cwd = message
        try:
            self.start(argv)
        except StartError as failure:
            send(self.control, "failed", failure.stage, failure.number)
            return
        send(self.control, "started")
        for fd in (1, 2):  # our copies would keep the container's output from ending
            os.dup2(self.null, fd)
        status = None
        while status is None and not self.asked_to_end:
            status = self.turn()
        if self.emulated:
            end_tree(self.main)
        # T31: what was executed beside the main process has died with it, and has failed.
        for exec_ in self.execs.values():
            send(self.control, "exec-ended", exec_.number, None, exec_.kept)
        send(self.control, "exit", 137 if status is None else status)

    def start(self, argv: list[bytes]) -> None:
        """Fork the main process and wait until its program is executed."""
        if not self.emulated:
            call("namespace", libc.unshare(CLONE_NEWPID))
        trouble, writer = os.pipe()
        try:
            self.main = os.fork()
        except OSError as error:
            raise StartError("fork", error.errno or 0) from error
        if self.main == 0:
            self.become(argv, writer, 1, 2, as_main=True)
        os.close(writer)
        last_words = read_exactly(trouble, 64)
        os.close(trouble)
        if last_words:
            raise StartError(last_words.split()[0].decode(), error_in(last_words))

    def execute(self, number: int, argv: list[bytes], within_s: float | None) -> None:
        """Fork a hook or a probe command; it lands in the namespaces of the main process."""
        trouble, trouble_writer = os.pipe()
        output, output_writer = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:  # ENOMEM: the main process is dead, the PID namespace takes nobody any more
            for fd in (trouble, trouble_writer, output, output_writer):
                os.close(fd)
            if error.errno == errno.ENOMEM and not self.emulated:
                send(self.control, "exec-ended", number, None, b"")
            else:
                send(self.control, "exec-failed", number, error.errno)
            return
        if pid == 0:
            self.become(argv, trouble_writer, output_writer, output_writer, as_main=False)
        os.close(trouble_writer)
        os.close(output_writer)
        self.execs[number] = Exec(number, pid, trouble, output, within_s)

    def become(self, argv: list[bytes], trouble: int, stdout: int, stderr: int, *, as_main: bool) -> None:
        """In the child: turn into the program. Never returns. All other descriptors are closed by the exec."""
        stage = "namespace"
        try:
            signal.set_wakeup_fd(-1)
            # Python ignores SIGPIPE, and lameduck may run under nohup; a container starts with the defaults.
            for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(signum, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.setsid()
            if self.emulated:
                die_with_parent(signal.SIGKILL)
                if os.getppid() != self.pid:
                    os._exit(1)
            if as_main:
                if not self.emulated:
                    stage = "proc"
                    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
                    call(stage, libc.mount(b"proc", b"/proc", b"proc", flags, None))
                os.write(self.hello, b"%d" % os.getpid())  # the kernel adds the PID as lameduck sees it
            os.dup2(self.null, 0)
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            stage = "directory"
            if self.cwd is not None:
                os.chdir(self.cwd)
            stage = "program"
            os.execvpe(argv[0], argv, self.env)
        except StartError as failure:
            os.write(trouble, b"%s %d" % (failure.stage.encode(), failure.number))
        except OSError as error:
            os.write(trouble, b"%s %d" % (stage.encode(), error.errno or 0))
        except ValueError:  # an empty or impossible word
            os.write(trouble, b"%s %d" % (stage.encode(), errno.EINVAL))
        finally:
            os._exit(127)

    def turn(self) -> int | None:
        """Wait for something and deal with it; the main process' status once it has ended."""
        poll = select.poll()
        watched = [self.control, self.wake, *([] if self.alive is None else [self.alive])]
        owners = {fd: exec_ for exec_ in self.execs.values() for fd in exec_.open}
        for fd in (*watched, *owners):
            poll.register(fd, select.POLLIN)
        deadlines = [exec_.deadline for exec_ in self.execs.values() if exec_.deadline is not None]
        timeout = None if not deadlines else max(0.0, min(deadlines) - time.monotonic()) * 1000
        ready = {fd for fd, _ in poll.poll(timeout)}

        status = None
        if self.wake in ready:
            try:
                os.read(self.wake, 4096)
            except BlockingIOError:
                pass
            # Also those executed beside it: PID 1's end waits for all of its namespace to be reaped, and they are ours.
            for pid, code in reap():
                if pid == self.main:
                    status = code
                elif code == 128 + signal.SIGKILL and self.main_is_ending():
                    continue  # it died with the main process: reported as such at the end of run()
                for exec_ in self.execs.values():
                    if exec_.pid == pid:
                        exec_.status = code
        for fd in ready & owners.keys():
            owners[fd].read(fd)
        self.report_ended_execs()
        if self.alive in ready:
            self.asked_to_end = True
        if self.control in ready and status is None:
            self.obey(receive(self.control))
        return status

    def main_is_ending(self) -> bool:
        """Whether PID 1 is in its exit already, which kills the others before it can itself be reaped (T57).

        /proc is the container's here: the main process has mounted it in the mount namespace that we share.
        """
        if self.emulated:
            return False
        try:
            with open("/proc/1/stat", "rb") as file:
                stat = file.read()
        except OSError:
            return True
        return bool(int(stat[stat.rindex(b")") + 1 :].split()[6]) & PF_EXITING)

    def report_ended_execs(self) -> None:
        now = time.monotonic()
        for exec_ in list(self.execs.values()):
            ended = exec_.status is not None and not exec_.open
            late = exec_.deadline is not None and exec_.deadline <= now
            if not ended and not late:
                continue
            del self.execs[exec_.number]
            for fd in list(exec_.open):
                exec_.close(fd)
            if exec_.error:
                send(self.control, "exec-failed", exec_.number, exec_.error)
                continue
            if exec_.status is None:
                os.kill(exec_.pid, signal.SIGKILL)
            send(self.control, "exec-ended", exec_.number, exec_.status if ended else None, exec_.kept)

    def obey(self, message: tuple[Any, ...] | None) -> None:
        """Do what lameduck asks; None is its end."""
        if message is None:
            self.asked_to_end = True
        elif message[0] == "exec":
            self.execute(*message[1:])
        elif message[0] == "signal":
            # We are the parent and have not reaped it: this PID cannot have become another process.
            number = 0
            try:
                os.kill(self.main, message[2])
            except OSError as error:
                number = error.errno or 0
            send(self.control, "signalled", message[1], number)


def end_tree(main: int) -> None:
    """Emulated T57: kill all that is left below us, again and again until nothing is; those reparented to us included.

    A process killed can fork no more, so that a storm of forks ends, too.
    """
    until = time.monotonic() + TREE_ENDS_WITHIN_S
    if not LINUX and main:
        try:
            os.killpg(main, signal.SIGKILL)  # no subreaper there: at least the session's first group
        except OSError:
            pass
    while time.monotonic() < until:
        reap()
        left = descendants(os.getpid())
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        select.select([], [], [], 0.001)


def main() -> None:
    """Make the namespaces, and the guard in them; see the top of this file."""
    mode, control, hello, parent = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    for fd in (control, hello):
        os.set_inheritable(fd, False)
    if mode == "emulated":
        die_with_parent(signal.SIGTERM)  # not SIGKILL: there is a tree to end first
        if LINUX:
            libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        Guard(mode, control, hello, None).run()
        return
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        return
    try:
        make_namespaces(in_user_namespace=mode == "user-namespace")
        alive, alive_writer = os.pipe()
        guard = os.fork()
    except StartError as failure:
        send(control, "failed", failure.stage, failure.number)
        return
    except OSError as error:
        send(control, "failed", "namespace", error.errno)
        return
    if guard == 0:
        try:
            die_with_parent(signal.SIGKILL)
            os.close(alive_writer)  # at end of file when the launcher is gone, also if it went before the line above
            Guard(mode, control, hello, alive).run()
        finally:
            os._exit(0)
    os.close(alive)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (1, 2):
        os.dup2(null, fd)
    os.waitpid(guard, 0)


if __name__ == "__main__":
    main()
