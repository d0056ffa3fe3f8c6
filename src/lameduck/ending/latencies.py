"""The few delays of a node that change what an ending looks like; measured medians, to be replaced at will."""

from dataclasses import dataclass

from lameduck.pod.durations import Seconds

__all__ = ["Latencies"]


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds a node takes for what the flow cannot know. The delays of milliseconds are left out."""

    report_s: Seconds = Seconds(0.17)
    """From the last container's end to the terminal phase in the API (T14)."""
    removal_s: Seconds = Seconds(0.97)
    """From the last container's end to the removal of the object (T14)."""
    relist_s: Seconds = Seconds(0.5)
    """Until the kubelet sees that a container exited by itself: half of its 1 s relist (T12, T49)."""
    kubelet_start_s: Seconds = Seconds(1.3)
    """From the kubelet's start until it takes up a pod's termination again (T13)."""
    orphan_start_s: Seconds = Seconds(2.3)
    """The same for a pod whose object is gone: its clean-up finds it (T13)."""
    orphan_kill_s: Seconds = Seconds(0.016)
    """From an orphan's stop signal to the SIGKILL with which its cgroup is emptied (T13)."""
