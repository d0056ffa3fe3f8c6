"""The ways that a container's start may take, and the one Entry that they come to."""

from dataclasses import replace

from lameduck.pod.entry import UNDECIDED, Entry, Link
from lameduck.pod.records import dataclass

__all__ = ["Way", "joined"]


@dataclass(frozen=True, slots=True)
class Way:
    """One way from here to a service."""

    links: tuple[Link, ...]
    service: Link | None
    doubt: str | None = None


def joined(ways: tuple[Way, ...]) -> Entry:
    """Several ways to one Entry: the one with an obstacle if any has one, in doubt if they do not agree."""
    if not ways:
        return Entry((), None, "the script only starts itself")
    entries = [Entry(way.links, way.service, way.doubt) for way in ways]
    doubt = next((entry.doubt for entry in entries if entry.doubt is not None), None)
    hindered = [entry for entry in entries if entry.obstacle is not None]
    free = [entry for entry in entries if entry.obstacle is None and entry.service is not None]
    chosen = ((free or hindered if doubt is not None else hindered or free) or entries)[0]
    services = {entry.service.program: entry.service for entry in entries if entry.service is not None}
    others = tuple(link for name, link in services.items() if chosen.service is None or name != chosen.service.program)
    if doubt is None and hindered and len(hindered) < len(entries):
        doubt = UNDECIDED
    if doubt is None and len({(entry.obstacle.passes, entry.obstacle.why) for entry in hindered if entry.obstacle}) > 1:
        doubt = UNDECIDED
    return replace(chosen, doubt=doubt, others=others, further=_further(chosen, hindered, doubt))


def _further(chosen: Entry, hindered: list[Entry], doubt: str | None) -> tuple[Entry, ...]:
    """The ways with an obstacle whose command is another than that of the chosen one, each command once."""
    found: dict[object, Entry] = {}
    for entry in hindered:
        start = entry.starts_service
        key = (start.span, start.inside) if start is not None else None
        found.setdefault(key, replace(entry, doubt=doubt))
    first = chosen.starts_service
    return tuple(
        entry
        for (key, entry) in found.items()
        if key is not None and first is not None and key != (first.span, first.inside)
    )
