"""Recordings of kinds that are not among the golden ones: made by hand after what the facts say of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lameduck.ending.conformance.recordings import read_recording
from lameduck.ending.conformance.replaying import Replayed, replay

Line = tuple[float, str, str, str, dict[str, Any]]
NO_KILL = dict.fromkeys(
    ("hook_start_s", "hook_end_s", "stop_signal", "stop_signal_s", "stop_timeout_s", "kill_s", "exit_s", "exit_code",
     "reason", "api_exit_code")
) | {"hook_outcome": "none", "killed": False}  # fmt: skip


def ended(signal_s: float, limit: int, exit_s: float, code: int = 0, **other: Any) -> dict[str, Any]:
    """A container's summary: one that was signalled, and exited by itself unless `kill_s` is given."""
    values = {"stop_signal": "SIGTERM", "stop_signal_s": signal_s, "stop_timeout_s": limit, "exit_s": exit_s}
    values |= {"exit_code": code, "reason": "Completed" if code == 0 else "Error", "api_exit_code": code}
    return {**NO_KILL, **values, "killed": "kill_s" in other, **other}


def stop(at: str, t: float, limit: int, *, signal: bool = True) -> list[Line]:
    lines: list[Line] = [(t, "runtime", at, "stop-request", {"timeout_s": limit})]
    return lines + ([(t, "runtime", at, "stop-signal", {"signal": "SIGTERM"})] if signal else [])


def killed(at: str, t: float) -> list[Line]:
    return [(t, "runtime", at, "kill", {"signal": "SIGKILL"}), *left(at, t + 0.01, 137)]


def left(at: str, t: float, code: int = 0) -> list[Line]:
    return [(t, "runtime", at, "exit", {"exit_status": code})]


def asked(t: float, pod: str = "web", grace: int | None = None) -> list[Line]:
    return [(t, "client", pod, "delete-request", {"gracePeriodSeconds": grace, "status": 200})]


def marked(t: float, grace: int, pod: str = "web") -> list[Line]:
    return [(t, "api.pod", pod, "MODIFIED", {"deletionTimestamp_s": t, "deletionGracePeriodSeconds": grace})]


def gone(t: float, pod: str = "web") -> list[Line]:
    return [(t, "api.pod", pod, "DELETED", {})]


Recorded = Callable[..., Replayed]


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """Writes a recording of one pod and replays it."""

    def write(
        spec: dict[str, Any], lines: list[Line], containers: dict[str, Any], *, gone_s: float | None, phase: str,
        **other: Any,
    ) -> Replayed:  # fmt: skip
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": other.pop("owner", "web")}, "spec": spec}
        keys = ("t", "source", "object", "what", "detail")
        raw = {
            "scenario": "made-up",
            "question": "",
            "kubernetes": "1.36.2",
            "trigger": {"kind": "delete", "gracePeriodSeconds": None},
            "pods": [pod],
            "events": [dict(zip(keys, line, strict=True)) for line in sorted(lines, key=lambda line: line[0])],
            "summary": {"containers": containers, "pod_gone_s": gone_s, "final_phase": phase},
            "repeats": [],
            "tolerance_s": 0.3,
            **other,
        }
        file = tmp_path / "made-up.json"
        file.write_text(json.dumps(raw), encoding="utf-8")
        return replay(read_recording(file))

    return write


def container(name: str = "app", **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "lab:1", **fields}


EXEC_HOOK = {"preStop": {"exec": {"command": ["labhook", "1"]}}}


def test_a_delete_during_a_liveness_kill(recorded: Recorded) -> None:
    """T75: the kill ends, the container is started, and is killed again with its hook and the whole grace."""
    probe = {"httpGet": {"port": 8080}, "terminationGracePeriodSeconds": 4}
    spec = {"terminationGracePeriodSeconds": 6, "containers": [container(lifecycle=EXEC_HOOK, livenessProbe=probe)]}
    message = {"message": "Container app failed liveness probe, will be restarted"}
    lines: list[Line] = [
        (-1.0, "api.event", "web/app", "Killing", message),
        *asked(0.0),
        *marked(0.01, 6),
        (-0.96, "runtime", "web/app", "exec-start", {"exec": "exec-1"}),
        (0.05, "runtime", "web/app", "exec-exit", {"exit_status": 0, "exec": "exec-1"}),
        *stop("web/app", 0.06, 3),
        *killed("web/app", 3.07),
        (3.2, "runtime", "web/app", "start", {}),
        (3.3, "api.event", "web/app", "Killing", {"message": "Stopping container app"}),
        (3.34, "runtime", "web/app", "exec-start", {"exec": "exec-2"}),
        (4.4, "runtime", "web/app", "exec-exit", {"exit_status": 0, "exec": "exec-2"}),
        *stop("web/app", 4.41, 5),
        *left("web/app", 5.4),
        *gone(6.2),
    ]
    second = ended(4.41, 5, 5.4, hook_start_s=3.3, hook_end_s=4.4, hook_outcome="ok")
    result = recorded(spec, lines, {"app": second}, gone_s=6.2, phase="Succeeded")
    assert result.line == "made-up: reproduced (1 container, 1 run)"
    first = ended(0.06, 3, 3.08, 137, hook_start_s=-1.0, hook_end_s=0.05, hook_outcome="ok", kill_s=3.07)
    first["api_exit_code"] = first["reason"] = None
    assert recorded(spec, lines, {"app": first}, gone_s=6.2, phase="Succeeded").differences == ()


def test_a_kubelet_that_restarts_after_the_signal(recorded: Recorded) -> None:
    """T53: no second signal, and the grace starts again."""
    spec = {"terminationGracePeriodSeconds": 5, "containers": [container()]}
    node: list[Line] = [(2.0, "client", "node", "kubelet-stop", {}), (3.0, "client", "node", "kubelet-start", {})]
    lines = [*asked(0.0), *marked(0.01, 5), *stop("web/app", 0.02, 5), *node]
    lines += [*stop("web/app", 4.3, 5, signal=False), *killed("web/app", 9.3), *gone(10.2)]
    values = ended(0.02, 5, 9.31, 137, kill_s=9.3)
    assert recorded(spec, lines, {"app": values}, gone_s=10.2, phase="Failed").differences == ()


def test_a_pod_that_is_forced_away_while_the_kubelet_is_down(recorded: Recorded) -> None:
    """T13: an orphan that never heard of its deletion."""
    spec = {"terminationGracePeriodSeconds": 9, "containers": [container(lifecycle=EXEC_HOOK)]}
    node: list[Line] = [(0.0, "client", "node", "kubelet-is-down", {}), (1.0, "client", "node", "kubelet-start", {})]
    lines = [*node, *asked(0.0, grace=0), *marked(0.01, 0), *gone(0.02), *stop("web/app", 3.4, 2)]
    lines += left("web/app", 3.42, 137)
    values = ended(3.4, 2, 3.42, 137) | {"reason": None, "api_exit_code": None}
    assert recorded(spec, lines, {"app": values}, gone_s=0.02, phase="Running").differences == ()


def test_a_stateful_pod_that_is_forced_away_meets_its_twin(recorded: Recorded) -> None:
    """T120: the old container is still being stopped when the new one of the same name starts."""
    spec = {"terminationGracePeriodSeconds": 9, "containers": [container()]}
    lines = [*asked(0.0, grace=0), *marked(0.01, 0), *gone(0.02), *stop("web/app", 0.02, 2), *killed("web/app", 2.03)]
    lines += [(0.06, "api.pod", "web", "ADDED", {"phase": "Pending"}), (1.1, "runtime", "web/app", "start", {})]
    values = ended(0.02, 2, 2.04, 137, kill_s=2.03) | {"reason": None, "api_exit_code": None}
    assert recorded(spec, lines, {"app": values}, gone_s=0.02, phase="Running").differences == ()


def test_an_ephemeral_container_is_known_from_the_summary_only(recorded: Recorded) -> None:
    spec = {"terminationGracePeriodSeconds": 4, "containers": [container()]}
    lines = [*asked(0.0), *marked(0.01, 4), *stop("web/app", 0.02, 4), *left("web/app", 1.0)]
    lines += [*stop("web/debug", 0.02, 4), *killed("web/debug", 4.02), *gone(5.0)]
    values = {"app": ended(0.02, 4, 1.0), "debug": ended(0.02, 4, 4.03, 137, kill_s=4.02)}
    result = recorded(spec, lines, values, gone_s=5.0, phase="Succeeded")
    assert result.line == "made-up: reproduced (2 containers, 1 run)"


def test_a_failed_startup_probe(recorded: Recorded) -> None:
    probe = {"httpGet": {"port": 8080}, "terminationGracePeriodSeconds": 2}
    spec = {"terminationGracePeriodSeconds": 20, "containers": [container(startupProbe=probe)]}
    message = {"message": "Container app failed startup probe, will be restarted"}
    lines: list[Line] = [(0.01, "api.event", "web/app", "Killing", message), *stop("web/app", 0.02, 2)]
    lines += [*killed("web/app", 2.02), (2.2, "runtime", "web/app", "start", {})]
    values = ended(0.02, 2, 2.03, 137, kill_s=2.02) | {"api_exit_code": None}
    result = recorded(spec, lines, {"app": values}, gone_s=None, phase="Running", trigger={"kind": "startup"})
    assert result.differences == ()


def test_a_taint_deletes_after_a_while_with_the_spec_grace(recorded: Recorded) -> None:
    spec = {"terminationGracePeriodSeconds": 4, "containers": [container()]}
    lines = [*marked(3.0, 4), *stop("web/app", 3.02, 4), *left("web/app", 4.0), *gone(4.9)]
    values = {"app": ended(3.02, 4, 4.0)}
    assert recorded(spec, lines, values, gone_s=4.9, phase="Succeeded", trigger={"kind": "taint"}).differences == ()


@pytest.mark.parametrize(("question", "limit"), [("evictionMaxPodGracePeriod 5)", 5), ("nothing is said", 2)])
def test_a_soft_eviction_gives_what_it_is_told_and_else_as_little_as_a_hard_one(
    question: str, limit: int, recorded: Recorded
) -> None:
    spec = {"terminationGracePeriodSeconds": 9, "containers": [container()]}
    lines: list[Line] = [
        (-0.01, "api.event", "web", "Evicted", {"message": "The node was low on resource: memory."}),
        (0.0, "api.event", "web/app", "Killing", {"message": "Stopping container app"}),
        *stop("web/app", 0.0, limit),
        *killed("web/app", float(limit)),
    ]
    values = {"app": ended(0.0, limit, limit + 0.01, 137, kill_s=float(limit))}
    trigger = {"kind": "kubelet-eviction", "signal": "memory.available, soft"}
    result = recorded(spec, lines, values, gone_s=None, phase="Failed", trigger=trigger, question=question)
    assert result.differences == ()


def test_the_signal_of_the_pod_counts_only_in_recordings_with_the_gate(recorded: Recorded) -> None:
    spec = {
        "os": {"name": "linux"},
        "terminationGracePeriodSeconds": 4,
        "containers": [container(lifecycle={"stopSignal": "SIGUSR1"}, image="lab-quit:1")],
    }
    lines = [*asked(0.0), *marked(0.01, 4), *stop("web/app", 0.02, 4), *left("web/app", 1.0), *gone(2.0)]
    for scenario, signal in (("made-up", "SIGQUIT"), ("gate-made-up", "SIGUSR1")):
        values = {"app": ended(0.02, 4, 1.0, stop_signal=signal)}
        result = recorded(spec, lines, values, gone_s=2.0, phase="Succeeded", scenario=scenario)
        assert result.differences == ()


def test_a_sidecars_wait_at_a_whole_seconds_edge_is_a_race_and_two_seconds_are_not(recorded: Recorded) -> None:
    spec = {
        "terminationGracePeriodSeconds": 9,
        "initContainers": [container("s", restartPolicy="Always")],
        "containers": [container()],
    }
    for limit, same in ((7, True), (6, False)):  # the wait is 1.97 s, or 2.02 s when the stop call has returned
        lines = [*asked(0.0), *marked(0.0, 9), *stop("web/app", 0.0, 9), *left("web/app", 1.97)]
        lines += [*stop("web/s", 2.02, limit), *left("web/s", 2.5), *gone(3.4)]
        values = {"app": ended(0.0, 9, 1.97), "s": ended(2.02, limit, 2.5)}
        result = recorded(spec, lines, values, gone_s=3.4, phase="Succeeded")
        assert (result.differences == ()) is same
        assert ("whole second" in result.line) is same
