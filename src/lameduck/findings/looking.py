"""Looking at an ending, or into the files, with all findings of the catalogue."""

from collections.abc import Iterable, Iterator

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.finding import Finding, Found, Severity, Sighting, Witnessed
from lameduck.pod.case import Case
from lameduck.pod.place import Place
from lameduck.pod.sysctls.commands import settings_of
from lameduck.pod.sysctls.files import SysctlFile
from lameduck.pod.workloads import Workload
from lameduck.remedies.remedy import Remedy

__all__ = ["look", "look_into", "look_into_settings"]

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
    return _in_order(_in_case(case, tuple(findings)))


def look_into_settings(
    file: SysctlFile, kubernetes: tuple[int, int], findings: Iterable[Finding] = FINDINGS
) -> tuple[Found, ...]:
    """What these findings see in a sysctl file, which no workload is known to use; the file's name is the workload."""
    return _in_order(
        Found(
            code=finding.code,
            title=finding.title,
            severity=seen.severity or finding.severity,
            message=seen.message,
            mend=seen.mend,
            workload=file.name,
            container=None,
            place=None if seen.span is None else seen.span.place,
            remedy=None if finding.remedy_in_settings is None else finding.remedy_in_settings(file.settings, seen),
            uncertain=seen.uncertain,
        )
        for finding in findings
        if finding.in_settings is not None
        for seen in finding.in_settings(file.settings, kubernetes)
    )


def _in_case(case: Case, findings: tuple[Finding, ...]) -> Iterator[Found]:
    for finding in findings:
        if finding.in_files is not None:
            for seen in finding.in_files(case):
                remedy = finding.remedy(case, seen) if finding.remedy is not None else None
                yield _found(finding, seen, case.workload, remedy)
    for settings in settings_of(case.workload):
        for finding in findings:
            if finding.in_settings is not None:
                for seen in finding.in_settings(settings, case.kubernetes):
                    mend = finding.remedy_in_settings
                    yield _found(finding, seen, case.workload, None if mend is None else mend(settings, seen))


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
    if seen.document is not None:
        return seen.document.place(seen.at or ())
    return workload.place(workload.at if seen.at is None else seen.at)
