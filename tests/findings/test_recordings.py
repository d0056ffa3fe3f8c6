"""What the files of real endings show: each recording's manifest, read as `check` would read it.

The table names every recording in which something is to be seen, with a `?` where the files leave a doubt. All others
are clean: the loss that was recorded there is not to be seen in the files, or there is none. A new family of findings
adds its letters to FAMILIES and its codes to the table.
"""

import json
from pathlib import Path

import pytest

from lameduck.findings.looking import look_into
from lameduck.pod.case import Case
from lameduck.pod.entry import Shell
from lameduck.pod.images.builds import ImageBuild, ImageWord
from lameduck.pod.images.linking import described
from lameduck.pod.programs.entering import entry_of
from lameduck.pod.reading import read_text
from lameduck.pod.shells.words import Value

FAMILIES = ("LD1", "LD2", "LD3", "LD4", "LD5", "LD6", "LD7")
EXPECTED = {
    # what the signal meets
    "app-apache-term": {"LD104"},
    "app-flask-run": {"LD103"},
    "app-gunicorn-quit": {"LD104"},
    "app-haproxy-term": {"LD104"},
    "app-http-server": {"LD103"},
    "app-npm-start": {"LD105"},
    "app-php-fpm-term": {"LD104"},
    "bash-trap-blocked": {"LD102"},
    "dash-c-single": {"LD101"},
    "dash-child": {"LD101"},
    "entry-bash-semi-after": {"LD101"},
    "entry-dumb-init-shell": {"LD105"},
    "entry-dumb-init-single": {"LD105"},
    "entry-exec-pipe": {"LD101"},
    "entry-sh-assign": {"LD101"},
    "entry-sh-cd-and": {"LD101"},
    "entry-su": {"LD105"},
    "entry-trap-exit-pseudo": {"LD105"},
    "entry-trap-forward-once": {"LD105"},
    "entry-while-loop": {"LD101"},
    "gate-stopsignal-unhandled": {"LD103"},
    "keepalive": {"LD104"},
    "nginx-term": {"LD104"},
    "no-handler-sleep": {"LD103"},
    "pipeline": {"LD101"},
    "share-pid": {"LD105"},
    # gunicorn's own 30 s, unless a gunicorn.conf.py says otherwise
    "app-gunicorn-shell": {"LD101", "LD301?"},
    "app-gunicorn-sync": {"LD301?"},
    "app-gunicorn-threads": {"LD301?"},
    # labapp is nobody that the files know: it serves on by itself here (drain:4), and refuses there (exit:0)
    "deployment-pod-delete": {"LD201?", "LD401"},
    "rollout-minready": {"LD201?", "LD401"},
    "rollout-surge": {"LD201?", "LD405"},
    "rollout-surge-exit-at-once": {"LD201?", "LD405"},
    "hook-background-child": {"LD208"},
    "hook-http-hostnetwork": {"LD202"},
    "hook-kill9-pid1": {"LD207"},
    "hook-kills-pid1": {"LD207"},
    "hook-missing-binary": {"LD203"},
    "hook-missing-sleep": {"LD203"},
    "hook-named-port-missing": {"LD202"},
    "hook-outlasts-exec": {"LD204"},
    "hook-sleep-equals-grace": {"LD204"},
    "hook-tcp": {"LD202"},
    "mix-09": {"LD204"},
    "mix-15": {"LD204"},
    "mix-21": {"LD204"},
    "mix-31": {"LD204"},
    "nginx-hook-quit": {"LD206"},
    # one replica behind a Service, without a budget or a need of one
    "openapi-web-delete": {"LD104", "LD401"},
    "openapi-web-delete-stopsignal-quit": {"LD401"},
    "openapi-web-rollout": {"LD104", "LD401"},
    "sidecar-exits-early": {"LD207"},
    "spec-grace-0": {"LD302"},
}
ONLY_SEEN_IN_THE_ENDING = {
    "app-java-raw": "whether a Java program has a shutdown hook is not to be seen",
    "app-node-raw": "whether a Node program has a handler is not to be seen",
    "child-left": "labapp is no program that the files know",
    "dumb-init": "labapp is no program that the files know",
    "hook-http-outlasts": "the server answers after the grace",
    "hook-http-refused": "nobody listens on the port, and declaring one is not needed",
    "hook-ignores-term-outlasts": "labhook is no program that the files know",
    "hook-nonzero": "a script may exit with 3 on purpose",
    "hook-not-executable": "modes are not in a manifest",
    "no-handler-python": "labapp is no program that the files know",
    "hook-outlasts-clean": "labhook is no program that the files know",
    "tini": "labapp is no program that the files know",
    "service-two-exit-at-once": "bare Pods, which nothing replaces",
}

_GOLDEN = Path(__file__).parents[1] / "golden"
_RECORDINGS = tuple(sorted(path.stem for path in _GOLDEN.glob("*.json")))
_STOPSIGNALS = {"-quit": "SIGQUIT", "-usr1": "SIGUSR1", "-winch": "SIGWINCH"}


def _build(reference: str | None) -> ImageBuild | None:
    """What golden/README.md says of the recorded images: Debian 12, whose sh is dash."""
    name = (reference or "").partition(":")[0]
    if not name.startswith("lab"):
        return None
    signal = next((signal for ending, signal in _STOPSIGNALS.items() if name.endswith(ending)), None)
    if name.startswith("lab-static"):
        lacks = frozenset({"bash", "sh", "sleep"})
        return ImageBuild(name, stop_signal=signal, stop_signal_known=True, lacks=lacks)
    nginx = name.startswith("lab-nginx")
    return ImageBuild(
        name,
        cmd=tuple(ImageWord(Value(word)) for word in ("nginx", "-g", "daemon off;")) if nginx else (),
        stop_signal=signal,
        stop_signal_known=True,
        sh=Shell.DASH,
        software="nginx" if nginx else None,
        programs=frozenset({"bash", "busybox", "nginx", "sh", "sleep"}),
    )


def _cases(recording: str) -> list[Case]:
    raw = json.loads((_GOLDEN / f"{recording}.json").read_text(encoding="utf-8"))
    objects = [*raw.get("pods", ()), *raw.get("objects", ()), *filter(None, (raw.get("service"),))]
    if not objects:
        return []
    manifests = read_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), recording)
    cases = []
    for workload in manifests.workloads:
        builds = {container.name: _build(container.image) for container in workload.pod.containers}
        cases.append(
            Case(
                workload,
                services=manifests.services_of(workload),
                budgets=tuple(budget for budget in manifests.budgets if budget.selects(workload)),
                config_maps={each.name: each for each in manifests.config_maps if each.is_used_by(workload)},
                images={name: described(build) for name, build in builds.items() if build is not None},
                entries={
                    container.name: entry_of(container, builds[container.name], pid1=workload.pod.main_is_pid1)
                    for container in workload.pod.containers
                },
            )
        )
    return cases


def _seen(recording: str) -> set[str]:
    return {
        f"{found.code}{'?' if found.uncertain else ''}"
        for case in _cases(recording)
        for found in look_into(case)
        if found.code.startswith(FAMILIES)
    }


@pytest.mark.parametrize("recording", _RECORDINGS)
def test_the_files_of_a_recording_show_what_they_can_and_no_more(recording: str) -> None:
    assert _seen(recording) == EXPECTED.get(recording, set())


def test_the_tables_name_recordings_that_there_are_and_each_once() -> None:
    assert not (EXPECTED.keys() | ONLY_SEEN_IN_THE_ENDING.keys()) - set(_RECORDINGS)
    assert not EXPECTED.keys() & ONLY_SEEN_IN_THE_ENDING.keys()
