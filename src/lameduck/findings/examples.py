"""Examples made whole: a Deployment ready to paste, and its ending as a witness would hand it to the findings.

Each finding imports this file, and `check` must start fast: what reads images or plays endings is imported when an
example is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from textwrap import dedent, indent
from typing import TYPE_CHECKING

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.requests import ClientKind, Fate, Request
from lameduck.findings.finding import Example, Witnessed
from lameduck.pod.case import Case, ConfigMap
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Entry
from lameduck.pod.reading import read_text
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source
from lameduck.pod.sysctls.files import SysctlFile, read_sysctls
from lameduck.pod.workloads import Workload

if TYPE_CHECKING:
    from lameduck.pod.images.builds import ImageBuild

__all__ = [
    "BUDGET",
    "FILE",
    "POD",
    "REPLACEMENT",
    "SERVICE",
    "behaviours",
    "builds",
    "case",
    "manifest",
    "request",
    "sysctl_file",
    "witness",
]

FILE = "web.yaml"
SERVICE = """
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
    - port: 80
      targetPort: 8080
"""
"""For an example's `objects`: without it nothing sends traffic to its Deployment, as far as the files tell."""
_PROBE = "readinessProbe: {tcpSocket: {port: 8080}}"
BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {app: web}
"""
POD = "web-a1"
"""The pod that ends. The others are web-a2 and so on."""
REPLACEMENT = f"{POD}-new"


def request(
    fate: Fate,
    sent_s: float,
    ended_s: float | None = None,
    *,
    pod: str | None = POD,
    reused: bool = False,
    kind: ClientKind | None = None,
) -> Request:
    """One request as a client saw it; `ended_s` None: 2 ms later. A reused connection is one of a pool, 10 s old."""
    ended = sent_s + 0.002 if ended_s is None else ended_s
    connected = None if fate is Fate.REFUSED else sent_s - 10 if reused else sent_s + 0.001
    answered = fate in (Fate.OK, Fate.CUT, Fate.SERVER_ERROR)
    return Request(
        kind=kind or (ClientKind.KEEPALIVE if reused else ClientKind.NEW),
        method="GET",
        due_s=Seconds(sent_s),
        sent_s=Seconds(sent_s),
        ended_s=Seconds(ended),
        fate=fate,
        pod=pod,
        reused=reused,
        connected_s=None if connected is None else Seconds(connected),
        first_byte_s=Seconds(min(sent_s + 0.002, ended)) if answered else None,
        status={Fate.OK: 200, Fate.CUT: 200, Fate.SERVER_ERROR: 503}.get(fate),
    )


def manifest(example: Example) -> str:
    """The example's Deployment as YAML, and its objects behind it."""
    objects = dedent(example.objects).strip("\n")
    if example.whole:
        return "\n---\n".join(part for part in (dedent(example.whole).strip("\n"), objects) if part) + "\n"
    container = dedent(example.container).strip("\n")
    if "image:" not in container:
        container = f"image: registry.example/app:1\n{container}".rstrip("\n")
    if "kind: Service" in objects and not example.bare:
        container += "" if "readinessProbe:" in container else f"\n{_PROBE}"
        objects += "" if "kind: PodDisruptionBudget" in objects else f"\n---\n{BUDGET.strip()}"
    lines = [
        "apiVersion: apps/v1",
        "kind: Deployment",
        "metadata:",
        "  name: web",
        "spec:",
        f"  replicas: {example.replicas}",
        *_block(example.workload, 2),
        "  selector:",
        "    matchLabels: {app: web}",
        "  template:",
        "    metadata:",
        "      labels: {app: web}",
        "    spec:",
        *_block(example.pod, 6),
        "      containers:",
        "        - name: app",
        *_block(container, 10),
        *_block(example.beside, 8),
    ]
    return "\n".join([*lines, *(("---", objects) if objects else ())]) + "\n"


def _block(text: str, spaces: int) -> list[str]:
    return indent(dedent(text).strip("\n"), " " * spaces).splitlines()


def behaviours(example: Example) -> Mapping[str, Behaviour]:
    """What each of its containers does."""
    return {"app": example.behaviour} if isinstance(example.behaviour, Behaviour) else example.behaviour


def case(example: Example, text: str | None = None) -> Case:
    """The example as `check` would see it; `text` in place of its manifest, if given."""
    from lameduck.pod.images.linking import described
    from lameduck.pod.programs.hook_files import with_hook_script

    manifests = read_text(manifest(example) if text is None else text, FILE)
    (workload,) = manifests.workloads
    images = builds(example, workload)
    config_maps = {each.name: each for each in manifests.config_maps if each.is_used_by(workload)}
    containers = tuple(with_hook_script(each, images.get(each.name), config_maps) for each in workload.pod.containers)
    return Case(
        replace(workload, pod=replace(workload.pod, containers=containers)),
        services=manifests.services_of(workload),
        budgets=tuple(budget for budget in manifests.budgets if budget.selects(workload)),
        autoscalers=tuple(scaler for scaler in manifests.autoscalers if scaler.scales(workload)),
        ingresses=manifests.ingresses,
        config_maps=config_maps,
        images={name: described(build) for name, build in images.items()},
        entries=_entries(workload, images, config_maps),
        kubernetes=example.kubernetes,
    )


def sysctl_file(example: Example) -> SysctlFile:
    """The example's sysctl file, for one that has `settings`."""
    return read_sysctls(Source("99-tuning.conf", example.settings))


@dataclass(frozen=True, slots=True)
class _Folder:
    """The example's files as a build context."""

    files: Mapping[str, str]

    def read(self, path: str) -> Source | None:
        return Source(path, self.files[path]) if path in self.files else None

    def is_folder(self, path: str) -> bool:
        return any(name.startswith(f"{path}/") for name in self.files)


def builds(example: Example, workload: Workload) -> dict[str, ImageBuild]:
    """What is known of the images: `app` from the example's Dockerfile if it has one, the others by their names."""
    from lameduck.pod.images.builds import ImageBuild
    from lameduck.pod.images.dockerfiles import read_build
    from lameduck.pod.images.linking import build_of

    found = {}
    for container in workload.pod.containers:
        build = build_of(container)
        if container.name == "app":
            if "Dockerfile" in example.files:
                source = Source("Dockerfile", example.files["Dockerfile"])
                build = read_build(source, _Folder(example.files), name=container.image or "").build
            if example.image_stop_signal is not None:
                build = replace(
                    build or ImageBuild(container.image or "", complete=False),
                    stop_signal=example.image_stop_signal,
                    stop_signal_known=True,
                )
        if build is not None:
            found[container.name] = build
    return found


def _entries(
    workload: Workload, builds: Mapping[str, ImageBuild], config_maps: Mapping[str, ConfigMap]
) -> dict[str, Entry]:
    from lameduck.pod.programs.entering import entry_of

    pid1 = workload.pod.main_is_pid1
    return {
        container.name: entry_of(container, builds.get(container.name), pid1=pid1, config_maps=config_maps)
        for container in workload.pod.containers
    }


def witness(example: Example) -> Witnessed:
    """The example's ending, played and judged."""
    from lameduck.ending.playing import play
    from lameduck.ending.timeline import Timeline
    from lameduck.ending.verdict import judge

    (workload,) = read_text(manifest(example), FILE).workloads
    played = play(
        workload.pod,
        behaviours(example),
        pod=POD,
        others=tuple(f"web-a{number}" for number in range(2, example.replicas + 1)),
        lag_s=example.lag_s,
        replacement_ready_s=example.replacement_ready_s,
        grace_s=example.grace_s,
        image_stop_signals={} if example.image_stop_signal is None else {"app": example.image_stop_signal},
    )
    timeline = Timeline(played.timeline.events, witness="example")
    verdict = judge(timeline, {POD: played.containers}, example.requests, rtt_s=Seconds(0.0))
    return Witnessed(workload, timeline, verdict, replicas=example.replicas)
