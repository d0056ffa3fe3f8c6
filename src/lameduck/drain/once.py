"""The library is put around a thing once, although the code and the instrumentation both do it."""

from __future__ import annotations

import weakref

__all__ = ["first_time"]

seen: dict[int, weakref.ref[object]] = {}


def first_time(thing: object) -> bool:
    """Whether it is asked about this object for the first time."""
    key = id(thing)
    known = seen.get(key)
    if known is not None and known() is thing:
        return False
    seen[key] = weakref.ref(thing, lambda _gone: seen.pop(key, None))
    return True
