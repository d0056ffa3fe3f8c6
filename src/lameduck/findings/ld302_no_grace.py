"""LD302: the pod asks for no grace at all, or for one second."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case
from lameduck.pod.containers import Role
from lameduck.pod.programs.obstacles import holds_container_open
from lameduck.pod.programs.receivers import receivers
from lameduck.remedies.remedy import Remedy, RemoveField

__all__ = ["FINDING"]

PAGE = """
## What happens
`terminationGracePeriodSeconds: 0` does not mean "SIGKILL at once". It turns every plain delete into a force delete
(T6): the object vanishes from the API before the node has done anything, a StatefulSet's next pod may start beside the
old one (T120), and the process still gets its signal, and 2 s (T9, T24). A grace of 1 leaves a preStop hook at most one
second and the process 2 s (T25).
## How to see it
`kubectl delete pod` returns at once and the process is still there (`crictl ps`). `lameduck rehearse` shows the hook
cut short and SIGKILL 2 s after the signal.
## How to mend it
Remove the field: 30 s are the default (T5), and a process that exits earlier is not waited for (T21). Kill what you
want dead with `kubectl delete --now`, not for all pods of the workload.
"""

BAD = (
    Example("a grace of 0", pod="terminationGracePeriodSeconds: 0"),
    Example(
        "a grace of 0, and a volume that the next pod takes over",
        pod="terminationGracePeriodSeconds: 0\nvolumes: [{name: data, persistentVolumeClaim: {claimName: data}}]",
    ),
    Example(
        "a grace of 1 behind a Service, with a hook",
        pod="terminationGracePeriodSeconds: 1",
        container="lifecycle: {preStop: {exec: {command: [/drain.sh]}}}",
        objects=SERVICE,
    ),
)
GOOD = (
    Example("a short grace on purpose", pod="terminationGracePeriodSeconds: 2"),
    Example(
        "a pod to look around in, which only sleeps: nobody waits for its end, and nothing is lost",
        pod="terminationGracePeriodSeconds: 0",
        container="image: curlimages/curl:8.16.0\ncommand: [sleep, infinity]",
        only=Witness.FILES,
    ),
    Example(
        "a grace of 1 for something that nothing is sent to: an agent that ends at the signal",
        pod="terminationGracePeriodSeconds: 1",
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    spec = case.workload.pod
    grace_s = spec.termination_grace_period_s
    if grace_s == 0 and not _only_sleeps(case):
        twin = " and a twin may start beside the old pod" if case.workload.kind == "StatefulSet" else ""
        yield Sighting(
            None,
            spec.grace_at,
            f"terminationGracePeriodSeconds 0 makes every delete of {case.workload.title}'s pods a force delete: the "
            f"objects are gone before the processes{twin}",
            "Remove it, or give the seconds that the pods need",
            severity=_severity(case),
        )
    elif grace_s == 1 and (receivers(case) or any(container.pre_stop is not None for container in spec.containers)):
        yield Sighting(
            None,
            spec.grace_at,
            "with terminationGracePeriodSeconds 1 a hook has one second, and the process 2 s from its stop signal to "
            "SIGKILL",
            "Remove it, or give the seconds that the pods need",
        )


def _only_sleeps(case: Case) -> bool:
    regular = [container for container in case.workload.pod.containers if container.role is Role.REGULAR]
    entries = [case.entries.get(container.name) for container in regular]
    return bool(entries) and all(entry is not None and holds_container_open(entry.service) for entry in entries)


def _severity(case: Case) -> Severity | None:
    """An error where a twin may start beside it; no debt where nothing says that its end costs somebody something."""
    spec = case.workload.pod
    if case.workload.kind == "StatefulSet":
        return Severity.ERROR
    has_work = receivers(case) or spec.claims or any(container.pre_stop is not None for container in spec.containers)
    return None if has_work else Severity.INFO


def remedy(case: Case, _seen: Sighting) -> Remedy | None:
    at = case.workload.pod.grace_at
    if at is None:
        return None
    # Somebody wrote it, and deletes will take longer: not without being asked.
    return Remedy((RemoveField(at, "30 s are the default"),), safe=False, title="Give the default grace")


FINDING = Finding(
    "LD302",
    "no-grace",
    Severity.WARNING,
    facts=("T5", "T6", "T9", "T21", "T24", "T25", "T120"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
