"""Input that cannot be used: one line that says what, where and what to do, exit code 2, and nothing is left behind."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.invoking import Outcome, lameduck, manifest, running

PYTHON = sys.executable


def refused(*words: str, cwd: Path, stdin: str = "") -> str:
    """What `lameduck rehearse` complains of, without progress: it must be the only line."""
    outcome = lameduck("rehearse", "-q", *words, cwd=cwd, stdin=stdin)
    assert_refused(outcome)
    assert len(outcome.stderr.splitlines()) == 1, outcome.stderr
    return outcome.complaint


def assert_refused(outcome: Outcome) -> None:
    assert outcome.code == 2, (outcome.code, outcome.stderr)
    assert outcome.stdout == ""
    assert "Traceback" not in outcome.stderr


# Files


def test_a_missing_file(tmp_path: Path) -> None:
    assert refused("missing.yaml", cwd=tmp_path) == "missing.yaml: There is no such file or folder. Check the path."


def test_what_is_not_yaml_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text("kind: Pod\nspec: [1\n")
    assert refused("web.yaml", cwd=tmp_path).startswith("web.yaml:3:1: This is not YAML:")


def test_what_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_bytes(b"\0\xff\xfe\0")
    assert refused("web.yaml", cwd=tmp_path) == (
        "web.yaml: This file is binary, not text. Give a YAML or JSON manifest."
    )


def test_files_without_a_workload(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("kind: ConfigMap\nmetadata: {name: settings}\n")
    complaint = refused(".", cwd=tmp_path)
    assert complaint.startswith(".: no workload is in it")
    assert "Name a file with a Deployment" in complaint


def test_several_workloads_and_no_choice(tmp_path: Path) -> None:
    one = manifest(tmp_path).read_text()
    (tmp_path / "web.yaml").write_text(f"{one}\n---\n{one.replace('web', 'shop')}")
    assert refused("web.yaml", cwd=tmp_path) == (
        "web.yaml: there are 2 workloads: Deployment/web, Deployment/shop. Choose one with --workload KIND/NAME."
    )
    assert refused("web.yaml", "--workload", "cart", cwd=tmp_path) == (
        "--workload: no single workload is called 'cart'. There are: Deployment/web, Deployment/shop."
    )


def test_a_manifest_of_fifty_megabytes(tmp_path: Path) -> None:
    with (tmp_path / "web.yaml").open("w") as file:
        file.write("kind: ConfigMap\ndata:\n")
        for number in range(50_000):
            file.write(f"  key-{number}: {'x' * 1000}\n")
    assert refused("web.yaml", cwd=tmp_path) == (
        "web.yaml: This file is larger than 16 MiB. Give the manifest alone, or split it."
    )


def test_an_alias_bomb(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (tmp_path / "web.yaml").write_text("kind: Pod\n" + "\n".join(lines))
    assert "aliases counted as often as they are used" in refused("web.yaml", cwd=tmp_path)


def test_nothing_on_stdin(tmp_path: Path) -> None:
    assert "There is nothing in it" in refused("-", cwd=tmp_path)


# The words of the command line


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "it needs a manifest or a command. Write lameduck rehearse FILE"),
        (["web.yaml", "--", "serve"], "it takes a manifest or a command, not both. Write"),
        (["--"], "there is no command after --. Write lameduck rehearse -- COMMAND {port}."),
        (["web.yaml", "--run", "web=serve"], "--run 'web=serve': there is no container 'web'. The pod has: app."),
        (["web.yaml", "--run", "serve"], "--run: 'serve' does not say which container. Write --run CONTAINER=COMMAND."),
        (["web.yaml", "--run", "app="], "--run 'app=': the command is empty. Write --run 'app=COMMAND'."),
        (["web.yaml", "--run", "app=a 'b"], "the command cannot be split into words: no closing quotation. Quote it"),
        (["web.yaml", "--run", "app=a {port:admin}"], "{port:admin} names a port that container app does not have."),
        (["--run", "app=serve", "--", "serve"], "--run: a bare command has no containers to name."),
        (["--workload", "web", "--", "serve"], "--workload: a bare command is the workload."),
        (["web.yaml", "--lag", "soon"], "--lag: 'soon' is not a duration. Write it like 1.5s, 300ms or 2."),
        (["web.yaml", "--lag", "2s..1s"], "--lag: '2s..1s' ends before it begins. Write the shorter lag first."),
        (["web.yaml", "--rtt", "far"], "--rtt: 'far' is not a duration."),
        (["web.yaml", "--rtt", "11s"], "--rtt: A distance of 11 s is none on earth. Write 1ms or 50ms."),
        (["web.yaml", "--timeout", "0"], "--timeout: A request that may take no time cannot be answered. Write 10s."),
        (["web.yaml", "--mix", "old=1"], "--mix: There is no client 'old'. Choose of new, keepalive,"),
        (["web.yaml", "--mix", "new=0"], "--mix: '0' in 'new=0' is not a weight. Write a number above 0."),
        (["web.yaml", "--mix", ""], "--mix: The mix is empty. Write KIND"),
        (["web.yaml", "--rate", "-1"], "--rate: A rate of -1 requests/s cannot be sent. Write 100 or so."),
        (["web.yaml", "--rate", "nan"], "--rate: A rate of nan requests/s cannot be sent. Write 100 or so."),
        (["web.yaml", "--rate", "much"], "Invalid value for '--rate': 'much' is not a valid float."),
        (["web.yaml", "--grace", "-1"], "Invalid value for '--grace': -1 is not in the range 0<=x<=86400."),
        (["web.yaml", "--grace", "1h"], "Invalid value for '--grace'"),
        (["web.yaml", "--stop-signal", "SIGSTOPP"], "--stop-signal: 'SIGSTOPP' is not a signal of this machine."),
        (["web.yaml", "--stop-signal", "db=TERM"], "--stop-signal: there is no container 'db'. The pod has: app."),
        (["web.yaml", "--pre-stop", "5"], "--pre-stop: it goes with a bare command only. Change the manifest."),
        (["--pre-stop", "soon", "--", "serve"], "--pre-stop: 'soon' is not a preStop hook. Write 5, sleep:5,"),
        (["web.yaml", "--port", "80"], "--port: it goes with a bare command only. Change the manifest."),
        (["web.yaml", "--print-manifest"], "--print-manifest: the manifest is yours already."),
        (["web.yaml", "--end", "now"], "Invalid value for '--end': 'now' is not one of 'one-pod', 'rollout'."),
        (["web.yaml", "--faster"], "No such option '--faster'"),
        (["web.yaml", "--html", "missing/page.html"], "--html: missing/page.html cannot be written: No such file"),
        (["web.yaml", "--html", "."], "Invalid value for '--html': File '.' is a directory."),
        (["web.yaml", "--junit", "web.yaml/x.xml"], "--junit: web.yaml/x.xml cannot be written: Not a directory."),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_words_that_cannot_be_used(tmp_path: Path, words: list[str], complaint: str) -> None:
    manifest(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert complaint in refused(*words, cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_report_into_a_folder_where_no_file_can_be_made(tmp_path: Path) -> None:
    """/proc refuses even root."""
    manifest(tmp_path)
    assert refused("web.yaml", "--html", "/proc/self/page.html", cwd=tmp_path).startswith(
        "--html: /proc/self/page.html"
    )


@pytest.mark.parametrize(
    ("kind", "spec", "complaint"),
    [
        ("Pod", {}, "nothing rolls out a Pod such as Pod/web. End one pod instead: leave out --end rollout."),
        ("Job", {}, "nothing rolls out a Job such as Job/web."),
        ("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, "DaemonSet/web has the update strategy OnDelete"),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, "StatefulSet/web has the update strategy OnDelete"),
    ],
)
def test_a_rollout_of_what_nothing_rolls_out(
    tmp_path: Path, kind: str, spec: dict[str, object], complaint: str
) -> None:
    manifest(tmp_path, kind=kind, spec=spec)
    assert complaint in refused("web.yaml", "--end", "rollout", cwd=tmp_path)


# Commands and servers


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    complaint = refused("--", "no-such-program", cwd=tmp_path)
    assert complaint.startswith("app-a")
    assert "There is no program 'no-such-program' in its PATH" in complaint


def test_a_command_that_may_not_be_executed(tmp_path: Path) -> None:
    (tmp_path / "serve").write_text("#!/bin/sh\n")
    assert "serve is not executable for this user. Run: chmod +x serve." in refused("--", "./serve", cwd=tmp_path)


def test_a_command_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    complaint = refused("--", "sh", "-c", "echo cannot open the database; exit 3", cwd=tmp_path)
    assert "ended with status 3 before any pod was ended. It said: cannot open the database." in complaint


def test_a_worker_that_ends_at_once(tmp_path: Path) -> None:
    assert "ended with status 0 before any pod was ended" in refused("--rate", "0", "--", "true", cwd=tmp_path)


def test_a_command_that_never_listens(tmp_path: Path) -> None:
    complaint = refused("--start-within", "2s", "--", "sh", "-c", "echo hello; sleep 60", cwd=tmp_path)
    assert "does not listen on a port within 2 s. It said: hello. Put {port} into its command" in complaint


def test_a_readiness_probe_that_never_succeeds(tmp_path: Path) -> None:
    probe = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1}
    manifest(tmp_path, readinessProbe=probe)
    complaint = refused(
        "web.yaml", "--run", f"app={PYTHON} unwilling.py {{port}}", "--start-within", "3s", cwd=tmp_path
    )
    assert "did not get ready within 3 s: its readiness probe says answered 503." in complaint


def test_a_service_that_fails_before_any_ending(tmp_path: Path) -> None:
    complaint = refused("--", PYTHON, "unwilling.py", "{port}", cwd=tmp_path)
    assert "no request succeeds before any pod is ended (GET was answered 503)." in complaint


UNWILLING = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_error(503)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture(autouse=True)
def unwilling(tmp_path: Path) -> None:
    (tmp_path / "unwilling.py").write_text(UNWILLING)


@pytest.fixture
def fixed_port() -> Iterator[str]:
    """A port for a server that has its own will; kept from others by a socket that does not listen."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield str(holder.getsockname()[1])


@pytest.mark.parametrize("replicas", ["1", "2"])
def test_a_fixed_port_that_the_next_replica_cannot_bind(tmp_path: Path, fixed_port: str, replicas: str) -> None:
    words = ("--replicas", replicas, "--", PYTHON, "-m", "http.server", "--bind", "127.0.0.1", fixed_port)
    complaint = refused(*words, cwd=tmp_path)
    assert "Address already in use" in complaint
    assert "write {port} where it names a fixed port" in complaint


# What is not installed


def test_a_missing_extra_is_one_line_with_the_command_that_installs_it(tmp_path: Path) -> None:
    source = str(Path(__file__).parents[2] / "src")
    # -S: without site-packages, as right after `pip install lameduck`.
    bare = (PYTHON, "-S", "-m", "lameduck")
    with running("rehearse", "web.yaml", cwd=tmp_path, env={"PYTHONPATH": source}, program=bare) as process:
        outcome = process.wait()
    assert_refused(outcome)
    assert outcome.stderr.splitlines() == [
        "lameduck: the command line needs click, which is not installed: pip install 'lameduck[cli]'"
    ]
