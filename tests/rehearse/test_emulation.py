"""Hooks that mean PID 1 of their container are refused where PID 1 is this machine's."""

import pytest

from lameduck.pod.place import InputError
from lameduck.rehearse.emulation import refuse_killing_pid_1


@pytest.mark.parametrize(
    "argv",
    [
        ("kill", "1"),
        ("/bin/kill", "-TERM", "1"),
        ("kill", "-s", "QUIT", "--", "1"),
        ("kill", "-TERM", "-1"),
        ("kill", "-1", "1"),
        ("kill", "77", "1"),
        ("sh", "-c", "kill -QUIT 1 && sleep 5"),
        ("sh", "-c", "sleep 5; kill 1"),
        ("bash", "-c", "x=$(kill -TERM 1)"),
        ("bash", "-ec", "if true; then\n  kill -s TERM 1\nfi"),
        ("timeout", "5", "kill", "1"),
    ],
)
def test_a_kill_of_pid_1_or_of_all_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="sends a signal to PID 1"):
        refuse_killing_pid_1(argv, at="web-0/app")


@pytest.mark.parametrize(
    "argv",
    [
        ("sleep", "1"),
        ("kill", "-1", "77"),
        ("kill", "-TERM", "77"),
        ("sh", "-c", "kill -TERM $(cat /run/app.pid); sleep 1"),
        ("sh", "-c", "kill -HUP 17 || exit 1"),
        ("sh", "-c", "echo to kill 11"),
        ("pkill", "1"),
        ("nginx", "-s", "quit"),
    ],
)
def test_other_commands_are_none_of_its_business(argv: tuple[str, ...]) -> None:
    refuse_killing_pid_1(argv, at="web-0/app")
