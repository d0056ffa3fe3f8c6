"""Small repositories to begin with: every example of the catalogue, recorded pods, files as people write them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.examples import manifest
from lameduck.findings.finding import Example

__all__ = ["MANIFEST", "Tree", "example_tree", "golden_text", "seeds"]

_ROOT = Path(__file__).parents[2]
MANIFEST = "web.yaml"


@dataclass(frozen=True)
class Tree:
    """The files of a repository, by path, and what to say to `lameduck check` in its root."""

    name: str
    files: dict[str, bytes]
    words: tuple[str, ...] = (".",)
    is_sysctls: bool = field(default=False, kw_only=True)


def example_tree(name: str, example: Example) -> Tree:
    """A finding's example as a folder: its manifest, and the Dockerfile and scripts of its image."""
    if example.settings:
        return Tree(name, {"99-tuning.conf": example.settings.encode()}, ("99-tuning.conf",), is_sysctls=True)
    text = manifest(example)
    files = {MANIFEST: text.encode()}
    files |= {f"app/{path}": content.encode() for path, content in example.files.items()}
    kubernetes = ".".join(str(part) for part in example.kubernetes)
    words: tuple[str, ...] = (".", "--kubernetes", kubernetes)
    if "Dockerfile" in example.files:
        words = (*words, "--image", f"{_image(text)}=app")
    return Tree(name, files, words)


def _image(text: str) -> str:
    for document in yaml.safe_load_all(text):
        for container in ((document.get("spec") or {}).get("template") or {}).get("spec", {}).get("containers", ()):
            if container.get("name") == "app" and "image" in container:
                return str(container["image"])
    return "registry.example/app"


@cache
def golden_text(name: str) -> str:
    """The objects of a recording, written as YAML."""
    recording = json.loads((_ROOT / "tests" / "golden" / f"{name}.json").read_text(encoding="utf-8"))
    service = recording.get("service")
    objects = [*(recording.get("pods") or ()), *(recording.get("objects") or ()), *([service] if service else ())]
    return "".join(f"---\n{yaml.safe_dump(each, sort_keys=False)}" for each in objects if isinstance(each, dict))


@cache
def seeds() -> tuple[Tree, ...]:
    """All of them, in an order that does not change."""
    return tuple(_seeds())


def _seeds() -> Iterator[Tree]:
    for finding in FINDINGS:
        for number, example in enumerate(finding.bad):
            yield from [example_tree(f"{finding.code}-bad-{number}", example)] * 3  # where there is most to do
        for number, example in enumerate(finding.good):
            yield example_tree(f"{finding.code}-good-{number}", example)
    for recording in sorted((_ROOT / "tests" / "golden").glob("*.json")):
        text = golden_text(recording.stem)
        if text:
            yield Tree(recording.stem, {MANIFEST: text.encode()})
    for folder in ("tests/remedies/texture", "tests/pod/data", "examples", "examples/openapi-web"):
        for file in sorted((_ROOT / folder).iterdir()):
            if file.suffix in (".yaml", ".json") and file.name != "changes.yaml":
                yield Tree(file.name, {file.name: file.read_bytes()})
            elif file.suffix == ".conf":
                yield Tree(file.name, {file.name: file.read_bytes()}, (file.name,), is_sysctls=True)
    yield _whole()


def _whole() -> Tree:
    """Everything that `check` reads, in one repository."""
    script = (_ROOT / "tests" / "pod" / "data" / "entrypoint.sh").read_bytes()
    texts = {
        "k8s/web.yaml": _WEB,
        "docker-compose.yaml": "services:\n  web:\n    image: ${REGISTRY}/shop/web:${TAG}\n    build:\n"
        "      context: ./src\n      dockerfile: Dockerfile\n      target: run\n",
        "skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\nbuild:\n  artifacts:\n    - image: shop/worker\n"
        "      context: src\n      docker: {dockerfile: Dockerfile.worker}\n",
        "src/Dockerfile": _DOCKERFILE,
        "src/Dockerfile.worker": "FROM python:3.12-slim\nCOPY start.sh /\nCMD sh /start.sh | tee /log\n",
        "src/start.sh": "#!/bin/sh\nset -e\nexport A=1\ntrap 'kill $p' TERM\npython -m worker & p=$!\nwait $p\n",
        "lameduck.toml": 'ignore = ["LD4"]\nkubernetes = "1.29"\nexclude = ["vendor"]\n[severity]\nLD201 = "info"\n',
    }
    return Tree("whole", {**{path: text.encode() for path, text in texts.items()}, "src/entrypoint.sh": script})


_DOCKERFILE = """\
# syntax=docker/dockerfile:1
ARG VERSION=3.12
FROM python:${VERSION} AS build
RUN <<EOF
set -e
pip install app
EOF
FROM nginx:1.27 AS run
COPY --from=build /app /app
COPY --chmod=755 entrypoint.sh /entrypoint.sh
SHELL ["/bin/bash", "-c"]
STOPSIGNAL SIGTERM
# lameduck: ignore LD101 -- known
ENTRYPOINT ["/entrypoint.sh"]
CMD ["nginx", "-g", "daemon off;"]
"""
_WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    lameduck.dev/ignore: "LD402: nobody asks; LD301: measured"
spec:
  replicas: 1
  selector: {matchLabels: &labels {app: web}}
  template:
    metadata: {labels: *labels}
    spec:
      terminationGracePeriodSeconds: 10 # short
      containers:
        - name: web
          image: registry.example/shop/web:1
          # lameduck: ignore LD201 -- the gateway waits
          ports: [{containerPort: 8080, name: http}]
          envFrom: [{configMapRef: {name: web}}]
          lifecycle:
            preStop:
              exec: {command: ["/bin/sh", "-c", "sleep 15; kill -QUIT 1"]}
        - name: worker
          image: shop/worker
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 100%, selector: {matchLabels: {app: web}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 1, maxReplicas: 3}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data:
  GRACEFUL_TIMEOUT: "40"
  nginx.conf: |
    worker_shutdown_timeout 30s;
"""
