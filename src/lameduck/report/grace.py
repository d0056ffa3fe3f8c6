"""Where the seconds of a pod's grace went, in the order in which they went, ready to be drawn as one bar."""

from dataclasses import dataclass
from enum import Enum

from lameduck.ending.verdict import PodEnding
from lameduck.pod.durations import Seconds

__all__ = ["GracePart", "Part", "grace_parts"]


class GracePart(Enum):
    """The pieces of a grace. The value is the word users read."""

    ENDPOINTS = "serving before the signal"
    IDLE = "idle before the signal"
    DRAINING = "draining"
    CLEANING_UP = "cleaning up"
    HANGING = "hanging until SIGKILL"
    MARGIN = "left"


@dataclass(frozen=True, slots=True)
class Part:
    """One piece and how long it took."""

    kind: GracePart
    length_s: Seconds


def grace_parts(ending: PodEnding) -> tuple[Part, ...]:
    """The pieces of at least 0.05 s, shorter ones read as nothing. An outlasted grace has no part that is left."""
    use = ending.use
    every = (
        Part(GracePart.ENDPOINTS, use.endpoints_s),
        Part(GracePart.IDLE, use.idle_s),
        Part(GracePart.DRAINING, use.draining_s),
        Part(GracePart.CLEANING_UP, use.cleaning_up_s),
        Part(GracePart.HANGING, use.hanging_s),
        Part(GracePart.MARGIN, use.margin_s),
    )
    return tuple(part for part in every if part.length_s >= 0.05)
