"""How many pods maxSurge, maxUnavailable and disruption budgets come to (T98, T114)."""

import math

from lameduck.pod.place import InputError
from lameduck.pod.whole_numbers import written_number
from lameduck.pod.workloads import RollingUpdate

__all__ = ["fenceposts", "share"]


def fenceposts(replicas: int, strategy: RollingUpdate) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as pods: surge rounded up, unavailable down; both 0 makes unavailable 1 (T114).

    Raises InputError for a value that is neither a number nor a percentage.
    """
    surge = share(strategy.max_surge, replicas, up=True)
    unavailable = share(strategy.max_unavailable, replicas, up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def share(value: int | str, replicas: int, *, up: bool) -> int:
    """A number of pods, or that percentage of the replicas as one. Raises InputError for anything else."""
    if isinstance(value, int):
        return max(0, value)
    text = value.strip()
    percent = written_number(text[:-1]) if text.endswith("%") else None
    if percent is None:
        raise InputError(f"{value!r} is neither a number nor a percentage.", at="rollingUpdate", do="Write 1 or 25%.")
    pods = percent * replicas / 100
    return math.ceil(pods) if up else math.floor(pods)
