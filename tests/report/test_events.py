"""Each event in one sentence."""

import pytest

from lameduck.ending import timeline as tl
from lameduck.pod.durations import Seconds
from lameduck.report.events import sentence, who

T = Seconds(1.0)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (tl.ReplicaPlanned(t_s=T, pod="p", replacement=True), "created as a replacement"),
        (tl.ReplicaPlanned(t_s=T, pod="p", replacement=False), "created"),
        (tl.ContainerStarting(t_s=T, pod="p", container="c", command=("sh", "-c", "x")), "started: sh -c x"),
        (tl.PodReady(t_s=T, pod="p", ready=False), "is not ready any more"),
        (
            tl.ProbeAnswered(t_s=T, pod="p", container="c", probe="readiness", ok=False, detail="503"),
            "readiness probe failed: 503",
        ),
        (tl.DeletionMarked(t_s=T, pod="p", grace_s=30), "deletion marked, grace 30 s"),
        (
            tl.EndpointChanged(t_s=T, pod="p", ready=False, serving=True, terminating=True),
            "endpoint is not ready, serving, terminating",
        ),
        (
            tl.EndpointChanged(t_s=T, pod="p", ready=False, serving=False, terminating=True, listed=False),
            "left its EndpointSlice",
        ),
        (tl.BackendsChanged(t_s=T, view=2, pods=("a", "b")), "client side 2 sends new connections to a, b"),
        (
            tl.BackendsChanged(t_s=T, view=2, pods=()),
            "client side 2 sends new connections to nobody: they are refused",
        ),
        (tl.HookStarted(t_s=T, pod="p", container="c", handler="sleep 5 s"), "preStop hook started: sleep 5 s"),
        (
            tl.HookFinished(t_s=T, pod="p", container="c", outcome="failed", cause="exit-status", detail="7"),
            "preStop hook failed: exit-status, 7",
        ),
        (tl.HookFinished(t_s=T, pod="p", container="c", outcome="outlasted"), "preStop hook outlasted the grace"),
        (
            tl.SignalSent(
                t_s=T,
                pod="p",
                container="c",
                signal="SIGTERM",
                timeout_s=25,
                reception="discarded",
                main="sh run.sh",
                below=("python app.py",),
            ),
            "SIGTERM to sh run.sh, discarded, 25 s until SIGKILL; not signalled: python app.py",
        ),
        (tl.KillSent(t_s=T, pod="p", container="c"), "SIGKILL: its time is over"),
        (
            tl.ContainerExited(t_s=T, pod="p", container="c", exit_code=137, reason="Error"),
            "exited with 137 (Error)",
        ),
        (tl.PhaseReported(t_s=T, pod="p", phase="Failed"), "phase Failed reported; the pod leaves its endpoints"),
        (tl.PodGone(t_s=T, pod="p"), "gone from the API"),
        (tl.OutputLine(t_s=T, pod="p", container="c", stream="stderr", line="bye"), "stderr: bye"),
        (tl.StepTold(t_s=T, pod="p", container="c", by="run", step="lame-duck-ended"), "run says lame-duck-ended"),
        (
            tl.StepTold(t_s=T, pod="p", container="c", by="drain", step="stopped", detail="exit_code 0"),
            "drain says stopped: exit_code 0",
        ),
        (tl.Note(t_s=T, text="no cgroup"), "no cgroup"),
        (tl.Other(t_s=T, what="teleported", detail={"to": "node-b"}), "teleported: to node-b"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_in_words(event: tl.Event, words: str) -> None:
    assert sentence(event) == words


def test_an_event_is_about_a_container_a_pod_or_nobody() -> None:
    assert who(tl.KillSent(t_s=T, pod="p", container="c")) == "p/c"
    assert who(tl.PodGone(t_s=T, pod="p")) == "p"
    assert who(tl.Note(t_s=T, text="x")) == ""
