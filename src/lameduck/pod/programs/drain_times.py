"""How long a container takes from the deletion to its own end, at the longest, as far as its files tell."""

from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds
from lameduck.pod.programs.hook_steps import hook_wait
from lameduck.pod.programs.own_delay import own_delay
from lameduck.pod.programs.stop_times import stop_time
from lameduck.pod.programs.task_limits import task_limit
from lameduck.pod.records import dataclass

__all__ = ["DrainTime", "before_drain_s", "drain_time"]


@dataclass(frozen=True, slots=True)
class DrainTime:
    """The seconds that its hook and its own limit allow it together, and the setting that says so."""

    seconds: Seconds
    says: str


def before_drain_s(case: Case, container: Container) -> Seconds:
    """What is over before the application's own limit begins to run: the hook's wait, and a delay of its own."""
    own = own_delay(case, container)
    own_s = own.seconds if own is not None and own.seconds is not None else Seconds(0.0)
    return Seconds(hook_wait(container.pre_stop).least_s + own_s)


def drain_time(case: Case, container: Container) -> DrainTime | None:
    """The longest that it may take by what is written; None: nothing is written that bounds it."""
    limit = stop_time(case, container)
    own = limit if limit is not None and not limit.is_default else task_limit(case, container)
    if own is None:
        return None
    return DrainTime(Seconds(before_drain_s(case, container) + own.seconds), own.says)
