"""Looking at an ending, or into the files, with all findings of the catalogue."""

from collections.abc import Iterable

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.finding import Finding, Found, Severity, Sighting, Witnessed
from lameduck.pod.case import Case
from lameduck.pod.place import Place
from lameduck.pod.workloads import Workload
from lameduck.remedies.remedy import Remedy

__all__ = ["look", "look_into"]

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def look(witnessed: Witnessed) -> tuple[Found, ...]:
    """What the catalogue's findings see in an ending; the gravest first, then by code, then as they were seen."""
    return _in_order(
        _found(finding, seen, witnessed.workload, None)
        for finding in FINDINGS
        if finding.in_ending is not None
        for seen in finding.in_ending(witnessed)
    )


def look_into(case: Case, findings: Iterable[Finding] = FINDINGS) -> tuple[Found, ...]:
    """What these findings see in the files of one workload, in the same order, each with its remedy if it has one."""
    return _in_order(
        _found(finding, seen, case.workload, finding.remedy(case, seen) if finding.remedy is not None else None)
        for finding in findings
        if finding.in_files is not None
        for seen in finding.in_files(case)
    )


def _in_order(found: Iterable[Found]) -> tuple[Found, ...]:
    return tuple(sorted(found, key=lambda each: (_ORDER.index(each.severity), each.code)))


def _found(finding: Finding, seen: Sighting, workload: Workload, remedy: Remedy | None) -> Found:
    return Found(
        code=finding.code,
        title=finding.title,
        severity=seen.severity or finding.severity,
        message=seen.message,
        mend=seen.mend,
        workload=workload.title,
        container=seen.container,
        place=_place(seen, workload),
        remedy=remedy,
        uncertain=seen.uncertain,
    )


def _place(seen: Sighting, workload: Workload) -> Place:
    if seen.span is not None:
        return seen.span.place
    return workload.place(workload.at if seen.at is None else seen.at)
