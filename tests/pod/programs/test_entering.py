"""The way of the stop signal: against what was recorded in pods, what was measured, and case by case."""

import json
from pathlib import Path
from typing import Any

import pytest

from lameduck.pod.containers import Container
from lameduck.pod.entry import Entry, Inside, Passes, Shell, WhyKept
from lameduck.pod.images.builds import ImageBuild
from lameduck.pod.programs.entering import entry_of
from lameduck.pod.programs.wrappers import WRAPPERS

GOLDEN = Path(__file__).parents[2] / "golden"
MEASURED = Path(__file__).parents[1] / "data" / "measured" / "shells.json"
DEBIAN = ImageBuild("lab", sh=Shell.DASH, complete=False)
AT = ("spec", "containers", 0)


def entry(*command: str, image: ImageBuild | None = DEBIAN, signal: str = "SIGTERM", pid1: bool = True) -> Entry:
    return entry_of(Container("app", AT, command=command), image, stop_signal=signal, pid1=pid1)


def sh(script: str, shell: str = "dash") -> Entry:
    words = {"busybox": ("busybox", "sh")}.get(shell, (shell,))
    return entry(*words, "-c", script)


def said(found: Entry) -> str:
    if not found.certain:
        return "in doubt"
    obstacle = found.obstacle
    return obstacle.passes.value if obstacle is not None else "arrives"


def links(found: Entry) -> list[tuple[str, Passes, WhyKept | None]]:
    return [(link.program, link.passes, link.why) for link in found.links]


def recordings() -> list[Any]:
    """Single pods whose first container has a command and whose app reports the signals it gets."""
    found = []
    for path in sorted(GOLDEN.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        pods = document.get("pods") or []
        if len(pods) != 1 or document.get("trigger", {}).get("kind") != "delete":
            continue
        first = pods[0]["spec"]["containers"][0]
        words = first.get("command", [])
        if "labapp" not in " ".join(words) or "drain:" not in " ".join(words):
            continue
        spec = pods[0]["spec"]
        more = "lifecycle" in first or len(spec["containers"]) > 1 or "initContainers" in spec
        stopped = document["summary"]["containers"].get("app", {}).get("stop_signal_s") is not None
        if stopped and not more and not document["trigger"].get("then"):
            found.append(pytest.param(document, id=path.stem))
    return found


@pytest.mark.parametrize("recording", recordings())
def test_the_verdict_agrees_with_the_recording_of_a_real_pod(recording: dict[str, Any]) -> None:
    words = recording["pods"][0]["spec"]["containers"][0]["command"]
    found = entry(*words, signal=recording["summary"]["containers"]["app"]["stop_signal"] or "SIGTERM")
    heard = [e["detail"]["name"] for e in recording["events"] if e["source"] == "process" and e["what"] == "signal"]
    drained = any(e["source"] == "process" and e["what"] == "exit" for e in recording["events"])
    killed = recording["summary"]["containers"]["app"]["killed"]
    if found.obstacle is not None and found.obstacle.why is WhyKept.WRAPPER_TIMEOUT:
        assert heard  # its drain was shorter than the 2 s that su leaves
    elif drained or (heard and killed):  # a drain longer than the grace is the grace's matter
        assert said(found) == "arrives", found
        assert found.arriving(recording["summary"]["containers"]["app"]["stop_signal"]) == heard[0]
    elif killed:
        assert said(found) == "keeps", found
    else:
        assert said(found) == "cuts", found


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("app-gunicorn-shell", WhyKept.NOT_EXEC),
        ("app-npm-start", WhyKept.SHELL_DIES),
        ("app-supervisord", None),
        ("app-gunicorn-sync", None),
        ("app-uvicorn", None),
        ("app-redis", None),
    ],
)
def test_the_verdict_agrees_with_recordings_of_real_servers(name: str, why: WhyKept | None) -> None:
    document = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    found = entry(*document["pods"][0]["spec"]["containers"][0]["command"])
    assert found.certain
    assert (found.obstacle.why if found.obstacle is not None else None) is why
    assert document["summary"]["containers"]["app"]["killed"] is (why is WhyKept.NOT_EXEC)


def test_no_verdict_that_is_certain_differs_from_what_was_measured() -> None:
    rows = json.loads(MEASURED.read_text(encoding="utf-8"))
    doubtful = 0
    for row in rows:
        shell = {"busybox": ["busybox", "sh"]}.get(row["shell"], [row["shell"]])
        found = entry(*row["before"], *shell, "-c", row["script"], "x", "svc", signal=row["signal"])
        if not found.certain:
            doubtful += 1
            continue
        assert said(found) == row["outcome"], row
        if row["outcome"] == "arrives":
            assert found.service_is_pid1 is row["pid1"], row
    assert len(rows) > 480
    assert doubtful < len(rows) / 10


def test_a_container_without_command_whose_image_is_unknown_is_in_doubt() -> None:
    found = entry_of(Container("app", AT, image="registry.example/app"))
    assert found.links == ()
    assert found.service is None
    assert found.doubt is not None


def test_sh_of_an_unknown_image_is_certain_only_where_every_shell_does_the_same() -> None:
    assert entry("sh", "-c", "gunicorn app:app", image=None).doubt is not None
    assert said(entry("sh", "-c", "exec gunicorn app:app", image=None)) == "arrives"
    assert said(entry("sh", "-c", "gunicorn app:app | tee log", image=None)) == "keeps"
    assert said(entry("/bin/sh", "-c", "gunicorn app:app; echo over", image=None)) == "keeps"


def test_a_link_knows_where_in_the_manifests_text_its_command_stands() -> None:
    script = "cd /app && python serve.py --port 80"
    found = entry_of(Container("app", AT, command=("sh", "-c"), args=(script,)), DEBIAN)
    assert found.service is not None
    assert found.service.inside == Inside((*AT, "args", 0), script.index("python"), len(script))


def test_letters_beyond_ascii_do_not_shift_the_place_of_a_command() -> None:
    script = "echo 'bereit für 東京'; python serve.py; true"
    found = sh(script)
    assert found.service is not None
    assert found.service.inside is not None
    assert script[found.service.inside.start : found.service.inside.end] == "python serve.py"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("server", WhyKept.NOT_EXEC),
        ("set -e\n./migrate.py\nserver --port 80", WhyKept.NOT_EXEC),
        ("server 2>&1 | tee /var/log/server.log", WhyKept.PIPELINE),
        ("server & wait", WhyKept.BACKGROUND),
        ("server &\nwait $!", WhyKept.BACKGROUND),
        ("server & tail -f /dev/null", WhyKept.BACKGROUND),
        ("trap 'exit 0' TERM; server", WhyKept.TRAP_BLOCKED),
        ("trap 'kill $p' INT; server & p=$!; wait $p", WhyKept.TRAP_OTHER_SIGNAL),
        ("trap 'kill $p; wait $p' SIGTERM; server & p=$!; wait $p", WhyKept.TRAP_NAME),
        ("while true; do server; sleep 1; done", WhyKept.LOOP),
        ("service apache2 start && tail -f /var/log/apache2/access.log", WhyKept.DAEMON),
        ("trap 'echo bye; exit 0' TERM; server & wait", WhyKept.TRAP_NO_FORWARD),
        ("trap 'kill -TERM $p; exit 0' TERM; server & p=$!; wait $p", WhyKept.TRAP_NO_WAIT),
        ("trap 'kill $p' TERM; server & p=$!; wait $p", WhyKept.TRAP_NO_WAIT),
        ("set -e; trap 'kill $p' TERM; server & p=$!; wait $p; wait $p", WhyKept.TRAP_NO_WAIT),
    ],
)
def test_each_reason_why_the_signal_is_lost_is_found(script: str, why: WhyKept) -> None:
    found = sh(script)
    assert found.certain, found.doubt
    assert found.obstacle is not None
    assert found.obstacle.why is why


@pytest.mark.parametrize(
    "script",
    [
        "exec server",
        "cd /app && exec server --port 80",
        "./wait-for db:5432 -- true; exec server",
        "until nc -z db 5432; do sleep 1; done; exec server",
        'if [ -n "$DEBUG" ]; then set -x; fi\nexec server',
        'for f in /init.d/*; do . "$f" || true; done; [ -f /etc/x ] && cat /etc/x; exec gosu app server',
        "exec >/proc/1/fd/1 2>&1; exec server",
        'prepare() { mkdir -p /data; }\nmain() { prepare; exec server "$@"; }\nmain "$@"',
        "trap 'kill -TERM $p; wait $p' TERM; server & p=$!; wait $p",
        "trap 'kill -TERM \"$p\"' TERM INT\nserver &\np=$!\nwait $p\nwait $p\n",
        'stop() { kill "$p" && wait "$p"; }\ntrap stop TERM\nserver >/dev/null 2>&1 & p=$!\nwait "$p"',
        "trap 'kill $p' TERM; server & p=$!; while kill -0 $p 2>/dev/null; do wait $p; done",
        "exec env PORT=80 nice -n 5 server",
        "cron && exec server",
    ],
)
def test_scripts_that_end_well_have_no_obstacle(script: str) -> None:
    found = sh(script)
    assert found.obstacle is None, links(found)
    assert found.service is not None
    assert found.service.program == "server"


@pytest.mark.parametrize(
    "script",
    [
        'eval "$START"',
        "$COMMAND --port 80",
        ". /opt/vendor/lib.sh; server",
        "trap 'curl -X POST localhost/stop; exit 0' TERM; server & wait",
        "trap 'kill $(cat /run/pid)' TERM; server & wait; wait",
        'trap "$HANDLER" TERM; server & wait',
        'if [ "$MODE" = a ]; then exec server; else server; fi',
        "trap 'kill $p; sleep 5' TERM; server & p=$!; wait $p",
        "server &",
        "trap stop TERM; rpc.statd; while true; do sleep 5; done",
        "start-all; tail -f /dev/null",
        "{ ( [ <<",
    ],
)
def test_what_only_running_it_tells_is_in_doubt(script: str) -> None:
    assert not sh(script).certain


def test_when_every_branch_loses_the_signal_that_is_certain() -> None:
    found = sh('if [ "$MODE" = dev ]; then flask run; else gunicorn app:app; fi')
    assert said(found) == "keeps"
    assert {link.program for link in (found.service, *found.others) if link is not None} == {"flask", "gunicorn"}


def test_arguments_decide_a_branch_that_asks_for_them() -> None:
    script = 'case "$1" in web) exec gunicorn app:app;; worker) celery worker;; *) exec "$@";; esac'
    assert said(entry("sh", "-c", script, "x", "web")) == "arrives"
    assert said(entry("sh", "-c", script, "x", "worker")) == "keeps"
    other = entry("sh", "-c", script, "x", "python", "serve.py")
    assert other.service is not None
    assert other.service.words == ("python", "serve.py")


def test_a_prefixed_argument_becomes_one_of_the_program() -> None:
    script = 'if [ "${1#-}" != "$1" ]; then set -- redis-server "$@"; fi; exec "$@"'
    found = entry("sh", "-c", script, "x", "--save", "60")
    assert found.service is not None
    assert found.service.words == ("redis-server", "--save", "60")


def test_below_an_init_the_shell_dies_and_takes_the_service_along() -> None:
    assert links(entry("tini", "--", "sh", "-c", "server; true")) == [
        ("tini", Passes.FORWARDS, None),
        ("sh", Passes.CUTS, WhyKept.SHELL_DIES),
        ("server", Passes.REPLACED, None),
    ]
    assert said(entry("dumb-init", "sh", "-c", "trap : TERM; server; true")) == "arrives"


def test_behind_lameduck_run_a_script_without_a_trap_lets_the_service_hear_it() -> None:
    run = ("lameduck", "run", "--lame-duck", "5s", "--")
    assert links(entry(*run, "sh", "-c", "server; true")) == [
        ("lameduck", Passes.FORWARDS, None),
        ("sh", Passes.FORWARDS, None),
        ("server", Passes.REPLACED, None),
    ]
    for script in (
        "server & wait",
        "server & exec tail -f log",
        "server | cat",
        "trap 'kill $p' TERM; server & p=$!; wait",
    ):
        assert said(entry(*run, "sh", "-c", script)) == "arrives", script


def test_behind_lameduck_run_a_script_with_a_trap_keeps_its_own_plan_and_child_means_the_shell() -> None:
    assert said(entry("lameduck", "run", "--", "sh", "-c", "trap : TERM; server; true")) == "keeps"
    assert said(entry("lameduck", "run", "--child", "--", "sh", "-c", "server; true")) == "cuts"


def test_lameduck_run_rewrites_signals_as_it_is_told() -> None:
    assert entry("lameduck", "run", "--stop-signal", "QUIT", "--", "nginx").arriving("SIGTERM") == "SIGQUIT"
    assert entry("lameduck", "run", "--map=TERM=SIGINT", "--", "web").arriving("SIGTERM") == "SIGINT"
    assert said(entry("lameduck", "run", "--map", "TERM=0", "--", "web")) == "keeps"


def test_where_the_pod_shares_its_processes_the_shell_is_not_pid_1_and_dies() -> None:
    found = entry("sh", "-c", "server; true", pid1=False)
    assert found.obstacle is not None
    assert found.obstacle.why is WhyKept.SHELL_DIES


def test_a_rewritten_signal_is_what_arrives() -> None:
    found = entry("dumb-init", "--rewrite", "15:3", "php-fpm", "-F")
    assert found.arriving("SIGTERM") == "SIGQUIT"
    assert entry("dumb-init", "-r15:0", "server") is not None
    assert said(entry("dumb-init", "--rewrite", "15:0", "server")) == "keeps"


def test_a_trap_for_term_does_not_hear_the_images_quit() -> None:
    script = "trap 'kill $p; wait $p' TERM; nginx -g 'daemon off;' & p=$!; wait $p"
    found = entry("sh", "-c", script, signal="SIGQUIT")
    assert found.obstacle is not None
    assert found.obstacle.why is WhyKept.TRAP_OTHER_SIGNAL


@pytest.mark.parametrize(
    ("command", "service", "pid1"),
    [
        (("env", "-i", "A=1", "server"), "server", True),
        (("nice", "-n", "5", "server"), "server", True),
        (("setpriv", "--reuid=1", "--", "server"), "server", True),
        (("timeout", "-k", "5", "3600", "server"), "server", False),
        (("chroot", "--userspec=a:b", "/root", "server"), "server", True),
        (("gosu", "app:app", "server"), "server", True),
        (("su-exec", "app", "server"), "server", True),
        (("tini", "-s", "-e", "143", "--", "server"), "server", False),
        (("poetry", "run", "server"), "server", True),
        (("uv", "run", "--frozen", "--python", "3.12", "server"), "server", False),
        (("sudo", "-u", "app", "server"), "server", False),
        (("/usr/bin/python3", "-m", "gunicorn"), "python3", True),
    ],
)
def test_the_command_behind_a_wrapper_is_found(command: tuple[str, ...], service: str, pid1: bool) -> None:
    found = entry(*command)
    assert found.certain, found.doubt
    assert found.obstacle is None
    assert found.service is not None
    assert found.service.program == service
    assert found.service_is_pid1 is pid1


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("su", "app", "-s", "/bin/sh", "-c", "exec server"), WhyKept.WRAPPER_TIMEOUT),
        (("su", "-c", "server", "app"), WhyKept.WRAPPER_TIMEOUT),
        (("runuser", "-u", "app", "--", "server"), WhyKept.WRAPPER_TIMEOUT),
        (("npm", "start"), WhyKept.SHELL_DIES),
        (("hatch", "run", "server"), WhyKept.WRAPPER),
        (("conda", "run", "-n", "env", "server"), WhyKept.WRAPPER),
        (("tini", "--", "hatch", "run", "server"), WhyKept.WRAPPER_DIES),
    ],
)
def test_wrappers_that_lose_the_signal_are_named(command: tuple[str, ...], why: WhyKept) -> None:
    found = entry(*command)
    assert found.certain, found.doubt
    assert found.obstacle is not None
    assert found.obstacle.why is why


def test_a_string_for_a_shell_is_read_though_it_holds_variables() -> None:
    found = sh('su app -c "$HOME/bin/server --port $PORT"')
    assert [link.program for link in found.links][:3] == ["dash", "su", "sh"]
    nested = sh('exec bash -c "cd $HOME && exec server | tee $LOG"')
    assert nested.obstacle is not None
    assert nested.obstacle.why is WhyKept.PIPELINE


def test_npm_in_an_image_whose_sh_execs_is_not_judged() -> None:
    assert not entry("npm", "start", image=ImageBuild("a", sh=Shell.BUSYBOX)).certain
    assert not entry("npm", "start", image=None).certain


def test_a_variable_of_the_pod_in_the_command_is_not_known() -> None:
    assert not entry("$(PROGRAM)", "--port", "80").certain
    assert entry("server", "--port", "$(PORT)").certain


def test_a_long_script_of_a_real_service_is_followed_branch_by_branch() -> None:
    text = (Path(__file__).parents[1] / "data" / "entrypoint.sh").read_text(encoding="utf-8").replace('. "$file"', ":")

    def start(*args: str) -> Entry:
        return entry("bash", "-c", text, "entrypoint.sh", *args)

    served = start("serve", "--workers", "2")
    assert served.certain, served.doubt
    assert served.service is not None
    assert served.service.words == (
        "gunicorn",
        "--config",
        "/tmp/gunicorn.py",
        "shop.wsgi:application",
        "--workers",
        "2",
    )
    worked = start("worker")
    assert worked.obstacle is not None
    assert worked.obstacle.why is WhyKept.TRAP_NO_WAIT
    assert said(start("python", "shell.py")) == "arrives"


def test_every_wrapper_says_on_what_it_rests() -> None:
    for name, row in WRAPPERS.items():
        assert row.source, name
        if row.source == "not verified":
            assert row.passes is Passes.UNKNOWN, name
        assert (row.why is None) == (row.passes not in (Passes.KEEPS, Passes.CUTS)), name
