"""The JSON envelope of a check: the keys that every witness shares, without those that only an ending knows."""

from typing import Any

from lameduck.check.outcome import FixKind, Note, Path, Seen
from lameduck.report.checked import CheckAnswer

__all__ = ["check_envelope"]

_SCHEMA = 1


def check_envelope(answer: CheckAnswer) -> dict[str, Any]:
    """The envelope of docs/json.md."""
    checked = answer.checked
    return {
        "schema": _SCHEMA,
        "witness": "check",
        "verdict": "graceful" if answer.graceful else "ungraceful",
        "findings": [_finding(each) for each in checked.seen],
        "notes": [_note(each) for each in checked.notes],
        "workloads": [_workload(each) for each in checked.endings],
        "files": checked.files,
        "suppressed": checked.suppressed,
        "baselined": checked.baselined,
        "mended": [_finding(each) for each in answer.mended],
    }


def _finding(seen: Seen) -> dict[str, Any]:
    return {
        "code": seen.code,
        "title": seen.title,
        "severity": seen.severity.value,
        "message": seen.message,
        "mend": seen.mend,
        "workload": seen.workload,
        "container": seen.container,
        "file": seen.place.file,
        "line": seen.place.line,
        "column": seen.place.column,
        "fixable": seen.fix is FixKind.SAFE,
        "fix": seen.fix.value,
        "uncertain": seen.uncertain,
        "template": seen.template,
        "fingerprint": seen.fingerprint,
        "diff": seen.diff,
    }


def _note(note: Note) -> dict[str, Any]:
    return {
        "message": note.message,
        "file": note.place.file,
        "line": note.place.line,
        "column": note.place.column,
        "error": note.is_error,
    }


def _workload(path: Path) -> dict[str, Any]:
    return {
        "workload": path.workload,
        "file": path.place.file,
        "line": path.place.line,
        "grace_s": float(path.grace_s),
        "stops": [
            {
                "container": stop.container,
                "hook": stop.hook,
                "hook_s": None if stop.hook_s is None else float(stop.hook_s),
                "stop_signal": stop.signal,
                "stop_signal_at_most_s": float(stop.signal_at_s),
                "kill_s": float(stop.kill_at_s),
                "sidecar": stop.is_sidecar,
            }
            for stop in path.stops
        ],
    }
