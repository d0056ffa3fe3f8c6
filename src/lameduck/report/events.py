"""Each event of a timeline in one sentence, for the event lists of reports."""

from typing import assert_never

from lameduck.ending import timeline as tl

__all__ = ["sentence", "who"]


def who(event: tl.Event) -> str:
    """The pod or pod/container that an event is about; empty if it is about none."""
    pod: str | None = getattr(event, "pod", None)
    container: str | None = getattr(event, "container", None)
    return "/".join(name for name in (pod, container) if name is not None)


def sentence(event: tl.Event) -> str:
    """What happened, without saying when or to whom."""
    match event:
        case tl.ReplicaPlanned(replacement=replacement):
            return "created as a replacement" if replacement else "created"
        case tl.ContainerStarting(command=command):
            return f"started: {' '.join(command)}"
        case tl.PodReady(ready=ready):
            return "became ready" if ready else "is not ready any more"
        case tl.ProbeAnswered(probe=probe, ok=ok, detail=detail):
            return _with(f"{probe} probe {'succeeded' if ok else 'failed'}", detail)
        case tl.DeletionMarked(grace_s=grace_s):
            return f"deletion marked, grace {grace_s} s"
        case tl.EndpointChanged():
            return _endpoint(event)
        case tl.BackendsChanged(view=view, pods=pods):
            return f"client side {view} sends new connections to {', '.join(pods) or 'nobody: they are refused'}"
        case tl.HookStarted(handler=handler):
            return f"preStop hook started: {handler}"
        case tl.HookFinished(outcome=outcome, cause=cause, detail=detail):
            ended = {"ok": "ended", "failed": "failed", "outlasted": "outlasted the grace"}.get(outcome, outcome)
            return _with(f"preStop hook {ended}", ", ".join(word for word in (cause, detail) if word))
        case tl.SignalSent():
            return _signal(event)
        case tl.KillSent():
            return "SIGKILL: its time is over"
        case tl.ContainerExited(exit_code=code, reason=reason):
            return f"exited with {code} ({reason})"
        case tl.PhaseReported(phase=phase):
            return f"phase {phase} reported; the pod leaves its endpoints"
        case tl.PodGone():
            return "gone from the API"
        case tl.OutputLine(stream=stream, line=line):
            return f"{stream}: {line}"
        case tl.StepTold(by=by, step=step, detail=detail):
            return _with(f"{by} says {step}", detail)
        case tl.Note(text=text):
            return text
        case tl.Other(what=what, detail=details):
            return _with(what, ", ".join(f"{key} {value}" for key, value in details.items()))
        case _:
            assert_never(event)


def _endpoint(event: tl.EndpointChanged) -> str:
    if not event.listed:
        return "left its EndpointSlice"
    conditions = {"ready": event.ready, "serving": event.serving, "terminating": event.terminating}
    return "endpoint is " + ", ".join(name if holds else f"not {name}" for name, holds in conditions.items())


def _signal(event: tl.SignalSent) -> str:
    to = f" to {event.main}" if event.main else ""
    below = f"; not signalled: {', '.join(event.below)}" if event.below else ""
    received = "" if event.reception == "unknown" else f", {event.reception}"
    return f"{event.signal}{to}{received}, {event.timeout_s} s until SIGKILL{below}"


def _with(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text
