"""Why a pod ends, and with which grace: deleted, ended by its kubelet, or done with its work (T8, T49, T83)."""

from lameduck.ending import grace
from lameduck.ending.happenings import KubeletKill, KubeletKilled

__all__ = ["Cause"]

_OWN_KILLS = (KubeletKill.EVICTION, KubeletKill.NODE_SHUTDOWN, KubeletKill.PREEMPTION)
"""Kills that live in the kubelet's memory only; their grace is at most the spec's (T103, T105), and they are reported
when they take too long (T68)."""


class Cause:
    """The reasons for one pod's termination, as far as the node knows them."""

    __slots__ = ("_override_s", "_spec_s", "kubelet", "wanted")

    def __init__(self, spec_s: int) -> None:
        self._spec_s = spec_s
        self._override_s: int | None = None
        self.wanted = False
        """A termination is due, begun or not."""
        self.kubelet: KubeletKill | None = None
        """The kubelet's own reason; the first one counts."""

    @property
    def is_orphan(self) -> bool:
        """The object is gone, or the pod is not admitted again: no hooks, no order (T13)."""
        return self.kubelet is KubeletKill.ORPHAN

    @property
    def is_own_kill(self) -> bool:
        """One that only the kubelet knows of."""
        return self.kubelet in _OWN_KILLS

    def grace_s(self, stored_s: int | None) -> int:
        """The grace of each container's kill, `stored_s` being deletionGracePeriodSeconds (T8)."""
        return grace.kill_grace(self._spec_s, stored_s, self._override_s)

    def decided(self, kill: KubeletKilled) -> None:
        """The kubelet decided to end the pod; of several graces the smallest counts."""
        self.wanted = True
        self.kubelet = self.kubelet or kill.reason
        known = [value for value in (self._override_s, kill.grace_s) if value is not None]
        if kill.reason in _OWN_KILLS and known:
            known.append(self._spec_s)
        self._override_s = min(known, default=None)

    def orphaned(self) -> None:
        """A kubelet found the pod without its object."""
        self.wanted = True
        self.kubelet = KubeletKill.ORPHAN

    def forget_own_kill(self, *, marked: bool) -> None:
        """The kubelet stopped, and with it went what only it knew; a deletion stands in the API."""
        self.kubelet = self._override_s = None
        self.wanted = marked
