"""How far a process has come on its way out."""

from __future__ import annotations

from enum import Enum

__all__ = ["State"]


class State(Enum):
    """The states of the drain protocol (docs/protocol.md), in their order. A process never goes back, except from a
    lame duck that nobody's stop followed."""

    SERVING = "serving"
    LAME_DUCK = "lame duck"
    """Readiness says no; whoever still comes is served, and asked to go elsewhere next time."""
    DRAINING = "draining"
    """Nobody new is let in; what is under way is finished."""
    CLEANING_UP = "cleaning up"
    """The hooks of on_stop run."""
    STOPPED = "stopped"

    @property
    def leaving(self) -> bool:
        """Whether the stop has begun."""
        return self is not State.SERVING
