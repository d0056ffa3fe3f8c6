"""An ending on a virtual clock: the flow, driven by what the containers are said to do. No process, no waiting."""

from collections.abc import Mapping
from dataclasses import dataclass

from lameduck.ending.happenings import HookFailure
from lameduck.pod.durations import Seconds

__all__ = ["Behaviour"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a container's process does when its pod ends.

    `drain_s` None: it never exits by itself. `hook_s` is how long its exec or httpGet hook takes (sleep takes what it
    says). `reception`, `main` and `below` are what a witness would see at the stop signal.
    """

    drain_s: Seconds | None = Seconds(0.0)
    exit_code: int = 0
    hook_s: Seconds = Seconds(0.0)
    hook_failure: HookFailure | None = None
    reception: str = "caught"
    main: str = "app"
    below: tuple[str, ...] = ()


Behaviours = Mapping[str, Behaviour]
