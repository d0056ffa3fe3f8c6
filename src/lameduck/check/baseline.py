"""Baselines: findings that are known and put off, so that only new ones are reported. They survive line moves."""

import json
from collections.abc import Iterable
from pathlib import Path

from lameduck.check.outcome import Seen
from lameduck.pod.place import InputError
from lameduck.pod.records import dataclass

__all__ = ["Baseline", "baseline_text", "read_baseline"]

_VERSION = 1
_ADVICE = "Write it anew: lameduck check PATH... --write-baseline FILE."


@dataclass(frozen=True, slots=True)
class Baseline:
    """The fingerprints of the findings that are known."""

    fingerprints: frozenset[str]

    def new(self, seen: Iterable[Seen]) -> list[Seen]:
        """Those that the baseline does not know."""
        return [each for each in seen if each.fingerprint not in self.fingerprints]


def read_baseline(file: str, *, at: str) -> Baseline:
    """The baseline in that file. Raises InputError, naming `at`, if it is none."""
    try:
        written = json.loads(Path(file).read_text(encoding="utf-8"))
        version = written["lameduck-baseline"]
        fingerprints = frozenset(str(each["fingerprint"]) for each in written["findings"])
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.", at=at, do=_ADVICE) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{file} is no baseline of lameduck.", at=at, do=_ADVICE) from None
    if version != _VERSION:
        raise InputError(f"{file} has version {version!r}, not {_VERSION}.", at=at, do=_ADVICE)
    return Baseline(fingerprints)


def baseline_text(seen: Iterable[Seen]) -> str:
    """The baseline that knows these findings; in an order of its own, so that it merges well."""
    entries = sorted(
        {
            each.fingerprint: {
                "fingerprint": each.fingerprint,
                "code": each.code,
                "workload": each.workload,
                "file": each.place.file,
            }
            for each in seen
        }.values(),
        key=lambda entry: (entry["file"], entry["workload"], entry["code"], entry["fingerprint"]),
    )
    return json.dumps({"lameduck-baseline": _VERSION, "findings": entries}, indent=1, ensure_ascii=False) + "\n"
