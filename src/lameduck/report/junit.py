"""JUnit XML, as CI servers read it: a suite per answer, a case for each thing that an ending owes."""

import xml.etree.ElementTree as ET  # only written here, never parsed
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lameduck.ending.commands import ContainerEnding
from lameduck.ending.verdict import PodEnding
from lameduck.report.answer import Answer
from lameduck.report.lost import cause_rows
from lameduck.report.wording import plural, seconds, span, visible

__all__ = ["junit_xml"]


@dataclass(frozen=True, slots=True)
class _Case:
    """`failure`: message and details; `skipped`: why there is nothing to say."""

    name: str
    took_s: float
    failure: tuple[str, str] | None = None
    skipped: str | None = None


def junit_xml(answers: Sequence[Answer]) -> str:
    """The document as text, with its XML declaration. Cases fail exactly where the verdict is ungraceful."""
    root = ET.Element("testsuites", name="lameduck")
    all_cases: list[_Case] = []
    for answer in answers:
        cases = tuple(_cases(answer))
        all_cases += cases
        root.append(_suite(answer, cases))
    _count(root, all_cases)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(answer: Answer, cases: Sequence[_Case]) -> ET.Element:
    title = _clean(answer.title)
    suite = ET.Element("testsuite", name=f"lameduck {answer.witness} {title}")
    _count(suite, cases)
    if answer.settings:
        properties = ET.SubElement(suite, "properties")
        for setting in answer.settings:
            ET.SubElement(properties, "property", name=_clean(setting.name), value=_clean(setting.value))
    for case in cases:
        element = ET.SubElement(suite, "testcase", classname=title, name=_clean(case.name), time=f"{case.took_s:.3f}")
        if case.failure is not None:
            message, details = case.failure
            failure = ET.SubElement(element, "failure", message=_clean(message), type="ungraceful")
            failure.text = _clean(details)
        if case.skipped is not None:
            ET.SubElement(element, "skipped", message=_clean(case.skipped))
    if answer.findings:
        ET.SubElement(suite, "system-out").text = "\n".join(_clean(line) for line in _findings(answer))
    return suite


def _count(element: ET.Element, cases: Sequence[_Case]) -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.failure is not None for case in cases)))
    element.set("errors", "0")
    element.set("skipped", str(sum(case.skipped is not None for case in cases)))
    element.set("time", f"{sum(case.took_s for case in cases):.3f}")


def _cases(answer: Answer) -> Iterator[_Case]:
    yield _no_request_lost(answer)
    for ending in answer.verdict.endings:
        for container in ending.containers:
            if container.hook_outcome != "none":
                yield _hook(ending, container)
            yield _container(ending, container)


def _no_request_lost(answer: Answer) -> _Case:
    tally, took_s = answer.verdict.tally, max((ending.total_s for ending in answer.verdict.endings), default=0.0)
    name = "no request is lost"
    if not tally.sent:
        return _Case(name, took_s, skipped="no requests were sent")
    if not tally.lost:
        return _Case(name, took_s)
    causes = [
        f"{row.count:,} {row.cause.value}: {', '.join(f'{count:,} {fate.value}' for fate, count in row.fates)}, "
        f"{span(row.first_s, row.last_s)} after the deletion request"
        for row in cause_rows(answer.verdict)
    ]
    mends = [found.mend for found in answer.findings]
    message = f"{tally.lost:,} of {plural(tally.sent, 'request')} lost"
    return _Case(name, took_s, failure=(message, "\n".join([*causes, *mends])))


def _hook(ending: PodEnding, container: ContainerEnding) -> _Case:
    name = f"hook of {ending.pod}/{container.name} completes within the grace"
    took_s = 0.0
    if container.hook_start_s is not None and container.hook_end_s is not None:
        took_s = container.hook_end_s - container.hook_start_s
    match container.hook_outcome:
        case "failed":
            return _Case(name, took_s, failure=("the preStop hook failed", "The stop signal followed at once."))
        case "outlasted":
            message = f"the preStop hook outlasted the grace of {ending.grace_s} s"
            return _Case(name, took_s, failure=(message, "The container got the 2 s minimum after it."))
        case _:
            return _Case(name, took_s)


def _container(ending: PodEnding, container: ContainerEnding) -> _Case:
    name = f"{ending.pod}/{container.name} ends by itself before its deadline"
    if container.exit_s is None:
        return _Case(name, ending.total_s, skipped="no exit was seen")
    if not container.killed:
        return _Case(name, container.exit_s)
    kill_s = container.exit_s if container.kill_s is None else container.kill_s
    message = f"killed at its deadline, {seconds(kill_s)} after the deletion request"
    details = f"{container.stop_signal or 'no stop signal'}, then SIGKILL; exit code {container.exit_code}"
    return _Case(name, container.exit_s, failure=(message, details))


def _findings(answer: Answer) -> Iterator[str]:
    for found in answer.findings:
        where = f" {found.place}" if found.place is not None else ""
        yield f"{found.severity.value} {found.code} {found.title}{where}: {found.message} {found.mend}"


def _clean(text: str) -> str:
    """What XML 1.0 allows: line ends stay, everything else that is not seen is written out."""
    return "\n".join(visible(line) for line in text.split("\n"))
