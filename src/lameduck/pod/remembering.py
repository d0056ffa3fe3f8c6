"""What several findings ask of one case, worked out once.

Findings know nothing of each other, and a dozen of them ask for the same few facts: which software a container runs,
how long its stop may take, which requests reach it. A case never changes, so the answers for the last one are kept.
"""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from lameduck.pod.case import Case
from lameduck.pod.containers import Container

__all__ = ["once_for_case", "once_for_container"]

_Answer = TypeVar("_Answer")


def once_for_case(ask: Callable[[Case], _Answer]) -> Callable[[Case], _Answer]:
    """The function, which is asked once for each case as long as no other case comes between."""
    last: tuple[Case, _Answer] | None = None

    @wraps(ask)
    def answer(case: Case) -> _Answer:
        nonlocal last
        known = last  # one look, so that threads cannot get each other's
        if known is None or known[0] is not case:
            last = known = (case, ask(case))
        return known[1]

    return answer


def once_for_container(ask: Callable[[Case, Container], _Answer]) -> Callable[[Case, Container], _Answer]:
    """The function, which is asked once for each container of a case as long as no other case comes between."""
    last: tuple[Case | None, dict[int, tuple[Container, _Answer]]] = (None, {})

    @wraps(ask)
    def answer(case: Case, container: Container) -> _Answer:
        nonlocal last
        known = last
        if known[0] is not case:
            last = known = (case, {})
        found = known[1].get(id(container))
        if found is None:  # the container is kept with its answer, so no other gets its id meanwhile
            found = known[1][id(container)] = (container, ask(case, container))
        return found[1]

    return answer
