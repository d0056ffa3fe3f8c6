"""What cannot be is refused, in words that name happening, container and state."""

from typing import Any

import pytest

from lameduck.ending.flow import Flow, FlowError
from lameduck.ending.happenings import (
    ContainerStarted,
    DeletionRequested,
    HookEnded,
    KubeletKill,
    KubeletKilled,
    KubeletStarted,
    KubeletStopped,
    PostStartBegan,
    PostStartEnded,
    ProbeFailed,
    ProbeKind,
    ProcessExited,
    TimePassed,
)
from lameduck.ending.versions import KubernetesVersion
from lameduck.pod.durations import Seconds
from tests.ending.pods import EXEC, Fed, pod, regular, sleep


def test_the_clock_does_not_go_back() -> None:
    fed = Fed(pod())
    fed.tell(2.0, TimePassed())
    with pytest.raises(FlowError, match="went back"):
        fed.flow.receive(TimePassed(), Seconds(1.9))


@pytest.mark.parametrize(
    "of_nobody",
    [
        ContainerStarted("who"),
        PostStartBegan("who"),
        PostStartEnded("who", ok=True),
        ProbeFailed("who", ProbeKind.LIVENESS),
        HookEnded("who"),
        ProcessExited("who", 0),
    ],
)
def test_a_container_that_the_pod_does_not_have(of_nobody: Any) -> None:
    with pytest.raises(FlowError, match="no container who"):
        Fed(pod()).tell(0.0, of_nobody)


@pytest.mark.parametrize(
    ("happening", "words"),
    [
        (HookEnded("app"), "HookEnded.*app is running, the pod serving"),
        (ContainerStarted("app"), "ContainerStarted.*app is running, the pod serving"),
        (ProcessExited("idle", 0), "ProcessExited.*idle is never started"),
        (PostStartBegan("idle"), "PostStartBegan.*idle is never started"),
        (PostStartEnded("idle", ok=True), "PostStartEnded.*idle is never started"),
        (ProbeFailed("app", ProbeKind.READINESS), "kills nothing"),
        (KubeletStarted(), "running already"),
    ],
)
def test_what_cannot_happen_to_a_container_in_its_state(happening: Any, words: str) -> None:
    fed = Fed(pod(regular(pre_stop=EXEC), regular("idle")), running={"app"})
    with pytest.raises(FlowError, match=words):
        fed.tell(0.0, happening)


def test_a_stopped_kubelet_decides_nothing() -> None:
    fed = Fed(pod())
    fed.tell(0.0, KubeletStopped())
    with pytest.raises(FlowError, match="not running"):
        fed.tell(1.0, KubeletKilled(KubeletKill.EVICTION, 1))


def test_nothing_starts_after_the_last_report() -> None:
    fed = Fed(pod())
    fed.tell(0.0, DeletionRequested())
    fed.tell(1.0, ProcessExited("app", 0))
    fed.finish()
    with pytest.raises(FlowError, match=r"app is exited.*gone"):
        fed.tell(9.0, ContainerStarted("app"))


@pytest.mark.parametrize("options", [{"running": {"who"}}, {"exited": {"who": 0}}])
def test_a_flow_is_not_made_of_containers_that_the_pod_does_not_have(options: dict[str, Any]) -> None:
    with pytest.raises(FlowError, match="no container who"):
        Flow(pod(), **options)


def test_a_flow_is_not_made_of_a_signal_that_does_not_exist() -> None:
    with pytest.raises(FlowError, match="Container app: 'SIGNOTHING'"):
        Flow(pod(), image_stop_signals={"app": "SIGNOTHING"})


def test_a_version_without_the_sleep_action_refuses_it() -> None:
    with pytest.raises(FlowError, match="does not accept a sleep handler"):
        Flow(pod(regular(pre_stop=sleep(3))), version=KubernetesVersion(1, 29))
