"""Where exec can stand: it must neither be in vain nor take away what the script has to do."""

import subprocess

import pytest

from lameduck.pod.programs.exec_places import ExecPlace, exec_place


def _place(text: str, command: str) -> ExecPlace | None:
    return exec_place(text, text.index(command))


@pytest.mark.parametrize(
    ("text", "command", "mended"),
    [
        ("server", "server", "exec server"),
        ("set -e\ncd /srv\nserver --port 80 2>&1\n", "server", "set -e\ncd /srv\nexec server --port 80 2>&1\n"),
        ("cd /srv && server", "server", "cd /srv && exec server"),
        ("MODE=on server", "MODE=on", "MODE=on exec server"),
        (
            "if test -n x; then\n server\nelse\n other\nfi",
            "server",
            "if test -n x; then\n exec server\nelse\n other\nfi",
        ),
        ("case $1 in a) server;; *) other;; esac", "server", "case $1 in a) exec server;; *) other;; esac"),
        ("run() { server; }\nrun", "server", "run() { exec server; }\nrun"),
        ("server || exit 1", "server", "exec server || exit 1"),
        ("server\nexit $?", "server", "exec server\nexit $?"),
        ('"$@"', '"$@"', 'exec "$@"'),
        ("{ server; } >log", "server", "{ exec server; } >log"),
    ],
)
def test_exec_stands_before_a_command_behind_which_nothing_is_left_to_do(text: str, command: str, mended: str) -> None:
    place = _place(text, command)
    assert place is not None
    assert place.safe
    assert f"{text[: place.offset]}exec {text[place.offset :]}" == mended


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("server; echo ended", "server"),
        ("trap 'rm /tmp/x' EXIT\nserver", "server"),
        ("helper & server", "server"),
    ],
)
def test_exec_is_not_safe_where_it_takes_away_a_word_a_trap_or_the_shell_of_a_background_job(
    text: str, command: str
) -> None:
    place = _place(text, command)
    assert place is not None
    assert not place.safe


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("server | tee log", "server"),
        ("server & wait", "server"),
        ("while true; do server; done", "server"),
        ("(server)", "server"),
        ("server; rm /run/pid", "server"),
        ("server && ./report", "server"),
        ("! server", "server"),
        ("run() { server; }\nrun\n", "run\n"),
        ("time server", "time"),
        ("run() { server; }\nrun\n./clean-up", "server"),
    ],
)
def test_there_is_no_place_where_exec_is_in_vain_or_takes_work_away(text: str, command: str) -> None:
    assert exec_place(text, text.rindex(command) if command == "run\n" else text.index(command)) is None


@pytest.mark.parametrize("shell", [("dash",), ("bash",), ("busybox", "sh")], ids=" ".join)
def test_a_program_behind_assignment_and_exec_gets_the_variable(shell: tuple[str, ...]) -> None:
    ran = subprocess.run((*shell, "-c", "MODE=on exec env"), capture_output=True, text=True, check=True)
    assert "MODE=on" in ran.stdout.splitlines()
