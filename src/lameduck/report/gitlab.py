"""GitLab's code quality report: a JSON list that merge requests show beside their diffs."""

from typing import Any

from lameduck.check.judging import shown_path
from lameduck.check.outcome import Seen
from lameduck.findings.finding import Severity
from lameduck.report.checked import CheckAnswer

__all__ = ["gitlab_report"]

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def gitlab_report(answer: CheckAnswer) -> list[dict[str, Any]]:
    """One entry for each finding. Fingerprints tell GitLab which of them are new."""
    return [_entry(each) for each in answer.checked.seen]


def _entry(seen: Seen) -> dict[str, Any]:
    subject = seen.workload if seen.container is None else f"{seen.workload}, container {seen.container}"
    return {
        "type": "issue",
        "check_name": seen.code,
        "description": f"{seen.code} {subject}: {seen.message}. {seen.mend}.",
        "categories": ["Bug Risk"],
        "severity": "minor" if seen.uncertain and seen.severity is not Severity.INFO else _SEVERITIES[seen.severity],
        "fingerprint": seen.fingerprint,
        "location": {
            "path": shown_path(seen.place.file),
            "positions": {"begin": {"line": seen.place.line, "column": seen.place.column}},
            "lines": {"begin": seen.place.line},
        },
    }
