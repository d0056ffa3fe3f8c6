"""Grace arithmetic: what the API stores (T3-T6), what the kubelet takes (T8), and what a kill has left (T17, T18).

Whole seconds throughout, as in the API: time that has been used is rounded down before it is charged.
"""

import math

from lameduck.pod.durations import Seconds

__all__ = ["MINIMUM_STOP_S", "accepted", "charged", "kill_grace", "overdue_after", "shortened", "stop_timeout"]

MINIMUM_STOP_S = 2
"""Every stop call gets at least this (T24)."""
_CLOCK_ERROR_S = 1e-6
"""What adding floats may have lost: 3 s must not be charged as 2 (T17)."""


def accepted(asked: int | None, spec: int, *, at_once: bool = False) -> int:
    """The deletionGracePeriodSeconds that a first delete stores; 0 is a force delete (T3, T5, T6).

    `asked` None: the delete names no grace. `at_once`: the pod has no node yet, or its phase is terminal (T3).
    """
    if at_once:
        return 0
    grace = spec if asked is None else asked
    return 1 if grace < 0 else grace


def shortened(stored: int, asked: int | None, since_request: Seconds) -> int | None:
    """What a later delete stores; None if it changes nothing, because it may only shorten (T4).

    `since_request`: seconds since the first delete. An end that is already past leaves 1, unless 0 was asked for.
    """
    if asked is None or asked >= stored:
        return None
    if asked < 0:
        asked = 1
    if asked == 0:
        return 0
    return 1 if asked <= since_request else asked


def kill_grace(spec: int, *graces: int | None) -> int:
    """The grace a kubelet gives when it begins: the smallest of those that exist, else the spec's; at least 1 (T8)."""
    given = [grace for grace in graces if grace is not None]
    return max(1, min(given) if given else spec)


def charged(taken: Seconds) -> int:
    """Whole seconds that a hook or a wait costs: rounded down (T17)."""
    return math.floor(taken + _CLOCK_ERROR_S)


def stop_timeout(left: int) -> int:
    """Seconds from the stop signal to SIGKILL, given what is left of the grace (T18, T24)."""
    return max(left, MINIMUM_STOP_S)


def overdue_after(grace: int) -> Seconds:
    """When a kill that the kubelet decided itself is reported as ExceededGracePeriod (T68)."""
    return Seconds(float(max(grace + grace // 2, 10)))
