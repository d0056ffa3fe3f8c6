"""JUnit XML of a check: a suite for each workload, a case for each finding, and one that passes where there is none."""

import xml.etree.ElementTree as ET  # only written here, never parsed
from collections.abc import Sequence

from lameduck.check.outcome import Path, Seen
from lameduck.report.checked import CheckAnswer, more_about
from lameduck.report.wording import visible

__all__ = ["check_junit"]

_CLEAN = "the files show no defect in its ending"


def check_junit(answer: CheckAnswer) -> str:
    """The document as text. Cases fail exactly where the verdict is ungraceful; other findings are output of a case."""
    root = ET.Element("testsuites", name="lameduck check")
    total = failed = 0
    for path in answer.checked.endings:
        own = [
            each for each in answer.checked.seen if (each.workload, each.manifest) == (path.workload, path.place.file)
        ]
        suite, failures = _suite(path, own, answer)
        total += max(len(own), 1)
        failed += failures
        root.append(suite)
    errors = [note for note in answer.checked.notes if note.is_error]
    if errors:
        suite = ET.SubElement(root, "testsuite", name="files", tests=str(len(errors)), errors=str(len(errors)))
        for note in errors:
            case = ET.SubElement(suite, "testcase", classname="files", name=_clean(str(note.place)))
            ET.SubElement(case, "error", message=_clean(note.message))
    root.set("tests", str(total + len(errors)))
    root.set("failures", str(failed))
    root.set("errors", str(len(errors)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(path: Path, own: Sequence[Seen], answer: CheckAnswer) -> tuple[ET.Element, int]:
    failures = sum(answer.counts(each) for each in own)
    suite = ET.Element(
        "testsuite",
        name=_clean(f"{path.workload} {path.place.file}"),
        tests=str(max(len(own), 1)),
        failures=str(failures),
        errors="0",
    )
    if not own:
        ET.SubElement(suite, "testcase", classname=_clean(path.workload), name=_CLEAN)
    for seen in own:
        name = f"{seen.code} {seen.title}" + (f" ({seen.container})" if seen.container is not None else "")
        case = ET.SubElement(
            suite,
            "testcase",
            classname=_clean(seen.workload),
            name=_clean(name),
            file=_clean(seen.place.file),
            line=str(seen.place.line),
        )
        text = f"{seen.place}: {seen.message}\n{seen.mend}\n{more_about(seen.code)}"
        if answer.counts(seen):
            failure = ET.SubElement(case, "failure", message=_clean(seen.message), type=seen.code)
            failure.text = _clean(text)
        else:
            ET.SubElement(case, "system-out").text = _clean(text)
    return suite, failures


def _clean(text: str) -> str:
    """What XML 1.0 allows: line ends stay, everything else that is not seen is written out."""
    return "\n".join(visible(line) for line in text.split("\n"))
