"""When each step of a stop is due. No clock, no thread, no server: fed with what is seen, it answers with what to do.

    SERVING ─► LAME_DUCK ─► DRAINING ─► CLEANING_UP ─► STOPPED

The lame duck lasts while the endpoints still change and new work still comes; work in flight is finished meanwhile, so
a stop takes the longer of the two, not their sum. One deadline bounds all: the grace, less a margin, less what the
hooks have been promised. `now` is a monotonic clock's, in seconds, and never decreases.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from lameduck.drain.settings import Settings
from lameduck.drain.states import State

__all__ = ["Due", "Sight", "Stop", "Why"]

GAPS_OF_QUIET = 5
"""Arrivals that come at random leave five mean gaps without any once in 150 times (e**-5)."""
ARRIVALS_TO_LEARN_FROM = 5
CANCELLED_ARE_GONE_WITHIN_S = 1.0
SIGNAL_FOLLOWS_WITHIN_S = 10.0
"""The kubelet sends the signal as soon as the preStop hook has returned (T21). After so long nobody wanted a stop."""


class Due(Enum):
    """What is to be done now."""

    OVER = auto()
    """The lame duck is over, and whoever asked for it may send the signal."""
    TAKE_BACK = auto()
    """No signal followed: serve on."""
    CLOSE = auto()
    """The lame duck is over: let nobody new in, and have the server finish what it has."""
    HURRY = auto()
    """Somebody is impatient: have the server leave at once."""
    CANCEL = auto()
    """The time for work in flight is over: name it, and cancel it."""
    CLEAN_UP = auto()
    """Run the hooks, whatever the server does."""
    LEAVE = auto()
    """The deadline is here: leave, whatever still runs."""


@dataclass(frozen=True, slots=True)
class Why:
    """A due step and, in words, its reason."""

    due: Due
    text: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen at one moment."""

    in_flight: int = 0
    """Pieces of work that are under way and will end by themselves."""
    arrivals: int = 0
    """New connections, or pieces of work, since the stop began."""
    last_arrival: float | None = None
    """When the last of them came; None if none has."""


class Stop:
    """One stop, from the signal to the end."""

    def __init__(
        self,
        settings: Settings,
        now: float,
        *,
        lame_duck: bool = True,
        hooks_s: float = 0.0,
        signalled: bool = True,
    ) -> None:
        self.settings = settings
        self.signalled = signalled
        """Whether the stop signal has come; False for a lame duck that a preStop hook asked for."""
        self.over_at: float | None = None
        """When a lame duck ended whose signal had not come yet."""
        self.began = now
        self.state = State.LAME_DUCK
        self.deadline = now + settings.usable_s
        self.hooks_at = self.deadline - min(hooks_s, settings.usable_s / 3)
        """When the hooks get their share, whatever is still in flight."""
        self.cancel_at = max(now, self.hooks_at - min(CANCELLED_ARE_GONE_WITHIN_S, settings.usable_s / 10))
        duck = settings.lame_duck
        # At least half of the time is the work's own.
        self.most = min(duck.most_s, (self.cancel_at - now) / 2)
        self.least = min(duck.least_s, self.most)
        self.skipped = not lame_duck or self.most <= 0
        self.hurried = False
        self.cancelled = False
        self.left = False

    @property
    def lame_duck_ends_by(self) -> float:
        """When the lame duck is over at the latest."""
        return self.began if self.skipped else self.began + self.most

    @property
    def unasked(self) -> bool:
        """Whether this may still come to nothing: no signal has come, and the server has not left by itself."""
        return not self.signalled and self.state is State.LAME_DUCK

    @property
    def given_up_at(self) -> float:
        """Until when a lame duck that is over waits for its signal. A later one finds a whole grace of its own."""
        return self.deadline if self.over_at is None else min(self.over_at + SIGNAL_FOLLOWS_WITHIN_S, self.deadline)

    def remaining_s(self, now: float) -> float:
        """Seconds until work in flight is cancelled."""
        return max(0.0, self.cancel_at - now)

    def hurry(self) -> None:
        """A second signal: what still waits, waits no longer."""
        self.hurried = True

    def signal(self) -> None:
        """A stop signal: the awaited one, or one that ends the waiting early."""
        if self.signalled:
            self.hurried = True
        self.signalled = True

    def server_is_done(self) -> None:
        """The server has finished: the hooks are next."""
        if self.state in (State.LAME_DUCK, State.DRAINING):
            self.state = State.CLEANING_UP

    def hooks_are_done(self) -> None:
        """All is done."""
        self.state = State.STOPPED

    def step(self, now: float, sight: Sight) -> list[Why]:
        """What is due, each step once."""
        due: list[Why] = []
        if self.state is State.LAME_DUCK:
            why = self.why_lame_duck_ends(now, sight)
            if why and not self.signalled:
                if self.over_at is None:
                    self.over_at = now
                    due.append(Why(Due.OVER, why))
                if now >= self.given_up_at:
                    self.state = State.STOPPED
                    self.left = True
                    return [*due, Why(Due.TAKE_BACK, "no stop signal followed")]
            elif why:
                self.state = State.DRAINING
                due.append(Why(Due.CLOSE, why))
                # One signal ends one wait.
                self.hurried = False
        if self.state is State.DRAINING and self.hurried:
            self.hurried = False
            self.cancel_at = now
            due.append(Why(Due.HURRY, "a second signal"))
        if self.state is State.DRAINING and not self.cancelled and now >= self.cancel_at:
            self.cancelled = True
            if sight.in_flight:
                due.append(Why(Due.CANCEL, "the time for work in flight is over"))
        if self.state is State.DRAINING and now >= self.hooks_at:
            self.state = State.CLEANING_UP
            due.append(Why(Due.CLEAN_UP, "the rest of the time is theirs"))
        if now >= self.deadline and not self.left and not self.unasked:
            self.left = True
            due.append(Why(Due.LEAVE, "the deadline is here"))
        return due

    def why_lame_duck_ends(self, now: float, sight: Sight) -> str:
        """The reason, or nothing while it goes on."""
        if self.skipped:
            return "nobody has to be waited for"
        if self.over_at is not None:
            return "it was over when the signal came"
        if self.hurried:
            return "a second signal"
        if now >= self.began + self.most:
            return f"{self.most:g} s are over"
        quiet_from = self.quiet_from(sight)
        if quiet_from is None or now < quiet_from:
            return ""
        if sight.last_arrival is None:
            return f"nobody came within {now - self.began:.1f} s"
        return f"nobody new for {now - sight.last_arrival:.1f} s"

    def quiet_from(self, sight: Sight) -> float | None:
        """When, if nothing else comes, the quiet is believed; None where the time is fixed."""
        duck = self.settings.lame_duck
        if self.least >= self.most:
            return None
        unseen = self.began + max(self.least, min(duck.unseen_s, self.most))
        if sight.last_arrival is None:
            return unseen
        took = sight.last_arrival - self.began
        quiet = max(duck.quiet_s, GAPS_OF_QUIET * took / sight.arrivals)
        believed = max(self.began + self.least, sight.last_arrival + quiet)
        # A few arrivals say little about the next one.
        return believed if sight.arrivals >= ARRIVALS_TO_LEARN_FROM else max(believed, unseen)

    def wake_after(self, now: float, sight: Sight) -> float:
        """When after now a step may be due although nothing has happened; infinite if none is."""
        times: list[float] = []
        if self.state is State.LAME_DUCK:
            quiet_from = self.quiet_from(sight)
            times += [self.lame_duck_ends_by] if quiet_from is None else [self.lame_duck_ends_by, quiet_from]
            if self.over_at is not None:
                times.append(self.given_up_at)
        elif self.state is State.DRAINING:
            times += [self.hooks_at] if self.cancelled else [self.cancel_at, self.hooks_at]
        if not self.left and not self.unasked:
            times.append(self.deadline)
        return min((time for time in times if time > now), default=float("inf"))
