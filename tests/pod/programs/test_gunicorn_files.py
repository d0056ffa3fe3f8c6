"""gunicorn's settings file in a mounted ConfigMap: which one it reads, and what of it is certain."""

from textwrap import dedent, indent

import pytest

from lameduck.pod.case import Case
from lameduck.pod.programs.stop_times import stop_time
from lameduck.pod.reading import read_text

_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  volumes: [{name: conf, configMap: {name: conf%(items)s}}]
  containers:
    - name: app
      image: registry.example/app:1
      command: [gunicorn, %(words)s 'app:app']
      env: %(env)s
      volumeMounts: [{name: conf, mountPath: %(mount)s}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data:
  gunicorn.conf.py: |
%(text)s
"""


def _limit(
    text: str,
    *,
    words: str = "",
    mount: str = "/app/gunicorn.conf.py, subPath: gunicorn.conf.py",
    env: str = "[]",
    items: str = "",
) -> tuple[float, str] | None:
    shown = indent(dedent(text), "    ")
    manifests = read_text(
        _POD % {"words": words, "mount": mount, "env": env, "items": items, "text": shown}, "web.yaml"
    )
    assert manifests.problems == ()
    (workload,) = manifests.workloads
    case = Case(workload, config_maps={each.name: each for each in manifests.config_maps})
    limit = stop_time(case, workload.pod.containers[0])
    return None if limit is None else (limit.seconds, limit.says)


_SET = (90.0, "graceful_timeout = 90 in gunicorn.conf.py")
_DEFAULT = (30.0, "gunicorn's graceful timeout is 30 s unless it is set")
_90 = "graceful_timeout = 90\n"


def test_the_file_where_it_is_started_is_read_without_a_word() -> None:
    assert _limit(_90) == _SET


@pytest.mark.parametrize(
    ("words", "mount", "limit"),
    [
        ("-c, /etc/gunicorn/gunicorn.conf.py,", "/etc/gunicorn", _SET),
        ("--config=file:/etc/gunicorn/gunicorn.conf.py,", "/etc/gunicorn", _SET),
        ("-c, conf/gunicorn.conf.py,", "/app/conf", _SET),
        ("-c, /etc/other.py,", "/etc/gunicorn", None),
        ("-c, python:app.conf,", "/etc/gunicorn", None),
        ("", "/etc/gunicorn.d/x.py, subPath: gunicorn.conf.py", _DEFAULT),
    ],
)
def test_the_file_that_is_named_counts(words: str, mount: str, limit: tuple[float, str] | None) -> None:
    assert _limit(_90, words=words, mount=mount) == limit


def test_an_item_may_give_the_file_its_name() -> None:
    items = ", items: [{key: gunicorn.conf.py, path: conf/prod.py}]"
    limit = _limit(_90, words="-c, /etc/conf/prod.py,", mount="/etc", items=items)
    assert limit == (90.0, "graceful_timeout = 90 in prod.py")


def test_the_command_line_and_the_environment_go_before_the_file() -> None:
    assert _limit(_90, words="--graceful-timeout=5,") == (5.0, "--graceful-timeout 5")
    assert _limit(_90, env="[{name: GUNICORN_CMD_ARGS, value: '--graceful-timeout 7'}]") == (
        7.0,
        "GUNICORN_CMD_ARGS says 7",
    )


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("workers = 4\n", _DEFAULT),
        ("graceful_timeout = 60\ngraceful_timeout = 90\n", _SET),
        ("# graceful_timeout = 90\n", _DEFAULT),
        ("import os\ngraceful_timeout = int(os.environ['T'])\n", None),
        ("if True:\n    graceful_timeout = 90\n", None),
        ("graceful_timeout: int = 90\n", None),
        ("graceful_timeout = True\n", None),
        ("this is no Python\n", _DEFAULT),
    ],
)
def test_only_a_plain_number_is_certain(text: str, limit: tuple[float, str] | None) -> None:
    assert _limit(text) == limit
