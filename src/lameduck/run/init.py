"""`lameduck run`: one command's init. The whole story, from its start to its last word.

All signals are blocked before anything else and taken one by one by the loop, so none is lost and none interrupts:
the loop reaps, looks whether all is over, does what is due, and waits for the next signal or the next time.

What keeps it from failing its child: nothing it tells can block; whatever goes wrong in it, a smaller loop goes on
passing signals and reaping; and if it is killed, the kernel kills the rest (as PID 1, T57; else PR_SET_PDEATHSIG).
"""

# contextlib would cost a millisecond of every start.
# ruff: noqa: SIM105

from __future__ import annotations

import os
import signal
import sys
import time

from lameduck.run import starting, tree
from lameduck.run.asking import Door
from lameduck.run.ending import Ending, Phase, Sight
from lameduck.run.passing import Passing
from lameduck.run.telling import Telling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lameduck.run.options import Plan
    from lameduck.run.watching import Watching

__all__ = ["Init"]

LOOKS_EVERY_S = 0.1
"""While a stop is under way: at connections, and at what shells start."""
KILLED_ARE_GONE_WITHIN_S = 2.0
"""After SIGKILL; what the kernel still holds then is left to it."""
TERMINAL_STOPS = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})


class Init:
    """A command, its descendants, and their ending."""

    def __init__(self, plan: Plan, signals: frozenset[int], mask: Iterable[int]) -> None:
        self.plan = plan
        self.signals = signals
        self.undoing = starting.Undoing(mask)
        quiet = plan.quiet or not starting.own_descriptors()
        self.telling = Telling(quiet=quiet, termination_log=plan.termination_log)
        self.passing = Passing(plan.reach)
        self.door = Door()
        self.watching: Watching | None = None
        self.first = os.getpid() == 1
        self.child = 0
        self.trouble = -1
        self.code: int | None = None
        """The child's exit code, once it is gone."""
        self.alone = False
        """No process is left."""
        self.stop_signal = plan.passed_on_as(signal.SIGTERM)
        self.ending: Ending | None = None
        self.hook = 0
        self.hook_ends_at = 0.0
        self.exit_hook_ran = plan.on_exit is None
        self.killed_at: float | None = None
        self.library_waits = False
        """The service has the library in it, which has the lame duck."""
        self.suspending = False
        """A terminal's stop signal has been passed on."""

    def run(self) -> int:
        """Start the command, see it to its end, and answer the exit code."""
        if self.plan.parent_death and not starting.when_parent_dies(self.plan.parent_death):
            self.warn("the parent-death signal cannot be set here: nothing will tell of the parent's death")
        if not starting.adopt_orphans():
            self.warn("orphans cannot be adopted here: processes that the command leaves behind are not waited for")
        stopped_by = self.stopped_before_start()
        if stopped_by:
            self.telling.step(0.0, "stopped-before-start", signal=named(stopped_by))
            return self.leave(128 + stopped_by)
        try:
            self.start()
        except OSError as error:
            sys.stderr.write(f"lameduck run: no process can be started: {error.strerror}.\n")
            return starting.NOT_EXECUTABLE
        try:
            self.live()
        except Exception as fault:
            # Whatever it was, the child must not be left alone with it.
            self.telling.step(self.now_s(), "fault", text=f"{type(fault).__name__}: {fault}")
            self.live_on()
        return self.leave(1 if self.code is None else self.code)

    def start(self) -> None:
        """Start the command, in the foreground if there is a terminal. Raises OSError: there can be no process."""
        die_with = 0 if self.first else signal.SIGKILL
        settings = self.plan.environment(starting.first_environment())
        self.child, self.trouble = starting.start(
            self.plan.command, self.undoing, settings, foreground=True, die_with=die_with
        )
        try:
            self.door.open()
        except OSError:
            pass  # prestop says so, if there is one

    def live(self) -> None:
        """The loop."""
        while True:
            self.reap()
            self.step()
            if self.over():
                return
            timeout = self.patience()
            taken = signal.sigwaitinfo(self.signals) if timeout is None else signal.sigtimedwait(self.signals, timeout)
            if taken is not None:
                self.reap()  # SIGHUP is taken before SIGCHLD: it must not go to a child that is dead by now
                self.take(taken)

    def live_on(self) -> None:
        """The smaller loop: pass on, reap, and kill when the grace ends."""
        kill_at = self.ending.kill_at if self.ending is not None else None
        while not self.alone:
            self.reap()
            if self.code is not None and not self.plan.wait_all:
                return
            taken = signal.sigtimedwait(self.signals, 1.0)
            if taken is not None and taken.si_signo not in (signal.SIGCHLD, signal.SIGIO) and self.code is None:
                os.kill(self.child, taken.si_signo)
            if kill_at is not None and time.monotonic() >= kill_at and self.code is None:
                os.kill(self.child, signal.SIGKILL)

    # signals

    def stopped_before_start(self) -> int:
        """The stop signal that came before there was anything to stop; 0: none."""
        return next((int(signum) for signum in signal.sigpending() if signum in self.plan.stop_on), 0)

    def take(self, taken: signal.struct_siginfo) -> None:
        """One signal has come."""
        signum, from_kernel = taken.si_signo, taken.si_code > 0
        if signum == signal.SIGCHLD:
            return  # the loop reaps
        if signum == signal.SIGIO and from_kernel:
            if self.door.answer():
                self.asked_by_hook()
            return
        if signum in TERMINAL_STOPS and from_kernel:
            return  # we do not read the terminal, and may write to it from the background
        if signum in self.plan.stop_on and (self.code is None or not self.plan.wait_all):
            self.asked_to_stop(signum, taken.si_pid)
            return
        self.suspending = signum in TERMINAL_STOPS or (self.suspending and signum != signal.SIGCONT)
        self.pass_on(signum)

    def asked_to_stop(self, signum: int, sender: int) -> None:
        """A stop signal: the first begins the ending, a second one hurries it, later ones are passed on."""
        now = time.monotonic()
        self.stop_signal = self.plan.passed_on_as(signum)
        if self.ending is None:
            self.begin(now, signalled=True)
            # 0: whoever sent it has no PID here, as a container's runtime.
            self.telling.step(0.0, "stop-asked", by=named(signum), sender=sender)
            if self.library_waits:
                self.telling.step(0.0, "note", text="the library in the service has the lame duck")
        elif self.ending.phase is Phase.STOPPING:
            self.pass_on(signum)
        else:
            self.ending.ask_again(now)
            self.telling.step(self.now_s(), "stop-asked", by=named(signum), sender=sender)

    def asked_by_hook(self) -> None:
        """`lameduck prestop` asks for the lame duck (T22: also when a liveness probe has failed)."""
        if self.ending is None:
            self.begin(time.monotonic(), signalled=False)
            self.telling.step(0.0, "stop-asked", by="prestop")
        elif self.ending.phase is not Phase.LAME_DUCK:
            self.door.release(b"over\n")

    def pass_on(self, signum: int) -> None:
        """Pass one signal on, as what it is mapped to."""
        mapped = self.plan.passed_on_as(signum)
        if mapped == 0:
            return
        names = [name for root in self.roots() for name in self.passing.once(root, mapped)]
        if self.plan.verbose:
            self.telling.line({"t_s": self.now_s(), "what": "signal-forwarded", "signal": named(mapped), "to": names})

    def roots(self) -> list[int]:
        """The child or, when it is gone, those that it has left to us."""
        if self.code is None:
            return [self.child]
        me = os.getpid()
        return [pid for pid in tree.children().get(me, []) if pid != self.hook]

    # the ending

    def begin(self, now: float, *, signalled: bool) -> None:
        """The stop begins: with the lame duck, and the hook beside it."""
        if signalled and self.door.library_waits():
            # It sees the requests themselves, and waits for as long as we would (docs/protocol.md).
            self.plan.lame_duck, self.plan.drain_ports = (0.0, 0.0), frozenset()
            self.library_waits = True
        self.ending = Ending(self.plan, now, signalled=signalled)
        if not signalled:
            self.door.tell_libraries(b"lame-duck\n")
        if self.plan.lame_duck[1] > self.plan.lame_duck[0] or self.plan.drain_ports:
            from lameduck.run.watching import Watching  # not before: no container pays for it while it serves

            self.watching = Watching(self.plan, now)
        if self.plan.on_stop is not None:
            self.start_hook(self.plan.on_stop, now)

    def step(self) -> None:
        """Do what is due."""
        ending = self.ending
        if ending is None:
            return
        now = time.monotonic()
        self.watch_hook(now)
        for what, why in ending.step(now, self.sight(now)):
            match what:
                case "lame-duck-ended":
                    if self.plan.lame_duck[1]:
                        self.tell("lame-duck-ended", why=why)
                    self.door.release(b"over\n")
                case "drain-started":
                    self.tell("drain-started", ports=sorted(self.plan.drain_ports))
                case "given-up":
                    self.tell("note", text=f"{why}: serving on")
                    self.ending = self.watching = None
                    return
                case "kill":
                    self.kill()
                case _:
                    self.stop(why, again=what == "stop-again")
        if ending.phase is Phase.STOPPING and not ending.killed:
            self.follow(now)
        if ending.killed:
            self.kill_what_is_left()

    def sight(self, now: float) -> Sight:
        """What the ending needs to know now."""
        ending = self.ending
        if ending is None or ending.phase is Phase.STOPPING:
            return Sight()
        quiet_s, busy = 0.0, 0
        if self.watching is not None:
            if ending.phase is Phase.LAME_DUCK:
                quiet_s = self.watching.quiet_s(now)
            elif ending.phase is Phase.DRAINING:
                busy = self.watching.busy()
        if ending.phase is Phase.LAME_DUCK and self.plan.drain_ports and ending.signalled and self.watching is not None:
            busy = self.watching.busy()  # the lame duck may end in this very step
        return Sight(quiet_s=quiet_s, busy=busy, hook_runs=bool(self.hook))

    def stop(self, why: str, *, again: bool) -> None:
        """Pass the stop signal on."""
        signum = self.plan.second_signal if again and self.plan.second_signal is not None else self.stop_signal
        if signum == 0:
            self.tell("note", text="the stop signal is mapped to 0: not passed on")
            return
        names = self.passing.stop(self.roots(), signum, again=again)
        self.tell("signal-forwarded", signal=named(signum), to=names, why=why)

    def follow(self, now: float) -> None:
        """Tell those who have come since: what a shell has started, and what the child has left behind."""
        if self.stop_signal == 0:
            return
        if self.code is None:
            names = self.passing.follow(self.child, self.stop_signal, now)
        else:
            names = self.passing.stop(self.roots(), self.stop_signal)
        if names:
            self.tell("signal-forwarded", signal=named(self.stop_signal), to=names, why="still there")

    def kill(self) -> None:
        """The grace is nearly over: the end shall be ours, and be told."""
        self.killed_at = time.monotonic()
        left = [f"{tree.program(pid)} ({pid})" for pid in tree.below(os.getpid())]
        self.tell("kill-sent", pod=pod(), container=container(), to=left)

    def kill_what_is_left(self) -> None:
        for pid in tree.below(os.getpid()) or ([self.child] if self.code is None else []):
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue

    # hooks

    def start_hook(self, command: str, now: float) -> None:
        """Run a hook beside everything else; it has its own time."""
        import shlex

        self.tell("hook-started", pod=pod(), container=container(), handler=command)
        try:
            self.hook, trouble = starting.start(
                shlex.split(command), self.undoing, foreground=False, die_with=0 if self.first else signal.SIGKILL
            )
            os.close(trouble)
        except (OSError, ValueError) as error:
            self.hook = 0
            self.tell("hook-finished", pod=pod(), container=container(), outcome="failed", detail=str(error))
        self.hook_ends_at = now + self.plan.hook_within

    def watch_hook(self, now: float) -> None:
        if self.hook and now >= self.hook_ends_at:
            self.hook_over("outlasted", f"not over within {self.plan.hook_within:g} s")

    def hook_over(self, outcome: str, detail: str) -> None:
        pid, self.hook = self.hook, 0
        if outcome == "outlasted":
            try:
                os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        self.tell("hook-finished", pod=pod(), container=container(), outcome=outcome, detail=detail)

    # processes

    def reap(self) -> None:
        """Take every exit that there is."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                self.alone = True
                return
            if pid == 0:
                self.alone = False
                return
            if os.WIFSTOPPED(status):
                if pid == self.child:
                    self.suspend()
                continue
            code = os.waitstatus_to_exitcode(status)
            code = code if code >= 0 else 128 - code
            if pid == self.child and self.code is None:
                self.child_ended(code)
            elif pid == self.hook:
                self.hook_over("ok" if code == 0 else "failed", "" if code == 0 else f"exit code {code}")
            elif self.plan.verbose:
                self.telling.line({"t_s": self.now_s(), "what": "orphan-reaped", "pid": pid, "exit_code": code})

    def child_ended(self, code: int) -> None:
        """The command is gone. What it leaves behind is told to stop too, and is waited for."""
        self.code = code
        now = time.monotonic()
        cannot_start = self.exec_trouble()
        if self.ending is None and not self.plan.wait_all:
            if self.has_no_children() and self.plan.on_exit is None:
                return  # an end of its own, with nothing left: nothing to tell
            self.ending = Ending(self.plan, now, signalled=True)
            self.ending.kill_at = None  # nobody has asked: no grace is running
        if self.ending is not None:
            reason = "Completed" if code == 0 else ("StartError" if cannot_start else "Error")
            self.tell("container-exited", pod=pod(), container=container(), exit_code=code, reason=reason)
            self.ending.child_gone(now, within=self.plan.left_within)
            self.door.release(b"over\n")

    def has_no_children(self) -> bool:
        try:
            # WNOWAIT: only looking.
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return False

    def exec_trouble(self) -> bool:
        """Whether the program could not be executed; the child has said why on stderr."""
        try:
            return bool(os.read(self.trouble, 16))
        except OSError:
            return False
        finally:
            os.close(self.trouble)

    def suspend(self) -> None:
        """The child has stopped, as on ^Z: give the terminal back and stop too, and go on together.

        Not if somebody has stopped it without a terminal, and without us: they would let it go on without us too.
        """
        if self.first or not (self.suspending or os.isatty(0)):
            return
        if not os.isatty(0):
            os.kill(os.getpid(), signal.SIGSTOP)  # the SIGCONT that ends this is passed on like any other
            return
        try:
            os.tcsetpgrp(0, os.getpgrp())
            os.kill(os.getpid(), signal.SIGSTOP)
            # Here we are continued: in the foreground, the terminal is ours to give.
            if os.tcgetpgrp(0) == os.getpgrp():
                os.tcsetpgrp(0, self.child)
            os.killpg(self.child, signal.SIGCONT)
        except OSError:
            pass  # the terminal is gone: its hangup says so

    # the end

    def over(self) -> bool:
        """Whether all is gone, and the last hook has run."""
        if self.killed_at is not None and time.monotonic() >= self.killed_at + KILLED_ARE_GONE_WITHIN_S:
            if not self.alone:
                self.tell("note", text="some processes do not end even when killed: leaving them to the kernel")
            return True
        if not self.alone or self.hook:
            return False
        if not self.exit_hook_ran and self.killed_at is None:
            self.exit_hook_ran = True
            self.start_hook(self.plan.on_exit or "", time.monotonic())
            self.alone = not self.hook
        return self.alone

    def patience(self) -> float | None:
        """How long to wait for the next signal; None: until one comes."""
        if self.ending is None:
            return None
        now = time.monotonic()
        wake = self.ending.wake_after(now)
        if self.hook:
            wake = min(wake, self.hook_ends_at)
        if self.ending.killed or self.ending.phase is not Phase.AWAITING_SIGNAL:
            looks = self.watching is not None or self.ending.phase is Phase.STOPPING or self.hook
            wake = min(wake, now + LOOKS_EVERY_S) if looks else wake
        return min(max(0.0, wake - now), 3600.0)

    def leave(self, code: int) -> int:
        """The last word, and the exit code."""
        if self.telling.events:
            self.telling.leave()
        self.door.release(b"over\n")
        return self.plan.exits.get(code, code)

    def now_s(self) -> float:
        """Seconds since the stop was asked for; 0 before."""
        return 0.0 if self.ending is None else time.monotonic() - self.ending.began

    def tell(self, what: str, **detail: object) -> None:
        self.telling.step(self.now_s(), what, **detail)

    def warn(self, text: str) -> None:
        self.telling.line({"t_s": 0.0, "what": "note", "text": text})


def named(signum: int) -> str:
    """SIGTERM, SIGRTMIN+3."""
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"SIGRTMIN+{signum - signal.SIGRTMIN}"


def pod() -> str:
    """The pod's name: it is the host's name in its containers."""
    return os.environ.get("HOSTNAME") or os.uname().nodename


def container() -> str:
    """What the manifest calls this container, if it tells us."""
    return os.environ.get("LAMEDUCK_CONTAINER", "")
