"""From what a rehearsal saw to the answer that reports draw: the circumstances, in words."""

from collections.abc import Sequence

from lameduck.pod.workloads import Workload
from lameduck.rehearse.engine import Isolation
from lameduck.rehearse.rehearsal import End, Rehearsed, Settings
from lameduck.report.answer import Answer, Setting

__all__ = ["answer_of"]

_ISOLATION_WORDS = {
    Isolation.PID_NAMESPACE: "each container is PID 1 of its own PID namespace",
    Isolation.USER_NAMESPACE: "each container is PID 1 of its own PID namespace (unprivileged)",
    Isolation.EMULATED: "PID 1 is emulated: this machine allows no namespaces",
}


def answer_of(
    workload: Workload, settings: Settings, rehearsed: Rehearsed, *, title: str, notes: Sequence[str]
) -> Answer:
    """The answer of `rehearse`; `title` names what ended, `notes` say what was not played as the files say."""
    shown = [
        Setting("ended", "one pod" if settings.end is End.ONE_POD else "rollout"),
        Setting("replicas", str(settings.replicas)),
        Setting(
            "grace",
            f"{settings.grace_s if settings.grace_s is not None else workload.pod.termination_grace_period_s} s",
        ),
        Setting("endpoint lag", str(settings.lag)),
    ]
    if settings.traffic is not None:
        plan = settings.traffic
        shown += [
            Setting("rate", f"{plan.rate:g} requests/s"),
            Setting("rtt", f"{plan.rtt_s * 1000:g} ms"),
            Setting("retry", plan.retry.value),
        ]
    shown.append(Setting("isolation", _ISOLATION_WORDS[rehearsed.isolation]))
    if notes:
        shown.append(Setting("not as in the cluster", "; ".join(notes)))
    if rehearsed.pressure is not None:
        shown.append(Setting("traffic", rehearsed.pressure.sentence()))
    return Answer(
        witness="rehearse",
        title=title,
        verdict=rehearsed.verdict,
        findings=rehearsed.findings,
        timeline=rehearsed.timeline,
        requests=rehearsed.requests,
        settings=tuple(shown),
    )
