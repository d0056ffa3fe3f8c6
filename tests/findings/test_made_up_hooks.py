"""Hooks, commands and graces that nobody wrote: no traceback, and remedies that hold their promise."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.looking import look_into
from lameduck.pod.case import Case
from lameduck.pod.images.linking import image_of
from lameduck.pod.reading import read_text
from lameduck.pod.texts.documents import SourceDocument
from lameduck.remedies.remedy import Mend
from lameduck.remedies.text_edit import apply

_OURS = tuple(finding for finding in FINDINGS if finding.code.startswith(("LD2", "LD3")))
_WORDS = st.sampled_from(
    [
        *("sleep", "5", "5s", "5sec", "60", "infinity", "nginx", "-s", "quit", "stop", "kill", "-TERM", "-QUIT", "-9"),
        *(
            "1",
            "&&",
            "||",
            ";",
            "&",
            "|",
            "$N",
            "${N}",
            "$(cat /run/nginx.pid)",
            "sh",
            "/bin/bash",
            "-c",
            "exit",
            "wait",
        ),
        *(
            "echo",
            "/app/drain",
            "sleep 5",
            "sh -c 'sleep 5'",
            "'",
            '"',
            "{",
            "}",
            "while true; do",
            "done",
            ">/dev/null",
        ),
        *("apachectl", "graceful-stop", "busybox", "exec", "touch", "", " ", "ü", "\\", "\n", "1e9", "9" * 30),
    ]
)
_SCRIPT = st.lists(_WORDS, max_size=8).map(" ".join)
_EXEC = st.one_of(
    st.lists(_WORDS, min_size=1, max_size=6),
    _SCRIPT.map(lambda script: ["sh", "-c", script]),
    _SCRIPT.map(lambda s: [s]),
)
_HOOK = st.one_of(
    st.none(),
    _EXEC.map(lambda command: {"exec": {"command": command}}),
    st.integers(0, 100).map(lambda seconds: {"sleep": {"seconds": seconds}}),
    st.sampled_from(["http", "nope", 8080]).map(lambda port: {"httpGet": {"port": port}}),
    st.just({"tcpSocket": {"port": 8080}}),
)
_COMMAND = st.one_of(
    st.none(),
    st.sampled_from(
        [
            ["gunicorn", "app:app"],
            ["gunicorn", "--graceful-timeout", "90", "app:app"],
            ["sh", "-c", "exec uvicorn --timeout-graceful-shutdown=20 app:app"],
            ["tini", "--", "nginx", "-g", "daemon off;"],
            ["sleep", "infinity"],
        ]
    ),
    st.lists(_WORDS, min_size=1, max_size=5),
)
_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
}


@st.composite
def _manifests(draw: st.DrawFn) -> str:
    container: dict[str, object] = {
        "name": "app",
        "image": draw(
            st.sampled_from(["a", "nginx:1.27", "nginx:1.27-alpine", "gcr.io/distroless/static", "debian:12"])
        ),
        "ports": [{"name": "http", "containerPort": 8080}],
    }
    hook, command, grace = draw(_HOOK), draw(_COMMAND), draw(st.one_of(st.none(), st.integers(0, 120)))
    container |= {} if hook is None else {"lifecycle": {"preStop": hook}}
    container |= {} if command is None else {"command": command}
    spec: dict[str, object] = {"containers": [container], "hostNetwork": draw(st.booleans())}
    spec |= {} if grace is None else {"terminationGracePeriodSeconds": grace}
    workload = {
        "apiVersion": "apps/v1",
        "kind": draw(st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"])),
        "metadata": {"name": "web"},
        "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": spec}},
    }
    items = [workload, _SERVICE] if draw(st.booleans()) else [workload]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1, ensure_ascii=False)


def _case(text: str, kubernetes: tuple[int, int]) -> Case:
    manifests = read_text(text, "web.json")
    (workload,) = manifests.workloads
    images = {each.name: image for each in workload.pod.containers if (image := image_of(each)) is not None}
    return Case(workload, services=manifests.services_of(workload), images=images, kubernetes=kubernetes)


@settings(deadline=None, max_examples=300)
@given(text=_manifests(), kubernetes=st.sampled_from([(1, 28), (1, 36)]))
def test_a_remedy_for_a_made_up_hook_takes_its_finding_away_and_brings_no_other(
    text: str, kubernetes: tuple[int, int]
) -> None:
    case = _case(text, kubernetes)
    document = case.workload.document
    assert isinstance(document, SourceDocument)
    before = look_into(case, _OURS)
    for found in before:
        assert "None" not in found.message
        if found.remedy is None:
            continue
        mended = apply([Mend(found.remedy, document)])
        assert not mended.refused
        (edited,) = mended.files
        after = {each.code for each in look_into(_case(edited.text, kubernetes), _OURS)}
        assert found.code not in after, edited.text
        if found.remedy.safe:
            assert after <= {each.code for each in before}, edited.text
