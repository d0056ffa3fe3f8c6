"""What a witness answers: everything that a report may show, and the JSON envelope that is a promise to scripts."""

from dataclasses import dataclass
from typing import Any

from lameduck.ending.commands import ContainerEnding
from lameduck.ending.requests import Request
from lameduck.ending.timeline import Timeline
from lameduck.ending.verdict import PodEnding, Tally, Verdict
from lameduck.findings.finding import Found

__all__ = ["SCHEMA", "Answer", "Setting"]

SCHEMA = 1
"""Keys of the envelope are never removed and never change their meaning within a schema number."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One circumstance of the rehearsal that a reader must know to trust it: ("endpoint lag", "1 s")."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A witness' whole answer."""

    witness: str
    title: str
    """What ended: Deployment/web, or the command."""
    verdict: Verdict
    findings: tuple[Found, ...]
    timeline: Timeline
    requests: tuple[Request, ...]
    settings: tuple[Setting, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The envelope of docs/json.md; times in seconds since the deletion request, to the millisecond."""
        return {
            "schema": SCHEMA,
            "witness": self.witness,
            "workload": self.title,
            "verdict": "graceful" if self.verdict.graceful else "ungraceful",
            "reasons": list(self.verdict.reasons),
            "requests": _requests(self.verdict.tally),
            "endings": [_ending(ending) for ending in self.verdict.endings],
            "findings": [_finding(found) for found in self.findings],
            "settings": {setting.name: setting.value for setting in self.settings},
            "timeline": self.timeline.to_json(),
        }


def _requests(tally: Tally) -> dict[str, Any]:
    return {
        "sent": tally.sent,
        "ok": tally.ok,
        "lost": tally.lost,
        "by_fate": {fate.value: count for fate, count in tally.by_fate},
        "by_cause": {cause.name.lower().replace("_", "-"): count for cause, count in tally.by_cause},
        "unrelated": tally.unrelated,
        "unfinished": tally.unfinished,
        "saved_by_retry": tally.saved_by_retry,
        "not_counted": tally.not_counted,
    }


def _ending(ending: PodEnding) -> dict[str, Any]:
    use = ending.use
    return {
        "pod": ending.pod,
        "grace_s": float(ending.grace_s),
        "marked_s": _ms(ending.marked_s),
        "total_s": _ms(ending.total_s),
        "last_new_connection_s": _ms(ending.last_new_connection_s),
        "last_answer_s": _ms(ending.last_answer_s),
        "grace_use": {
            "endpoints_s": _ms(use.endpoints_s),
            "idle_s": _ms(use.idle_s),
            "draining_s": _ms(use.draining_s),
            "cleaning_up_s": _ms(use.cleaning_up_s),
            "hanging_s": _ms(use.hanging_s),
            "margin_s": _ms(use.margin_s),
        },
        "containers": [_container(container) for container in ending.containers],
    }


def _container(container: ContainerEnding) -> dict[str, Any]:
    return {
        "name": container.name,
        "hook_start_s": _ms(container.hook_start_s),
        "hook_end_s": _ms(container.hook_end_s),
        "hook_outcome": container.hook_outcome,
        "stop_signal": container.stop_signal,
        "stop_signal_s": _ms(container.stop_signal_s),
        "stop_timeout_s": container.stop_timeout_s,
        "kill_s": _ms(container.kill_s),
        "exit_s": _ms(container.exit_s),
        "exit_code": container.exit_code,
        "reason": container.reason,
        "killed": container.killed,
    }


def _finding(found: Found) -> dict[str, Any]:
    place = found.place
    return {
        "code": found.code,
        "title": found.title,
        "severity": found.severity.value,
        "message": found.message,
        "mend": found.mend,
        "workload": found.workload,
        "container": found.container,
        "file": None if place is None else place.file,
        "line": None if place is None else place.line,
        "column": None if place is None else place.column,
        "fixable": found.fixable,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
