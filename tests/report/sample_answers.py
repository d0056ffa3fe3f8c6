"""Answers as a rehearsal gives them, made up event by event: what the tests of the reports draw.

The verdicts are the judge's own, so that a report is never tested with figures that cannot occur together.
"""

import random
from dataclasses import dataclass, field, replace

from lameduck.ending import timeline as tl
from lameduck.ending.commands import ContainerEnding
from lameduck.ending.requests import ClientKind, Fate, Request
from lameduck.ending.verdict import judge
from lameduck.findings.finding import Found, Severity
from lameduck.pod.durations import Seconds
from lameduck.pod.place import Place
from lameduck.remedies.remedy import Remedy
from lameduck.report.answer import Answer, Setting

__all__ = [
    "everything",
    "graceful",
    "hostile",
    "huge",
    "killed",
    "many_pods",
    "no_pre_stop",
    "no_traffic",
    "rollout",
    "sidecars",
    "with_containers",
]

RTT_S = Seconds(0.001)
SETTINGS = (
    Setting("isolation", "pid-namespace"),
    Setting("endpoint lag", "1.5 s"),
    Setting("rtt", "1 ms"),
    Setting("rate", "100/s"),
)


@dataclass
class _Story:
    """Events, containers and requests, collected until they are judged."""

    title: str
    events: list[tl.Event] = field(default_factory=list)
    containers: dict[str, tuple[ContainerEnding, ...]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def replica(self, pod: str, *, planned_s: float, ready_s: float, replacement: bool = False) -> None:
        self.events += [
            tl.ReplicaPlanned(t_s=Seconds(planned_s), pod=pod, replacement=replacement),
            tl.ContainerStarting(
                t_s=Seconds(planned_s + 0.01), pod=pod, container="app", command=("python", "-m", "http.server", "8080")
            ),
            tl.PodReady(t_s=Seconds(ready_s), pod=pod, ready=True),
            tl.EndpointChanged(t_s=Seconds(ready_s), pod=pod, ready=True, serving=True, terminating=False),
        ]

    def backends(self, t_s: float, *pods: str, view: int = 0) -> None:
        self.events.append(tl.BackendsChanged(t_s=Seconds(t_s), view=view, pods=pods))

    def mark(self, pod: str, t_s: float, grace_s: int) -> None:
        self.events += [
            tl.DeletionMarked(t_s=Seconds(t_s), pod=pod, grace_s=grace_s),
            tl.EndpointChanged(t_s=Seconds(t_s), pod=pod, ready=False, serving=True, terminating=True),
        ]

    def end(
        self, pod: str, *containers: ContainerEnding, reception: str = "caught", handler: str = "sleep 5 s"
    ) -> None:
        """The events that go with these endings; their times are on the timeline's clock."""
        self.containers[pod] = containers
        for c in containers:
            who = {"pod": pod, "container": c.name}
            if c.hook_start_s is not None:
                self.events.append(tl.HookStarted(t_s=c.hook_start_s, handler=handler, **who))
            if c.hook_end_s is not None:
                self.events.append(tl.HookFinished(t_s=c.hook_end_s, outcome=c.hook_outcome, **who))
            if c.stop_signal_s is not None:
                signal = tl.SignalSent(
                    t_s=c.stop_signal_s,
                    signal=c.stop_signal or "SIGTERM",
                    timeout_s=c.stop_timeout_s or 0,
                    reception=reception,
                    main="python -m http.server 8080",
                    pod=pod,
                    container=c.name,
                )
                self.events += [
                    signal,
                    tl.OutputLine(
                        t_s=Seconds(c.stop_signal_s + 0.004), stream="stderr", line="INFO: shutting down", **who
                    ),
                ]
            if c.kill_s is not None:
                self.events.append(tl.KillSent(t_s=c.kill_s, pod=pod, container=c.name))
            if c.exit_s is not None and c.exit_code is not None:
                self.events.append(
                    tl.ContainerExited(t_s=c.exit_s, exit_code=c.exit_code, reason=c.reason or "", **who)
                )
        last_s = max(c.exit_s for c in containers if c.exit_s is not None)
        self.events += [
            tl.PhaseReported(t_s=Seconds(last_s + 0.01), pod=pod, phase="Succeeded"),
            tl.PodGone(t_s=Seconds(last_s + 0.02), pod=pod),
        ]

    def traffic(self, from_s: float, to_s: float, rate: int, pods: tuple[str, ...]) -> None:
        """Answered requests at a steady rate, spread over pods that live throughout."""
        draw = random.Random(7)
        for number in range(int((to_s - from_s) * rate)):
            due = from_s + number / rate
            took = draw.uniform(0.003, 0.02)
            self.requests.append(request(due, due + took, Fate.OK, draw.choice(pods), first=due + took / 2))

    def answer(self, *findings: Found) -> Answer:
        line = tl.Timeline(tuple(self.events))
        requests = tuple(self.requests)
        verdict = judge(line, self.containers, requests, rtt_s=RTT_S)
        return Answer("rehearse", self.title, verdict, findings, line, requests, SETTINGS)


def request(
    sent: float, ended: float, fate: Fate, pod: str | None, *, first: float | None = None, reused: bool = False
) -> Request:
    """One request, on time; connected when it was sent unless it was refused."""
    return Request(
        kind=ClientKind.KEEPALIVE if reused else ClientKind.NEW,
        method="GET",
        due_s=Seconds(sent),
        sent_s=Seconds(sent),
        ended_s=Seconds(ended),
        fate=fate,
        pod=pod,
        reused=reused,
        connected_s=None if fate is Fate.REFUSED else Seconds(sent),
        first_byte_s=None if first is None else Seconds(first),
        status=200 if fate is Fate.OK else None,
        detail="connection refused" if fate is Fate.REFUSED else "",
    )


def ending(
    name: str, *, hook: tuple[float, float] | None = None, signal: float, exit_s: float, code: int = 0, **more: object
) -> ContainerEnding:
    """How a container ended: hook, signal, exit."""
    fields: dict[str, object] = {
        "hook_start_s": None if hook is None else Seconds(hook[0]),
        "hook_end_s": None if hook is None else Seconds(hook[1]),
        "hook_outcome": "none" if hook is None else "ok",
        "stop_signal": "SIGTERM",
        "stop_signal_s": Seconds(signal),
        "stop_timeout_s": max(2, 30 - int(signal)),
        "exit_s": Seconds(exit_s),
        "exit_code": code,
        "reason": "Completed" if code == 0 else "Error",
    }
    return ContainerEnding(name=name, **{**fields, **more})  # type: ignore[arg-type]


def _two_replicas(title: str, to_s: float, grace_s: int = 30) -> _Story:
    """web-0 ends, web-1 lives, web-2 replaces web-0."""
    story = _Story(title)
    story.replica("web-0", planned_s=-4.0, ready_s=-2.5)
    story.replica("web-1", planned_s=-4.0, ready_s=-2.4)
    story.backends(-2.4, "web-0", "web-1")
    story.mark("web-0", 0.0, grace_s)
    story.replica("web-2", planned_s=0.0, ready_s=1.2, replacement=True)
    story.backends(1.5, "web-1", "web-2")
    story.traffic(-2.0, to_s, 100, ("web-1",))
    return story


def graceful() -> Answer:
    """A preStop sleep outlasts the endpoint lag, the server drains and exits 0; nothing is lost."""
    story = _two_replicas("Deployment/web", 8.0)
    story.end("web-0", ending("app", hook=(0.02, 5.02), signal=5.03, exit_s=6.4))
    for number in range(30):
        sent = number / 20
        story.requests.append(request(sent, sent + 0.02, Fate.OK, "web-0", first=sent + 0.01))
    story.requests.append(request(4.1, 6.3, Fate.OK, "web-0", first=4.2))
    found = Found(
        "LD206",
        "pre-stop-longer-than-needed",
        Severity.INFO,
        "The preStop hook waits 5 s; the last new connection came after 1.5 s.",
        "Nothing must change. A preStop sleep of 3 would still leave twice the measured lag.",
        "Deployment/web",
        "app",
        Place("deploy.yaml", 31, 17),
    )
    return story.answer(found)


def no_pre_stop() -> Answer:
    """The server stops listening at once, the endpoints need 1.5 s to notice: refused in between, two downloads cut."""
    story = _two_replicas("Deployment/web", 4.0)
    story.end("web-0", ending("app", signal=0.01, exit_s=0.35))
    for number in range(62):
        sent = 0.05 + 1.45 * (number / 62) ** 1.4
        story.requests.append(request(sent, sent + 0.002, Fate.REFUSED, "web-0"))
    for sent in (-0.9, -0.3):
        story.requests.append(request(sent, 0.35, Fate.CUT, "web-0", first=sent + 0.1))
    for sent in (0.012, 0.02, 0.031):
        story.requests.append(request(sent, sent + 0.002, Fate.RESET, "web-0", reused=True))
    found = Found(
        "LD201",
        "no-pre-stop-delay",
        Severity.ERROR,
        "app stops listening at once, while clients send new connections for another 1.5 s.",
        "Add a preStop hook that waits for the endpoints: `sleep: {seconds: 5}`.",
        "Deployment/web",
        "app",
        Place("deploy.yaml", 24, 9),
        remedy=Remedy((), safe=True, title="Wait before stopping"),
    )
    return story.answer(found)


def killed() -> Answer:
    """PID 1 has no handler: SIGTERM is discarded, SIGKILL comes at the deadline with a stream in flight."""
    story = _two_replicas("Deployment/entrypoint-script", 33.0)
    story.end(
        "web-0",
        ending(
            "app",
            hook=(0.02, 5.02),
            signal=5.03,
            exit_s=30.06,
            code=137,
            kill_s=Seconds(30.04),
            killed=True,
        ),
        reception="discarded",
    )
    story.requests.append(request(-1.0, 30.06, Fate.CUT, "web-0", first=-0.9))
    found = Found(
        "LD101",
        "signal-stops-at-the-shell",
        Severity.ERROR,
        "SIGTERM went to `sh /entrypoint.sh`, which has no handler; python below it never heard of it.",
        "Start the server with `exec` at the end of the script, so that it is PID 1 itself.",
        "Deployment/entrypoint-script",
        "app",
        None,
    )
    return story.answer(found)


def rollout() -> Answer:
    """Two replicas are replaced one after the other; the second loses a few requests."""
    story = _Story("Deployment/web (rollout)")
    for pod in ("web-a-0", "web-a-1"):
        story.replica(pod, planned_s=-5.0, ready_s=-3.0)
    for view in (0, 1):
        story.backends(-3.0, "web-a-0", "web-a-1", view=view)
    story.replica("web-b-0", planned_s=-2.0, ready_s=-0.1, replacement=True)
    story.mark("web-a-0", 0.0, 30)
    story.replica("web-b-1", planned_s=0.0, ready_s=2.2, replacement=True)
    story.mark("web-a-1", 2.2, 30)
    for view, lag in ((0, 0.4), (1, 1.1)):
        story.backends(lag, "web-a-1", "web-b-0", view=view)
        story.backends(2.2 + lag, "web-b-0", "web-b-1", view=view)
    story.end("web-a-0", ending("app", hook=(0.02, 1.02), signal=1.03, exit_s=1.9), handler="exec sleep 1")
    story.end("web-a-1", ending("app", hook=(2.22, 3.22), signal=3.23, exit_s=4.6), handler="exec sleep 1")
    story.traffic(-2.0, 6.0, 60, ("web-b-0",))
    for sent in (3.235, 3.25, 3.27, 3.29):
        story.requests.append(request(sent, sent + 0.004, Fate.REFUSED, "web-a-1"))
    return story.answer()


def sidecars() -> Answer:
    """An app with two native sidecars: they stop in reverse order when the app is gone; one hook outlasts the grace."""
    story = _two_replicas("StatefulSet/db", 12.0, grace_s=8)
    story.end(
        "web-0",
        ending("app", hook=(0.02, 2.02), signal=2.03, exit_s=3.5),
        ending("proxy", hook=(0.02, 1.02), signal=3.52, exit_s=4.1),
        ending(
            "log-shipper",
            hook=(0.03, 8.0),
            signal=8.01,
            exit_s=10.05,
            code=137,
            hook_outcome="outlasted",
            kill_s=Seconds(10.02),
            killed=True,
            stop_timeout_s=2,
        ),
    )
    return story.answer()


def many_pods(count: int) -> Answer:
    """A rollout of that many pods, a second apart; the last one loses a request."""
    story = _Story("Deployment/many")
    for number in range(count):
        pod, at_s = f"web-{number}", float(number)
        story.mark(pod, at_s, 30)
        story.end(pod, ending("app", hook=(at_s, at_s + 1), signal=at_s + 1, exit_s=at_s + 1.5))
    story.requests.append(request(count + 0.3, count + 0.302, Fate.REFUSED, f"web-{count - 1}"))
    return story.answer()


def no_traffic() -> Answer:
    """A worker that no Service selects: nobody sends requests, and no client side has a list of backends."""
    story = _Story("Job/worker")
    story.replica("worker-0", planned_s=-1.0, ready_s=-0.5)
    story.mark("worker-0", 0.0, 30)
    story.end("worker-0", ending("app", signal=0.01, exit_s=0.2))
    return story.answer()


def hostile() -> Answer:
    """Names and output as an attacker would choose them."""
    evil = "</script><script>alert(1)</script>\" onload='x' & \x1b[31m\x00\ud800 \u202e"
    story = _two_replicas(evil, 4.0)
    story.end("web-0", ending("app", signal=0.01, exit_s=0.35), handler=evil)
    story.requests.append(request(0.5, 0.502, Fate.REFUSED, "web-0"))
    story.events += [
        tl.OutputLine(t_s=Seconds(0.1), pod="web-0", container="app", stream="stdout", line=evil),
        tl.Note(t_s=Seconds(0.2), text=evil),
        tl.Other(t_s=Seconds(0.3), what="later-event", detail={evil: evil}),
    ]
    found = Found("LD201", "x", Severity.WARNING, evil, evil, evil, evil, Place(evil, 1, 1))
    return story.answer(found)


def huge() -> Answer:
    """10,000 requests of which one is lost, and more than 5,000 events."""
    story = _two_replicas("Deployment/busy", 3.0)
    story.end("web-0", ending("app", hook=(0.02, 5.02), signal=5.03, exit_s=6.4))
    story.traffic(-2.0, 18.0, 475, ("web-1",))
    story.requests.append(request(5.5, 5.502, Fate.REFUSED, "web-0"))
    for number in range(5000):
        line = f"GET /api/items/{number} 200 " + "x" * 60
        story.events.append(
            tl.OutputLine(t_s=Seconds(number / 300), pod="web-1", container="app", stream="stdout", line=line)
        )
        if number % 5 == 0:
            story.events.append(
                tl.ProbeAnswered(
                    t_s=Seconds(number / 300), pod="web-1", container="app", probe="readiness", ok=True, detail="200"
                )
            )
    return story.answer()


def with_containers(answer: Answer, *containers: ContainerEnding) -> Answer:
    """The same answer, but its first pod's containers ended in this way; nothing is judged again."""
    first, *others = answer.verdict.endings
    endings = (replace(first, containers=containers), *others)
    return replace(answer, verdict=replace(answer.verdict, endings=endings))


def everything() -> tuple[Answer, ...]:
    """One of each, as the demo shows them side by side."""
    return (graceful(), no_pre_stop(), killed(), rollout(), sidecars(), no_traffic())
