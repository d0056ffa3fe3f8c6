"""Real servers and shells in real rehearsals: what a real kubelet's recordings (app-*, nginx-*, entry-*) say comes out.

Most of an ending is waiting, so a few rehearsals run at a time, and each test waits for its own. Each rate and lag is
chosen so that what must be lost is lost for certain: at least ten arrivals, of which a random half meets the pod.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from tests.rehearse.containers import need

pytestmark = pytest.mark.xdist_group("real servers")

AT_ONCE = 4
SERVERS = Path(__file__).parent / "servers"
NGINX = Path(__file__).parents[2] / "examples" / "openapi-web" / "serve-nginx.sh"
PYTHON = shlex.quote(sys.executable)
BUNDLED = f"{PYTHON} -m lameduck.rehearse.bundled_server --port {{port}}"
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"

WITH_SLOW = ("--mix", "new=3,slow=1@/slow")
"""Ten requests a second that take 2.5 s: longer than a preStop of 2 s."""
WITH_SLOW_BUNDLED = ("--mix", "new=2,keepalive=1,slow=1@/slow?seconds=2.5")
WITH_DOWNLOADS = ("--mix", "new=3,slow=1@/download")
"""Ten downloads a second that take four."""
DELAYED = ("--pre-stop", "2", "--grace", "6")
"""A delay twice the endpoint lag."""
AT_ONCE_STOPPED = ("--grace", "6")


@dataclass(frozen=True)
class Case:
    """A server and how it ends. `lost`: causes that must be there; `maybe`: others that may; `codes`: all findings."""

    name: str
    words: tuple[str, ...]
    command: str
    codes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    killed: bool = False
    exit_codes: tuple[int, ...] = (0,)
    needs: tuple[str, str] | None = None

    @property
    def graceful(self) -> bool:
        return not (self.lost or self.killed)


_NGINX = ("nginx", "nginx")
_NODE = ("node", "nodejs")
_UVICORN = f"{PYTHON} -m uvicorn --port {{port}} --log-level error asgi_app:app"
_GUNICORN = f"{PYTHON} -m gunicorn -b 127.0.0.1:{{port}} wsgi_app:app"
_BEFORE = "before-endpoints"

CASES = (
    Case("the bundled server, delayed", (*DELAYED, *WITH_SLOW_BUNDLED), BUNDLED),
    Case("the bundled server, not delayed", (*AT_ONCE_STOPPED, *WITH_SLOW_BUNDLED), BUNDLED, ("LD201",), (_BEFORE,)),
    Case(  # nginx-term
        "nginx, SIGTERM",
        (*DELAYED, *WITH_DOWNLOADS),
        f"{NGINX} {{port}}",
        ("LD104",),
        ("cut-by-stop",),
        ("cut-by-exit",),
        needs=_NGINX,
    ),
    Case(  # nginx-stopsignal-quit
        "nginx, SIGQUIT", ("--stop-signal", "SIGQUIT", *DELAYED, *WITH_DOWNLOADS), f"{NGINX} {{port}}", needs=_NGINX
    ),
    # As PID 1 it ends with 0, though it raises its signal again; where PID 1 is emulated, with 143.
    Case("uvicorn, delayed", (*DELAYED, *WITH_SLOW), _UVICORN, exit_codes=(0, 143)),
    Case("uvicorn, not delayed", (*AT_ONCE_STOPPED, *WITH_SLOW), _UVICORN, ("LD201",), (_BEFORE,), exit_codes=(0, 143)),
    Case("gunicorn with sync workers, delayed", (*DELAYED, "--mix", "new=1"), f"{_GUNICORN} -w 2"),
    Case(
        "gunicorn with sync workers, not delayed",
        (*AT_ONCE_STOPPED, "--mix", "new=1"),
        f"{_GUNICORN} -w 2",
        ("LD201",),
        (_BEFORE,),
        ("cut-by-exit", "cut-by-stop"),  # what waited in the accept queue of a closing socket
    ),
    Case("gunicorn with threads, delayed", (*DELAYED, "--mix", "new=9,slow=1@/slow"), f"{_GUNICORN} --threads 30"),
    Case(
        "node with a handler, delayed",
        (*DELAYED, *WITH_SLOW),
        "node node_server.js {port} graceful",
        needs=_NODE,
    ),
    Case(  # app-node-raw
        "node without a handler",
        ("--grace", "3", *WITH_SLOW),
        "node node_server.js {port}",
        ("LD103",),
        maybe=("cut-by-kill",),
        killed=True,
        exit_codes=(137,),
        needs=_NODE,
    ),
    Case(  # bash-trap-forward
        "a bash script that forwards",
        (*DELAYED, *WITH_SLOW_BUNDLED),
        "./trap_forward.sh {port}",
        needs=("bash", "bash"),
    ),
    Case(  # dash-child
        "a dash script without exec",
        ("--grace", "3", *WITH_SLOW_BUNDLED),
        "./no_exec.sh {port}",
        ("LD101",),
        maybe=("cut-by-kill",),
        killed=True,
        exit_codes=(137,),
        needs=("dash", "dash"),
    ),
    Case(  # entry-busybox-semi: its shell replaces itself by the last command
        "a busybox script that ends in its service",
        (*DELAYED, *WITH_SLOW_BUNDLED),
        f"busybox sh -c {shlex.quote(f'echo starting; {BUNDLED}')}",
        needs=("busybox", "busybox"),
    ),
    Case(  # app-http-server
        "python -m http.server",
        ("--grace", "3", "--mix", "new=1"),
        f"{PYTHON} -m http.server --bind 127.0.0.1 {{port}}",
        ("LD103",),
        killed=True,
        exit_codes=(137,),
    ),
)


def rehearse(case: Case) -> dict[str, Any]:
    """The envelope of the case's rehearsal."""
    words = [sys.executable, "-m", "lameduck", "rehearse", "-q", "--format", "json", "--rate", "40", "--lag", "1s"]
    ended = subprocess.run(
        [*words, *case.words, "--", *shlex.split(case.command)],
        cwd=SERVERS,
        env={**os.environ, "PATH": PATH},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode in (0, 1), ended.stderr
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> Iterator[dict[str, "Future[dict[str, Any]]"]]:
    """The rehearsals of the tests that are going to run here, some at a time."""
    chosen: list[Case] = [
        cast(Case, item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {case.name: pool.submit(rehearse, case) for case in chosen if installed(case)}
        pool.shutdown(cancel_futures=True)


def installed(case: Case) -> bool:
    """Whether its server is on this machine."""
    return case.needs is None or shutil.which(case.needs[0], path=PATH) is not None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_real_server_ends_as_it_is_known_to(case: Case, answers: dict[str, "Future[dict[str, Any]]"]) -> None:
    if case.needs is not None:
        need(*case.needs, path=PATH)
    answer = answers[case.name].result()
    requests = answer["requests"]
    (container,) = answer["endings"][0]["containers"]
    seen = f"{answer['reasons']} {requests} {container} {answer['findings']}"
    assert answer["verdict"] == ("graceful" if case.graceful else "ungraceful"), seen
    assert set(case.lost) <= set(requests["by_cause"]) <= {*case.lost, *case.maybe}, seen
    assert [f["code"] for f in answer["findings"] if f["severity"] != "info"] == list(case.codes), seen
    assert (container["killed"], container["exit_code"] in case.exit_codes) == (case.killed, True), seen
    assert requests["unrelated"] == 0, seen
    assert requests["ok"] > 50, seen
