"""What `lameduck run` can be told, and what it answers to what it cannot use."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lameduck
from lameduck.run import options
from lameduck.run.options import HELP, Plan, UsageError, read

SOURCE = str(Path(lameduck.__file__).parent.parent)


def plan(*words: str, **environment: str) -> Plan:
    found = read([*words, "--", "app", "--its-own"], environment)
    assert isinstance(found, Plan)
    assert found.command == ["app", "--its-own"]
    return found


def test_the_command_begins_at_the_first_word_that_is_no_option() -> None:
    found = read(["-g", "app", "--grace", "5"], {})
    assert isinstance(found, Plan)
    assert found.command == ["app", "--grace", "5"]
    assert found.grace is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("2", 2.0), ("1.5s", 1.5), ("300ms", 0.3), ("1m30s", 90.0), ("2h", 7200.0), (".5", 0.5)]
)
def test_durations_are_written_as_kubernetes_does(text: str, seconds: float) -> None:
    assert plan("--grace", text).grace == seconds
    assert plan(f"--grace={text}").grace == seconds


@pytest.mark.parametrize("text", ["", "s", "5x", "1.2.3", "-1", "1s5", "٣s", ".", "..", "s5"])
def test_what_is_no_duration_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        plan("--grace", text)


def test_the_grace_is_taken_from_the_environment_where_no_option_gives_it() -> None:
    assert plan(LAMEDUCK_GRACE_SECONDS="60").grace == 60.0
    assert plan("--grace", "5s", LAMEDUCK_GRACE_SECONDS="60").grace == 5.0


def test_tinis_and_dumb_inits_options_mean_what_they_mean_there() -> None:
    found = plan("-gvv", "-s", "-p", "SIGKILL", "-e", "143", "-e3", "-r", "15:3", "-r10:0")
    assert (found.reach, found.verbose, found.parent_death) == ("group", True, signal.SIGKILL)
    assert found.exits == {143: 0, 3: 0}
    assert found.mapped == {15: 3, 10: 0}
    assert plan("--child").reach == plan("-c").reach == plan("--single-child").reach == "child"
    assert plan("--rewrite", "15:3").mapped == plan("--rewrite=15:3").mapped == {15: 3}


@pytest.mark.parametrize("text", ["TERM", "SIGTERM", "term", "15"])
def test_a_signal_is_named_in_any_way(text: str) -> None:
    assert plan("--stop-signal", text).stop_signal == signal.SIGTERM


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--frob"], "there is no option --frob"),
        (["-x"], "there is no option -x"),
        (["--grace"], "--grace lacks its value"),
        (["--group=yes", "app"], "takes no value"),
        ([], "there is no command"),
        (["--"], "there is no command"),
        (["--lame-duck", "9s..3s", "app"], "ends before it begins"),
        (["--lame-duck", "30s", "--grace", "30s", "app"], "leaves nothing of the grace"),
        (["--map", "TERM", "app"], "maps nothing"),
        (["--map", "KILL=TERM", "app"], "nobody can catch KILL"),
        (["--stop-on", "STOP", "app"], "nobody can catch STOP"),
        (["--stop-signal", "SIG", "app"], "is not a signal"),
        (["--stop-signal", "33", "app"], "is not a signal"),
        (["--drain-ports", "http", "app"], "is not a port"),
        (["--drain-ports", "80,70000", "app"], "is not a port"),
        (["--remap-exit", "256", "app"], "is not an exit code"),
        (["--on-stop", " ", "app"], "is empty"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence_and_what_to_do(words: list[str], complaint: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(words, {})
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_option_is_in_the_help_and_the_help_names_no_other() -> None:
    told = {word.split("=")[0].strip(",") for word in HELP.split() if word.startswith("-") and len(word.strip(",-"))}
    known = {*options.FLAGS, *options.VALUES, *options.SHORT, "-h", "--help"} - {"-w"}
    assert told == known


def test_nothing_but_the_standard_library_is_imported_and_little_of_that() -> None:
    code = (
        "import sys; before = set(sys.modules); sys.argv = ['lameduck', 'run', '--', 'true']\n"
        "from lameduck.cli import main\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert left.code == 0, left\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"click", "rich", "yaml", "argparse", "json", "socket", "dataclasses", "typing", "subprocess"}
    assert {name for name in loaded if name.startswith("lameduck")} <= {
        "lameduck",
        "lameduck.cli",
        "lameduck.run",
        *(f"lameduck.run.{name}" for name in ("options", "init", "starting", "tree", "asking", "ending", "passing")),
        "lameduck.run.telling",
    }


def test_bad_options_are_one_line_on_stderr_and_exit_code_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lameduck", "run", "--frob", "--", "true"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "lameduck run: there is no option --frob. Those that there are: lameduck run --help\n"


def test_help_is_there_without_any_package() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            f"import sys; sys.path.append({SOURCE!r}); from lameduck.run import main; sys.exit(main(['--help']))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == HELP
