"""SARIF 2.1.0, as GitHub's code scanning and editors read it: rules with their pages, results, and the changes."""

from typing import Any
from urllib.parse import quote

from lameduck import __version__
from lameduck.check.judging import shown_path
from lameduck.check.outcome import Note, Replacement, Seen
from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.finding import Finding, Severity
from lameduck.report.checked import CheckAnswer

__all__ = ["sarif"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_RANK_OF_DOUBT = 40.0
"""Of 100; what is certain has no rank."""


def sarif(answer: CheckAnswer) -> dict[str, Any]:
    """The log, one run. Rules are those that were seen, in the order of the catalogue."""
    seen = answer.checked.seen
    codes = {each.code for each in seen}
    known = {finding.code: finding for finding in FINDINGS}
    order = [code for code in known if code in codes] + sorted(codes - set(known))
    titles = {each.code: each.title for each in seen}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "lameduck",
                        "semanticVersion": __version__,
                        "rules": [_rule(code, titles[code], known.get(code)) for code in order],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": answer.complete,
                        "toolExecutionNotifications": [_notification(note) for note in answer.checked.notes],
                    }
                ],
                "results": [_result(each, order.index(each.code)) for each in seen],
            }
        ],
    }


def _rule(code: str, title: str, finding: Finding | None) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code, "name": "".join(word.capitalize() for word in title.split("-"))}
    rule["shortDescription"] = {"text": title.replace("-", " ")}
    if finding is not None:
        page = finding.page.strip()
        rule["help"] = {"text": page, "markdown": page}
        rule["defaultConfiguration"] = {"level": _LEVELS[finding.severity]}
    return rule


def _result(seen: Seen, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": seen.code,
        "ruleIndex": index,
        "level": _LEVELS[seen.severity],
        "message": {"text": f"{seen.message}. {seen.mend}."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(seen.place.file)},
                    "region": {"startLine": seen.place.line, "startColumn": seen.place.column},
                },
                "logicalLocations": [
                    {
                        "fullyQualifiedName": seen.workload
                        if seen.container is None
                        else f"{seen.workload}/{seen.container}"
                    }
                ],
            }
        ],
        "partialFingerprints": {"lameduck/v1": seen.fingerprint},
    }
    if seen.uncertain:
        result["rank"] = _RANK_OF_DOUBT
    if seen.replacements:
        result["fixes"] = [_fix(seen)]
    return result


def _fix(seen: Seen) -> dict[str, Any]:
    files = dict.fromkeys(each.file for each in seen.replacements)
    return {
        "description": {"text": seen.fix_title or seen.mend},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": _uri(file)},
                "replacements": [_replacement(each) for each in seen.replacements if each.file == file],
            }
            for file in files
        ],
    }


def _replacement(replacement: Replacement) -> dict[str, Any]:
    (start_line, start_column), (end_line, end_column) = replacement.start, replacement.end
    return {
        "deletedRegion": {
            "startLine": start_line,
            "startColumn": start_column,
            "endLine": end_line,
            "endColumn": end_column,
        },
        "insertedContent": {"text": replacement.text},
    }


def _notification(note: Note) -> dict[str, Any]:
    return {
        "level": "error" if note.is_error else "warning",
        "message": {"text": note.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(note.place.file)},
                    "region": {"startLine": note.place.line, "startColumn": note.place.column},
                }
            }
        ],
    }


def _uri(file: str) -> str:
    return quote(shown_path(file))
