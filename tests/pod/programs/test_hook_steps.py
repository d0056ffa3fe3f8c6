"""Hooks step by step, and how long they wait."""

import math

import pytest

from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, Handler, HttpGet, Sleep, TcpSocket
from lameduck.pod.programs.hook_steps import HookStep, Wait, expected_wait_s, hook_script, hook_steps, hook_wait
from lameduck.pod.programs.stop_requests import StopRequest, stop_request
from lameduck.pod.shells.sleep_words import RefusedSleep, sleep_length

_AT = ("exec",)


def _wait(handler: Handler | None) -> tuple[float, float]:
    wait = hook_wait(handler)
    return wait.least_s, wait.most_s


def _script(script: str) -> Exec:
    return Exec(("sh", "-c", script), _AT)


@pytest.mark.parametrize(
    ("command", "script"),
    [
        (("sh", "-c", "sleep 5"), "sleep 5"),
        (("/bin/bash", "-ec", "sleep 5"), "sleep 5"),
        (("bash", "-e", "-c", "sleep 5", "name"), "sleep 5"),
        (("busybox", "sh", "-c", "sleep 5"), "sleep 5"),
        (("sh", "/drain.sh"), None),
        (("sh", "-c"), None),
        (("bash", "--login", "-c", "sleep 5"), None),
        (("sleep", "-c", "5"), None),
    ],
)
def test_a_script_is_what_a_shell_gets_with_c(command: tuple[str, ...], script: str | None) -> None:
    assert hook_script(command) == script


def test_the_steps_of_a_script_come_in_the_order_in_which_they_run() -> None:
    assert hook_steps(_script("sleep 5 && nginx -s quit || true; echo $NAME >/tmp/x & { wait; }")) == (
        HookStep(("sleep", "5"), end=7),
        HookStep(("nginx", "-s", "quit"), conditional=True, start=11, end=24),
        HookStep(("true",), conditional=True, start=28, end=32, expected=False),
        HookStep(("echo", "$NAME"), background=True, redirected=True, start=34, end=52, literal=False),
        HookStep(("wait",), start=57, end=61),
    )


def test_a_command_that_is_no_script_is_one_step() -> None:
    assert hook_steps(Exec(("/usr/bin/busybox", "sleep", "5"), _AT)) == (HookStep(("sleep", "5")),)


def test_what_is_not_followed_is_a_step_without_words() -> None:
    (before, loop) = hook_steps(_script("sleep 1; while pgrep app; do sleep 1; done"))
    assert before.words == ("sleep", "1")
    assert loop == HookStep(literal=False)


@pytest.mark.parametrize(
    ("handler", "wait"),
    [
        (None, (0, 0)),
        (Sleep(5, _AT), (5, 5)),
        (TcpSocket(80, _AT), (0, 0)),
        (HttpGet(80, _AT), (0, math.inf)),
        (Exec(("sleep", "1m"), _AT), (60, 60)),
        (Exec(("/app/drain",), _AT), (0, math.inf)),
        (_script("sleep 5; nginx -s quit; sleep 20"), (25, 25)),
        (_script("touch /tmp/x && sleep 5"), (0, 5)),
        (_script("sleep 5 & echo x"), (0, 5)),
        (_script("echo x; exit 0; sleep 5"), (0, 0)),
        (_script("sleep 2; exec sleep 3"), (5, 5)),
        (_script("sleep $N"), (0, math.inf)),
        (_script("sleep 3; /app/flush"), (3, math.inf)),
        (_script("sleep 5sec"), (0, 0)),
        (_script("nginx"), (0, math.inf)),
    ],
)
def test_a_hook_waits_at_least_and_at_most(handler: Handler | None, wait: tuple[float, float]) -> None:
    assert _wait(handler) == wait


def test_a_wait_is_exact_if_nothing_is_open() -> None:
    assert hook_wait(Sleep(5, _AT)).exactly_s == Seconds(5.0)
    assert Wait(hook_wait(None).least_s, hook_wait(Sleep(5, _AT)).most_s).exactly_s is None


@pytest.mark.parametrize(
    ("words", "length"),
    [
        (("5",), 5.0),
        (("1.5s",), 1.5),
        ((".5",), 0.5),
        (("1h", "2"), 3602.0),
        (("infinity",), math.inf),
        ((), RefusedSleep("")),
        (("5sec",), RefusedSleep("5sec")),
        (("500ms",), RefusedSleep("500ms")),
        (("5", "s"), RefusedSleep("s")),
        (("--version",), None),
        (("1e1",), None),
    ],
)
def test_sleep_takes_numbers_with_one_letter_behind(
    words: tuple[str, ...], length: float | RefusedSleep | None
) -> None:
    assert sleep_length(words) == length


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("nginx -s quit", StopRequest("SIGQUIT", False, "nginx")),
        ("/usr/sbin/nginx -c /etc/nginx.conf -s stop", StopRequest("SIGTERM", False, "nginx")),
        ("nginx -s reload", None),
        ("apachectl graceful-stop", StopRequest("SIGWINCH", False, "httpd")),
        ("apachectl -k graceful-stop", StopRequest("SIGWINCH", False, "httpd")),
        ("kill 1", StopRequest("SIGTERM", True)),
        ("kill -s QUIT 1", StopRequest("SIGQUIT", True)),
        ("kill -3 1", StopRequest("SIGQUIT", True)),
        ("kill -SIGTERM -- 1", StopRequest("SIGTERM", True)),
        ("kill -9 1", StopRequest("SIGKILL", True)),
        ("kill -HUP 1", None),
        ("kill -0 1", None),
        ("kill -TERM 17", None),
        ("kill -QUIT $(cat /run/nginx.pid)", StopRequest("SIGQUIT", False, "nginx")),
        ("kill -QUIT $(pidof php-fpm)", StopRequest("SIGQUIT", False, "php-fpm")),
        ("pkill -QUIT nginx", StopRequest("SIGQUIT", False, "nginx")),
        ("killall worker", None),
        ("echo quit", None),
    ],
)
def test_a_stop_request_names_the_signal_and_whom_it_is_for(line: str, request_: StopRequest | None) -> None:
    (step,) = hook_steps(_script(line))
    assert stop_request(step) == request_


@pytest.mark.parametrize(
    ("script", "least_s"),
    [
        ("/app/deregister && sleep 60", 60),
        ("sleep 5; /app/deregister && sleep 60", 65),
        ("/app/deregister || sleep 60", 0),
        ("[ -f /app/busy ] && sleep 60; true", 0),
        ("pgrep worker && sleep 60", 0),
        ("/app/a && /app/b && sleep 60 &", 0),
    ],
)
def test_what_runs_behind_a_command_that_succeeds_is_expected_to_run(script: str, least_s: float) -> None:
    assert expected_wait_s(Exec(("sh", "-c", script), _AT)) == least_s
