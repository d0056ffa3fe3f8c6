"""Which signal a container gets (T50, T51)."""

import pytest

from lameduck.ending.stop_signals import stop_signal
from lameduck.ending.versions import CONTAINER_STOP_SIGNALS
from lameduck.pod.containers import Container, Role

GATE = frozenset({CONTAINER_STOP_SIGNALS})


def chosen(
    own: str | None = None,
    image: str | None = None,
    os_name: str | None = "linux",
    gates: frozenset[str] = GATE,
    role: Role = Role.REGULAR,
) -> str:
    container = Container("app", at=(), role=role, stop_signal=own)
    return stop_signal(container, image=image, os_name=os_name, gates=gates)


def test_without_any_wish_it_is_sigterm() -> None:
    assert chosen() == "SIGTERM"


def test_the_image_is_heard() -> None:
    assert chosen(image="SIGQUIT") == "SIGQUIT"


def test_the_pod_goes_before_the_image() -> None:
    assert chosen(own="SIGINT", image="SIGQUIT") == "SIGINT"


@pytest.mark.parametrize("without", [{"gates": frozenset()}, {"os_name": None}, {"role": Role.INIT}])
def test_the_pod_is_not_heard_without_gate_os_name_or_for_a_plain_init_container(without: dict[str, object]) -> None:
    assert chosen(own="SIGINT", image="SIGQUIT", **without) == "SIGQUIT"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("QUIT", "SIGQUIT"),
        ("sigwinch", "SIGWINCH"),
        ("15", "SIGTERM"),
        ("28", "SIGWINCH"),
        ("SIGPOLL", "SIGIO"),
        ("SIGRTMIN+1", "SIGRTMIN+1"),
        ("SIGRTMINPLUS3", "SIGRTMIN+3"),
        ("SIGRTMAX-1", "SIGRTMIN+29"),
        ("SIGRTMIN", "SIGRTMIN"),
        ("37", "SIGRTMIN+3"),
    ],
)
def test_an_image_names_its_signal_as_a_dockerfile_may(text: str, name: str) -> None:
    assert chosen(image=text) == name


@pytest.mark.parametrize("text", ["SIGNOTHING", "0", "32", "65", "SIGRTMIN+99", ""])
def test_a_signal_that_linux_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a signal that Linux has"):
        chosen(image=text)
