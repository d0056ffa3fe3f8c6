"""A manifest for a bare command, so that a rehearsal without files takes the same road as one with them."""

import shlex
from collections.abc import Sequence
from typing import Any

import yaml

from lameduck.pod.place import InputError

__all__ = ["DEFAULT_GRACE_S", "DEFAULT_PORT", "made_up_manifest"]

DEFAULT_GRACE_S = 5
"""A made-up pod's grace. Kubernetes' default is 30 (T5); with 5 the first verdict is there in ten seconds, also for a
program that never hears of its end."""

DEFAULT_PORT = 8080
"""The container port that stands in the made-up manifest when none is named; the command sees it as {port} and PORT."""


def made_up_manifest(
    command: Sequence[str], *, port: int | None, pre_stop: str | None, grace_s: int | None, replicas: int
) -> str:
    """YAML of a Deployment for that command, with one container named app.

    With a port it serves: there is a tcpSocket readiness probe and a Service; without, it is a worker. `pre_stop` is
    "5" or "sleep:5", "exec:COMMAND" or "http:/PATH". Raises InputError if it is none of these.
    """
    words = [word.replace("{port}", str(port or DEFAULT_PORT)).replace("{host}", "0.0.0.0") for word in command]
    container: dict[str, Any] = {"name": "app", "image": "app:latest", "command": words}
    if port is not None:
        container["ports"] = [{"name": "http", "containerPort": port}]
        container["readinessProbe"] = {"tcpSocket": {"port": "http"}, "periodSeconds": 1}
    if pre_stop is not None:
        container["lifecycle"] = {"preStop": _handler(pre_stop)}
    grace = DEFAULT_GRACE_S if grace_s is None else grace_s
    pod = {"terminationGracePeriodSeconds": grace, "containers": [container]}
    labels = {"app": "app"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app"},
        "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }
    documents = [deployment] if port is None else [deployment, service]
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True)


def _handler(text: str) -> dict[str, Any]:
    kind, colon, rest = text.partition(":")
    if not colon:
        kind, rest = "sleep", text
    match kind.strip():
        case "sleep" if rest.strip().removesuffix("s").isdigit():
            return {"sleep": {"seconds": int(rest.strip().removesuffix("s"))}}
        case "exec" if rest.strip():
            try:
                return {"exec": {"command": shlex.split(rest)}}
            except ValueError:
                pass
        case "http" if rest.startswith("/"):
            return {"httpGet": {"path": rest, "port": "http"}}
        case _:
            pass
    raise InputError(
        f"{text!r} is not a preStop hook.", at="--pre-stop", do="Write 5, sleep:5, exec:COMMAND or http:/PATH."
    )
