"""The process engine: each container is a tree of real processes below a launcher of its own (launcher.py, T52-T59).

Decides nothing. All that can wait is the launcher's word, an end of file, or a process' end; nothing is polled.
"""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lameduck.ending.happenings import HookFailure
from lameduck.pod.place import InputError
from lameduck.rehearse import proc, without_proc
from lameduck.rehearse.emulation import refuse_killing_pid_1
from lameduck.rehearse.engine import ContainerProcess, ExecResult, Exit, Isolation, ProcessSpec, Reception
from lameduck.rehearse.isolation import choose
from lameduck.rehearse.launching import launcher_command, pack, receive_message
from lameduck.rehearse.pipes import PipeReader
from lameduck.rehearse.starting import why_not_started

__all__ = ["ProcessEngine"]

_SO_PASSCRED = 16  # socket(7): messages carry the sender's PID, as the receiver sees it
_SCM_CREDENTIALS = 2
_UCRED = struct.Struct("3i")
_ENDS_WITHIN_S = 8.0
"""How long the end of all containers is waited for; the emulated tree is killed within 5 (launcher.py)."""

_LOOKS_AGAIN_S = (0.002, 0.004)
"""Shells block all signals while they fork: what is found blocked is looked at again before it is believed."""
_LOOKS_UNTIL_AT_REST = 50
"""Emulated, a signal that PID 1 would discard is ours to withhold: not from one on its way out of sigwait (proc.py)."""

_KILLED = 137  # 128 + SIGKILL (T58)


class ProcessEngine:
    """Starts containers as process trees of this machine. `async with` ends them all, and so does our own death.

    `prefer`: an isolation to insist on; None takes the truest that is possible.
    Raises InputError if it is not possible here.
    """

    def __init__(self, prefer: Isolation | None = None) -> None:
        self.isolation = choose(prefer)
        self._containers: list[_Container] = []

    async def __aenter__(self) -> "ProcessEngine":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def start(self, spec: ProcessSpec, on_output: Callable[[str, str], None]) -> ContainerProcess:
        """Start a container's main process; returns when its program has been executed.

        `on_output(stream, line)`, stream being stdout or stderr: see output.py for how much is kept of very much.
        Raises InputError, naming the command, if it cannot be started.
        """
        if not spec.argv or not spec.argv[0]:
            raise InputError("It has no command.", at=f"{spec.pod}/{spec.container}", do="Give it one with --run.")
        if any("\0" in word for word in (*spec.argv, *spec.env, *spec.env.values(), spec.cwd or "")):
            raise InputError(
                "A word of its command or environment holds a NUL character.",
                at=f"{spec.pod}/{spec.container}",
                do="Take it out: no process can be given one.",
            )
        container = _Container(spec, self.isolation, on_output)
        self._containers.append(container)
        try:
            await container.begin()
        except BaseException:
            container.abandon()
            raise
        return container

    async def close(self) -> None:
        """End all that was started, hooks included. Bounded in time; twice is fine; cancelling it still ends them."""
        containers, self._containers = self._containers, []
        for container in containers:
            container.abandon()
        try:
            async with asyncio.timeout(_ENDS_WITHIN_S):
                for container in containers:
                    await container.over()
        except TimeoutError:
            pass
        finally:
            for container in containers:
                container.make_sure()


class _Container:
    """One launcher, and what lameduck knows of the container below it."""

    def __init__(self, spec: ProcessSpec, isolation: Isolation, on_output: Callable[[str, str], None]) -> None:
        self._spec = spec
        self._isolation = isolation
        self._on_output = on_output
        self._pid = 0
        self._launcher: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._streams: list[PipeReader] = []
        loop = asyncio.get_running_loop()
        self._started: asyncio.Future[tuple[Any, ...]] = loop.create_future()
        self._exit: asyncio.Future[Exit] = loop.create_future()
        self._answers: dict[int, asyncio.Future[tuple[Any, ...]]] = {}
        self._asked = 0

    @property
    def pid(self) -> int:
        """The main process' PID as this machine sees it."""
        return self._pid

    async def begin(self) -> None:
        """Start the launcher, and wait for its word on the main process."""
        spec = self._spec
        control, their_control = socket.socketpair()
        hello, their_hello = socket.socketpair()
        if sys.platform == "linux":
            hello.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
        with hello:
            with their_control, their_hello:
                try:
                    self._spawn(their_control.fileno(), their_hello.fileno())
                except BaseException:
                    control.close()
                    raise
            try:
                reader, self._writer = await asyncio.open_connection(sock=control)
            except BaseException:
                control.close()
                raise
            self._listening = asyncio.create_task(self._listen(reader), name=f"{spec.pod}/{spec.container}")
            env = {os.fsencode(key): os.fsencode(value) for key, value in spec.env.items()}
            cwd = None if spec.cwd is None else os.fsencode(spec.cwd)
            self._writer.write(pack("start", [os.fsencode(word) for word in spec.argv], env, cwd))
            answer = await self._started
            if answer[0] == "failed":
                raise why_not_started(spec, answer[1], answer[2])
            self._pid = _sender_of(hello)

    def _spawn(self, control: int, hello: int) -> None:
        pipes = [os.pipe(), os.pipe()]
        try:
            self._launcher = subprocess.Popen(
                launcher_command(self._isolation, control, hello),
                pass_fds=(control, hello),
                stdin=subprocess.DEVNULL,
                stdout=pipes[0][1],
                stderr=pipes[1][1],
                start_new_session=True,  # a Ctrl-C of the terminal is ours alone
            )
        except BaseException:
            for reader, _ in pipes:
                os.close(reader)
            raise
        finally:
            for _, writer in pipes:
                os.close(writer)
        names = ("stdout", "stderr")
        self._streams = [PipeReader(pipe[0], name, self._on_output) for pipe, name in zip(pipes, names, strict=True)]

    async def signal(self, signum: int) -> Reception:
        """Send a signal to the main process only (T52), as from outside its PID namespace; says what it met (T54)."""
        reception, at_rest = self._reception(signum)
        for pause_s in _LOOKS_AGAIN_S if reception.handling == "blocked" else ():
            await asyncio.sleep(pause_s)
            reception, at_rest = self._reception(signum)
        if self._isolation is Isolation.EMULATED:
            for _ in range(_LOOKS_UNTIL_AT_REST):
                if at_rest or reception.handling != "discarded":
                    break
                await asyncio.sleep(_LOOKS_AGAIN_S[0])
                reception, at_rest = self._reception(signum)
            if reception.handling == "discarded":
                return reception
        if reception.handling == "gone":
            return reception
        answer = await self._ask("signal", int(signum))
        match answer:
            case ("signalled", _, 0):
                return reception
            case ("signalled", _, errno.EPERM):
                raise InputError(
                    f"The main process runs as another user, whom this one may not signal: {reception.main}.",
                    at=f"{self._spec.pod}/{self._spec.container}",
                    do="Rehearse it as root, or start it as this user.",
                )
            case _:
                return replace(reception, handling="gone")

    def handling(self, signum: int) -> str:
        """What a signal would meet now, in the words of Reception."""
        return self._reception(signum)[0].handling

    def listens(self) -> bool:
        """Whether one of the container's processes listens on a TCP port now; False where nobody can tell."""
        return proc.available() and bool(self._listening_ports())

    async def kill(self) -> None:
        """SIGKILL to the main process; the rest of the container dies with it (T57)."""
        await self._ask("signal", int(signal.SIGKILL))

    async def exec(self, argv: tuple[str, ...], *, within_s: float | None = None) -> ExecResult:
        """Run a command in the container's namespaces, environment and directory, without a shell (T29, T30, T31).

        Cancelling stops the waiting, not the command (T19). After `within_s` it is killed, as by a probe's timeout:
        status None, failure KILLED. Raises InputError where it would hit a process of this machine (emulation.py).
        """
        if self._isolation is Isolation.EMULATED:
            refuse_killing_pid_1(argv, at=f"{self._spec.pod}/{self._spec.container}")
        answer = await self._ask("exec", [os.fsencode(word) for word in argv], within_s)
        match answer:
            case ("exec-failed", _, int(number)):
                missing = number in (errno.ENOENT, errno.ENOTDIR)
                failure = HookFailure.NO_SUCH_PROGRAM if missing else HookFailure.NOT_EXECUTABLE
                return ExecResult(None, failure, os.strerror(number))
            case ("exec-ended", _, int(status), bytes(output)):
                return ExecResult(status, HookFailure.EXIT_STATUS if status else None, output.decode(errors="replace"))
            case ("exec-ended", _, None, bytes(output)):
                return ExecResult(None, HookFailure.KILLED, output.decode(errors="replace"))
            case _:
                return ExecResult(None, HookFailure.KILLED, "")

    async def wait(self) -> Exit:
        """The end of the main process, after all that it wrote has reached `on_output`. May be awaited by many."""
        return await asyncio.shield(self._exit)

    async def listening_ports(self) -> frozenset[tuple[str, int]]:
        """(address, port) of the TCP sockets that the container's processes listen on."""
        if not proc.available():
            return frozenset() if self._exit.done() else await without_proc.listening_sockets(self._pid)
        return await asyncio.to_thread(self._listening_ports)

    def _listening_ports(self) -> frozenset[tuple[str, int]]:
        above = None if self._exit.done() else proc.parent(self._pid)
        return frozenset() if above is None else proc.listening_sockets(proc.descendants(above))

    def _reception(self, signum: int) -> tuple[Reception, bool]:
        """What the signal is going to meet, read before it is sent; whether the main process was at rest (proc.py)."""
        if self._exit.done():
            return Reception("gone", "", ()), True
        if not proc.available():
            return Reception("unknown", " ".join(self._spec.argv), ()), True
        masks = proc.signal_masks(self._pid)
        main = proc.command_line(self._pid)
        if masks is None or main is None:
            return Reception("gone", "", ()), True
        commands = (proc.command_line(pid) for pid in proc.descendants(self._pid))
        below = tuple(command for command in commands if command is not None)
        handling = masks.handling(signum)
        if handling == "default" and signum not in (signal.SIGKILL, signal.SIGSTOP):  # those reach any PID 1
            handling = "discarded"
        return Reception(handling, main, below), masks.at_rest

    async def _ask(self, what: str, *arguments: object) -> tuple[Any, ...] | None:
        """The guard's answer; None if the container is gone."""
        if self._exit.done() or self._writer is None or self._writer.is_closing():
            return None
        self._asked += 1
        number = self._asked
        answer: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._writer.write(pack(what, number, *arguments))
        try:
            return await answer
        finally:
            self._answers.pop(number, None)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Take the guard's messages until it and the launcher are gone."""
        exit_code = _KILLED  # what becomes of the main process if its guard dies without a word
        while (message := await receive_message(reader)) is not None:
            match message[0]:
                case "started" | "failed":
                    if not self._started.done():
                        self._started.set_result(message)
                case "exit":
                    exit_code = message[1]
                    self._end(exit_code)
                case _:
                    answer = self._answers.get(message[1])
                    if answer is not None and not answer.done():
                        answer.set_result(message)
        self._end(exit_code)
        if self._launcher is not None:
            await asyncio.to_thread(
                self._launcher.wait
            )  # both ends of the control socket are closed: it is a matter of µs
        if self._writer is not None:
            self._writer.close()

    def _end(self, exit_code: int) -> None:
        """All that waits for this container gets its answer; what it wrote comes first."""
        try:
            for stream in self._streams:
                stream.drain()
        finally:
            if not self._exit.done():
                self._exit.set_result(Exit(exit_code))
            if not self._started.done():
                self._started.set_result(("failed", "the launcher died", 0))
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_result(("gone",))

    def abandon(self) -> None:
        """Tell the guard that it is over; it kills all. At once, without waiting."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.write_eof()
        elif self._launcher is not None:
            self._launcher.kill()

    async def over(self) -> None:
        """Wait until the launcher and all below it are gone."""
        if self._listening is not None:
            await asyncio.shield(self._listening)

    def make_sure(self) -> None:
        """The last resort, and the end of our descriptors: nothing is waited for here but the launcher's own death."""
        for stream in self._streams:
            stream.close()
        if self._launcher is not None and self._launcher.returncode is None:
            try:
                self._launcher.wait(2)
            except subprocess.TimeoutExpired:
                self._launcher.kill()
                self._launcher.wait()
        if self._listening is not None:
            self._listening.cancel()
        if self._writer is not None:
            self._writer.close()


def _sender_of(hello: socket.socket) -> int:
    """The main process' PID as we see it: told by the kernel if it tells (unix(7)), by the process itself otherwise."""
    data, ancillary, _, _ = hello.recvmsg(32, socket.CMSG_SPACE(_UCRED.size))
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == _SCM_CREDENTIALS:
            return int(_UCRED.unpack(payload[: _UCRED.size])[0])
    return int(data)
