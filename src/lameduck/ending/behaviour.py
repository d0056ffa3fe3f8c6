"""What a container's process does when its pod ends, as an example or a forecast states it."""

from lameduck.ending.reasons import HookFailure
from lameduck.pod.durations import Seconds
from lameduck.pod.records import dataclass

__all__ = ["Behaviour"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a container's process does when its pod ends.

    `drain_s` None: it never exits by itself. `hook_s` is how long its exec or httpGet hook takes (sleep takes what it
    says). `exits_in_hook_s`: it exits by itself that long after its hook began, as `nginx -s stop` makes it.
    `reception`, `main` and `below` are what a witness would see at the stop signal (`timeline.SignalSent`).
    """

    drain_s: Seconds | None = Seconds(0.0)
    exit_code: int = 0
    hook_s: Seconds = Seconds(0.0)
    hook_failure: HookFailure | None = None
    exits_in_hook_s: Seconds | None = None
    reception: str = "caught"
    main: str = "app"
    below: tuple[str, ...] = ()
