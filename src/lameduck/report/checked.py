"""What the reports of a check share: the answer with its verdict, and the words for how a container is stopped."""

from collections.abc import Iterator

from lameduck.check.outcome import Checked, Path, Seen, Stop
from lameduck.findings.finding import Severity
from lameduck.pod.records import dataclass
from lameduck.report.wording import plural

__all__ = ["CheckAnswer", "counts", "more_about", "steps"]

_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """A check and what its user calls a failure: findings of that severity or above; None: none ever is."""

    checked: Checked
    fail_on: Severity | None = Severity.WARNING
    mended: tuple[Seen, ...] = ()
    """What --fix has mended; no longer among the findings."""
    mended_files: tuple[str, ...] = ()

    @property
    def graceful(self) -> bool:
        """Whether nothing was found that counts."""
        return not any(self.counts(each) for each in self.checked.seen)

    def counts(self, seen: Seen) -> bool:
        """Whether that finding makes the answer ungraceful."""
        return self.fail_on is not None and _RANK[seen.severity] >= _RANK[self.fail_on]

    @property
    def complete(self) -> bool:
        """Whether everything that was to be read could be read, and judged."""
        return not any(note.is_error for note in self.checked.notes)


def counts(checked: Checked) -> str:
    """`2 errors, 1 warning`; empty if nothing was found."""
    numbers = ((severity, sum(each.severity is severity for each in checked.seen)) for severity in Severity)
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "remark"}
    return ", ".join(plural(number, words[severity]) for severity, number in numbers if number)


def more_about(code: str) -> str:
    """Where to read more about a finding."""
    return f"lameduck explain {code}"


def steps(path: Path, stop: Stop) -> Iterator[str]:
    """A container's way to its end: `delete`, `5 s preStop`, `TERM`, `up to 25 s drain`, `KILL`."""
    yield "delete"
    if stop.is_sidecar:
        yield "the other containers end"  # T42: a native sidecar is stopped after them
    if stop.hook is not None:
        yield f"{stop.hook} preStop of unknown length" if stop.hook_s is None else f"{stop.hook_s} s preStop"
    signal = (stop.signal or "SIGTERM").removeprefix("SIG")
    yield signal if stop.signal is not None else f"{signal} (or the image's STOPSIGNAL)"
    if stop.is_sidecar:
        yield f"up to what is left of {path.grace_s} s"
    elif stop.hook_s is None:
        yield f"drain for what is left of {path.grace_s} s"
    else:
        yield f"up to {stop.kill_at_s - stop.signal_at_s} s drain"
    yield "KILL"
