"""The truest isolation is chosen; what is not possible is refused with its reason."""

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lameduck.pod.place import InputError
from lameduck.rehearse import isolation
from lameduck.rehearse.engine import Isolation


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    isolation.why_impossible.cache_clear()
    yield
    isolation.why_impossible.cache_clear()


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the launcher, that the test writes."""
    file = tmp_path / "launcher.py"
    monkeypatch.setattr(
        isolation,
        "launcher_command",
        lambda chosen, control, hello: [sys.executable, "-S", str(file), chosen.value, str(control)],
    )
    return file


def failing(stage: str, number: int) -> str:
    return f"""
import marshal, os, sys
body = marshal.dumps(("failed", "{stage}" if sys.argv[1] == "pid-namespace" else "program", {number}))
os.write(int(sys.argv[2]), len(body).to_bytes(4, "big") + body)
"""


def test_without_the_right_to_unshare_the_user_namespace_is_next(launcher: Path) -> None:
    launcher.write_text(failing("namespace", errno.EPERM))
    assert isolation.choose() is Isolation.USER_NAMESPACE
    with pytest.raises(InputError, match=r"\(pid-namespace\): namespace: Operation not permitted"):
        isolation.choose(Isolation.PID_NAMESPACE)


def test_a_masked_proc_is_named_as_the_reason(launcher: Path) -> None:
    launcher.write_text(failing("proc", errno.EPERM))
    assert isolation.why_impossible(Isolation.PID_NAMESPACE) == (
        "/proc cannot be mounted in a namespace of its own: " + os.strerror(errno.EPERM)
    )


def test_a_launcher_that_breaks_leaves_the_emulation(launcher: Path) -> None:
    launcher.write_text("raise RuntimeError('no such luck')")
    assert isolation.choose() is Isolation.EMULATED
    assert isolation.why_impossible(Isolation.PID_NAMESPACE) == "RuntimeError: no such luck"
    assert isolation.choose(Isolation.EMULATED) is Isolation.EMULATED
