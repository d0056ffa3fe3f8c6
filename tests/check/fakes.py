"""A finding that is easy to make and to mend, and manifests that show it: the frame is tested without the catalogue."""

from collections.abc import Iterator
from pathlib import Path

from lameduck.check.checking import check
from lameduck.check.files import File, the_files
from lameduck.check.judging import Settings
from lameduck.check.outcome import Checked
from lameduck.findings.finding import Finding, Severity, Sighting
from lameduck.pod.case import Case
from lameduck.remedies.remedy import Remedy, SetField

__all__ = ["BROKEN", "CODE", "HASTY", "SETTINGS", "checked", "deployment", "files", "write"]

CODE = "LD999"


def _in_files(case: Case) -> Iterator[Sighting]:
    for container in case.workload.pod.containers:
        if "hasty" in (container.image or "") and container.pre_stop is None:
            services = ", ".join(service.name for service in case.services) or "no Service"
            yield Sighting(container.name, container.at, f"{container.name} is hasty behind {services}", "Let it wait")


def _remedy(case: Case, seen: Sighting) -> Remedy | None:
    assert seen.at is not None
    name = seen.container or ""
    change = SetField((*seen.at, "lifecycle", "preStop", "sleep", "seconds"), 5, f"{name} waits")
    return Remedy((change,), safe="risky" not in (case.workload.pod.container(name).image or ""), title="Wait 5 s")


def _broken(case: Case) -> Iterator[Sighting]:
    yield from ()
    raise KeyError(case.workload.name)


HASTY = Finding(
    CODE,
    "hasty-image",
    Severity.WARNING,
    facts=(),
    page="## What happens\nIt is hasty.",
    bad=(),
    good=(),
    in_files=_in_files,
    remedy=_remedy,
)
BROKEN = Finding("LD998", "broken-finding", Severity.ERROR, facts=(), page="", bad=(), good=(), in_files=_broken)
SETTINGS = Settings((HASTY,), changes=True)


def deployment(name: str = "web", image: str = "hasty:1", *, namespace: str = "", more: str = "") -> str:
    """A Deployment; `more` are lines of the container, indented by two more than its name."""
    space = f", namespace: {namespace}" if namespace else ""
    return (
        "apiVersion: apps/v1\n"
        "kind: Deployment\n"
        f"metadata: {{name: {name}{space}}}\n"
        "spec:\n"
        "  template:\n"
        f"    metadata: {{labels: {{app: {name}}}}}\n"
        "    spec:\n"
        "      containers:\n"
        "        - name: app\n"
        f"          image: {image}\n" + more
    )


def write(folder: Path, name: str, text: str) -> Path:
    """A file in a folder, which is made."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def files(*paths: Path | str) -> list[File]:
    """What these paths mean."""
    return list(the_files([str(path) for path in paths])[0])


def checked(*paths: Path | str, settings: Settings = SETTINGS, jobs: int = 1) -> Checked:
    """What comes of checking these paths."""
    return check(files(*paths), settings, {}, jobs=jobs)
