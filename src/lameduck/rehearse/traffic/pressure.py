"""Whether this machine could send the traffic it was asked for. What it could not is never counted against a server."""

from dataclasses import dataclass

from lameduck.pod.durations import Seconds

__all__ = ["LATE_S", "Pressure"]

LATE_S = Seconds(0.1)
"""An arrival later than this is not sent at all: it would meet another moment of the ending than it was due in."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """Our side of the bargain. Every arrival that came due is sent or counted here; none is dropped in silence."""

    due: int
    sent: int
    not_sent_late: int
    """Not sent because we were more than 100 ms late."""
    not_sent_full: int
    """Not sent because as many requests as we hold at once (or as open files allow) were in flight already."""
    not_counted: tuple[tuple[str, int], ...]
    """Requests that failed while something of our own was in the way: what, and how many. They have no record."""
    late_max_s: Seconds
    late_p99_s: Seconds
    """How late requests were sent (p99 to the next millisecond)."""
    lag_max_s: Seconds
    lag_p99_s: Seconds
    """How late our event loop's timers were."""
    cpu_share: float
    """CPU seconds of this process per second, all its threads; 1.0 is a whole core."""

    @property
    def held(self) -> bool:
        """Whether every request was sent when it was due, and every failure can be laid at the server's door."""
        return not (self.not_sent_late or self.not_sent_full or self.not_counted)

    def sentence(self) -> str:
        """What a reader must know before trusting the figures; says so if all is well."""
        if self.held:
            return (
                f"All {self.due:,} requests were sent when due: at most {_ms(self.late_max_s)} late, "
                f"{self.cpu_share:.0%} of a core."
            )
        parts = []
        if self.not_sent_late:
            parts.append(f"{self.not_sent_late:,} were not sent, because this machine was over {_ms(LATE_S)} late")
        if self.not_sent_full:
            parts.append(f"{self.not_sent_full:,} were not sent, because too many were in flight already")
        parts.extend(f"{number:,} failed and are not counted: {why}" for why, number in self.not_counted)
        return (
            f"This machine did not hold the rate: of {self.due:,} requests due, {'; '.join(parts)}. "
            f"The largest lag was {_ms(self.lag_max_s)}, at {self.cpu_share:.0%} of a core. "
            "The server is not to blame for these: lower --rate, or use an idle machine."
        )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
