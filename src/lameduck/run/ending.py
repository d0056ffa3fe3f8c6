"""When each step of a stop is due. No clock, no process: fed with what is seen, it answers with what to do now.

    LAME_DUCK ──► AWAITING_SIGNAL ──► DRAINING ──► STOPPING
        └──────────────(a signal asked)──▲

The lame duck goes on while the endpoints change and new connections still come; only `prestop` waits for a signal
behind it. Draining waits for the hook and for busy connections, stopping for the processes. The grace bounds all of it.
`now` is a monotonic clock's, in seconds, and never decreases.
"""

from __future__ import annotations

from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lameduck.run.options import Plan

__all__ = ["Ending", "Phase", "Sight"]

SIGNAL_FOLLOWS_WITHIN_S = 10.0
"""The kubelet sends the stop signal as soon as the hook has returned (T21). After so long, nobody wanted a stop."""


class Phase(Enum):
    """How far a stop has come."""

    LAME_DUCK = "lame duck"
    AWAITING_SIGNAL = "awaiting the signal"
    DRAINING = "draining"
    STOPPING = "stopping"


class Sight:
    """What is seen at one moment."""

    __slots__ = ("busy", "hook_runs", "quiet_s")

    def __init__(self, *, quiet_s: float = 0.0, busy: int = 0, hook_runs: bool = False) -> None:
        self.quiet_s = quiet_s
        """How long no new connection has come."""
        self.busy = busy
        """Busy connections of the drained ports."""
        self.hook_runs = hook_runs


class Ending:
    """One stop, from the first word of it to the end of all processes."""

    def __init__(self, plan: Plan, now: float, *, signalled: bool) -> None:
        self.plan = plan
        self.began = now
        self.signalled = signalled
        self.hurried = False
        self.phase = Phase.LAME_DUCK
        self.since = now
        self.second_at: float | None = None
        self.kill_at: float | None = None
        self.killed = False
        if plan.grace is not None:
            # The kubelet's clock started before ours did, and the end has to be told (T18).
            room = min(1.0, plan.grace / 10) + (min(plan.hook_within, plan.grace / 2) if plan.on_exit else 0.0)
            self.kill_at = now + plan.grace - room

    def ask_again(self, now: float) -> None:
        """A stop signal came: the awaited one, or one that ends the waiting early."""
        if self.phase is Phase.AWAITING_SIGNAL:
            self.enter(Phase.DRAINING, now)
        elif self.signalled:
            self.hurried = True
        self.signalled = True

    def child_gone(self, now: float, *, within: float) -> None:
        """The command is gone: what is left has until the grace's end or, where none is known, for so long."""
        self.enter(Phase.STOPPING, now)
        self.second_at = None
        if self.kill_at is None:
            self.kill_at = now + within

    def enter(self, phase: Phase, now: float) -> None:
        self.phase, self.since, self.hurried = phase, now, False

    def step(self, now: float, sight: Sight) -> list[tuple[str, str]]:
        """What is due: lame-duck-ended, drain-started, stop, stop-again, kill or given-up, each with why."""
        due: list[tuple[str, str]] = []
        if self.phase is Phase.LAME_DUCK:
            why = self.why_lame_duck_ends(now, sight)
            if why:
                hurried = self.hurried
                due.append(("lame-duck-ended", why))
                following = Phase.DRAINING if self.signalled else Phase.AWAITING_SIGNAL
                self.enter(following, now)
                # One signal ends one wait: busy connections have their own, a hook has none.
                self.hurried = hurried and not self.plan.drain_ports
                if self.plan.drain_ports and following is Phase.DRAINING:
                    due.append(("drain-started", ""))
        if self.phase is Phase.AWAITING_SIGNAL and now >= self.since + SIGNAL_FOLLOWS_WITHIN_S:
            due.append(("given-up", "no stop signal followed"))
        if self.phase is Phase.DRAINING:
            why = self.why_drain_ends(now, sight)
            if why:
                self.enter(Phase.STOPPING, now)
                if self.plan.second_after is not None:
                    self.second_at = now + self.plan.second_after
                due.append(("stop", why))
        if self.second_at is not None and now >= self.second_at:
            self.second_at = None
            due.append(("stop-again", "it is still there"))
        if self.kill_at is not None and now >= self.kill_at and not self.killed:
            self.killed = True
            due.append(("kill", "its time is over"))
        return due

    def why_lame_duck_ends(self, now: float, sight: Sight) -> str:
        least, most = self.plan.lame_duck
        if self.hurried:
            return "a second signal"
        if now >= self.since + most:
            return f"{most:g} s are over"
        if now >= self.since + least and sight.quiet_s >= self.plan.quiet_time:
            return f"no new connection for {self.plan.quiet_time:g} s"
        return ""

    def why_drain_ends(self, now: float, sight: Sight) -> str:
        if self.hurried:
            return "a second signal"
        if sight.hook_runs:
            return ""  # its own time ends it
        if not self.plan.drain_ports:
            return "nothing to wait for"
        if sight.busy == 0:
            return "no connection is busy"
        if now >= self.drain_ends_at:
            return f"{sight.busy} connections are still busy"
        return ""

    @property
    def drain_ends_at(self) -> float:
        """Half of the time to the kill is the service's own."""
        end = self.since + self.plan.drain_within
        return end if self.kill_at is None else min(end, (self.since + self.kill_at) / 2)

    def wake_after(self, now: float) -> float:
        """When after now a step may be due although nothing has happened; infinite if none is."""
        times = [time for time in (self.second_at, None if self.killed else self.kill_at) if time is not None]
        if self.phase is Phase.LAME_DUCK:
            times += [self.since + self.plan.lame_duck[0], self.since + self.plan.lame_duck[1]]
        elif self.phase is Phase.AWAITING_SIGNAL:
            times.append(self.since + SIGNAL_FOLLOWS_WITHIN_S)
        elif self.phase is Phase.DRAINING:
            times.append(self.drain_ends_at)
        # What is past and is not due waits for something else: a quiet moment, a hook's end.
        return min((time for time in times if time > now), default=float("inf"))
