"""Looking at an ending with all findings of the catalogue."""

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.finding import Finding, Found, Severity, Sighting, Witnessed

__all__ = ["look"]

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def look(witnessed: Witnessed) -> tuple[Found, ...]:
    """What the catalogue's findings see in an ending; the gravest first, then by code, then as they were seen."""
    found = [_found(finding, seen, witnessed) for finding in FINDINGS for seen in finding.in_ending(witnessed)]
    return tuple(sorted(found, key=lambda each: (_ORDER.index(each.severity), each.code)))


def _found(finding: Finding, seen: Sighting, witnessed: Witnessed) -> Found:
    workload = witnessed.workload
    return Found(
        code=finding.code,
        title=finding.title,
        severity=seen.severity or finding.severity,
        message=seen.message,
        mend=seen.mend,
        workload=workload.title,
        container=seen.container,
        place=workload.place(workload.at if seen.at is None else seen.at),
    )
