"""The pod's object in the API: marked by deletes, held by finalizers, removed at the end or at once (T1-T6, T14)."""

from lameduck.ending import grace
from lameduck.ending.commands import Command, MarkTerminating, RemovePod
from lameduck.pod.durations import Seconds

__all__ = ["ApiObject"]


class ApiObject:
    """What the API server knows of one pod. Nothing here tells the node to do anything."""

    __slots__ = ("_finalizers", "_requested_at", "_spec_s", "is_there", "phase", "scheduled", "stored_s")

    def __init__(self, spec_s: int, *, finalizers: bool, scheduled: bool) -> None:
        """`spec_s`: terminationGracePeriodSeconds as it is written."""
        self._spec_s = spec_s
        self._finalizers = finalizers
        self._requested_at = Seconds(0.0)
        self.scheduled = scheduled
        self.is_there = True
        self.phase: str | None = None
        """The terminal phase, once it is reported."""
        self.stored_s: int | None = None
        """deletionGracePeriodSeconds; None: not marked."""

    @property
    def at_once(self) -> bool:
        """Whether a delete needs no node: the pod has none yet, or has ended (T3)."""
        return not self.scheduled or self.phase is not None

    def delete(self, asked_s: int | None, now: Seconds) -> list[Command]:
        """A delete or an API eviction. The first one marks; a later one may shorten, and changes nothing else (T4)."""
        if not self.is_there:
            return []
        if self.stored_s is None:
            self.stored_s = grace.accepted(asked_s, self._spec_s, at_once=self.at_once)
            self._requested_at = now
            marked = MarkTerminating(self.stored_s)
        else:
            shorter_s = grace.shortened(self.stored_s, asked_s, Seconds(now - self._requested_at))
            if shorter_s is None:
                return []
            self.stored_s = shorter_s
            marked = MarkTerminating(shorter_s, first=False)  # T10
        return [marked, *self._removed()]

    def delete_finally(self) -> list[Command]:
        """The kubelet's own delete, with grace 0, when all is down (T14)."""
        self.stored_s = 0
        return self._removed()

    def finalizers_removed(self) -> list[Command]:
        """Nothing holds it any more."""
        self._finalizers = False
        return self._removed()

    def _removed(self) -> list[Command]:
        if self.stored_s != 0 or self._finalizers or not self.is_there:
            return []
        self.is_there = False
        return [RemovePod()]
