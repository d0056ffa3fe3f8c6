"""Hypothesis strategies that know every kind of pod: as objects, as YAML and JSON text in every manner, and as data.

Objects are valid for the API. `workloads` reads what `texts` writes, so typed data and text cannot drift apart.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeAlias

import yaml
from hypothesis import strategies as st

from lameduck.pod.reading import read_text
from lameduck.pod.texts.scalars import resolve
from lameduck.pod.workloads import Workload

__all__ = [
    "KINDS",
    "containers",
    "handlers",
    "json_values",
    "mutated_texts",
    "objects",
    "odd_objects",
    "pod_specs",
    "probes",
    "renderings",
    "services",
    "texts",
    "workloads",
]

Object: TypeAlias = dict[str, Any]

names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
label_values = names | st.sampled_from(["yes", "1.20", "0755", "null", "on", "2024-01-01", "1:30", "~x", "é", "🦆"])
words = st.sampled_from(
    ["sleep", "5", "5s", "/bin/sh", "-c", "yes", "08", "kill -QUIT 1; wait", "# no comment", "a: b", ""]
)
seconds = st.integers(0, 600)
port_numbers = st.integers(1, 65535)
ports = port_numbers | st.sampled_from(["http", "http-80", "admin"])


class _Dumper(yaml.SafeDumper):
    """Quotes what Kubernetes' reader would not take for text; PyYAML alone would leave n and 08 bare."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(resolve(text), str) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _some(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    """A mapping with any of these keys."""
    return st.fixed_dictionaries({}, optional=optional)


def _with(required: Object, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    return st.fixed_dictionaries(required, optional=optional)


_exec = _with({"command": st.lists(words, min_size=1, max_size=4)})
_headers = st.lists(st.fixed_dictionaries({"name": names, "value": label_values}), max_size=2)
_http_get = _with(
    {"port": ports},
    path=st.sampled_from(["/", "/healthz", "/hook?s=1.6"]),
    host=st.just("127.0.0.1"),
    scheme=st.sampled_from(["HTTP", "HTTPS"]),
    httpHeaders=_headers,
)
_tcp_socket = _with({"port": ports}, host=st.just("localhost"))
_grpc = _with({"port": port_numbers}, service=st.sampled_from(["", "liveness"]))


def _one_of_kinds(**kinds: st.SearchStrategy[Object]) -> st.SearchStrategy[Object]:
    return st.one_of(*(st.fixed_dictionaries({kind: fields}) for kind, fields in kinds.items()))


def handlers() -> st.SearchStrategy[Object]:
    """A lifecycle handler (T28)."""
    return _one_of_kinds(
        exec=_exec, httpGet=_http_get, tcpSocket=_tcp_socket, sleep=st.fixed_dictionaries({"seconds": seconds})
    )


def probes(kind: str = "readinessProbe") -> st.SearchStrategy[Object]:
    """A probe; what only some kinds may have (T73) is left to them."""
    more: dict[str, st.SearchStrategy[Any]] = {
        "initialDelaySeconds": seconds,
        "timeoutSeconds": st.integers(1, 30),
        "periodSeconds": st.integers(1, 60),
        "failureThreshold": st.integers(1, 30),
    }
    if kind == "readinessProbe":
        more["successThreshold"] = st.integers(1, 5)
    else:
        more["terminationGracePeriodSeconds"] = st.integers(1, 600)
    asked = _one_of_kinds(exec=_exec, httpGet=_http_get, tcpSocket=_tcp_socket, grpc=_grpc)
    return st.tuples(asked, _some(**more)).map(lambda both: {**both[0], **both[1]})


def _lifecycle() -> st.SearchStrategy[Object]:
    return _some(
        preStop=handlers(), postStart=handlers(), stopSignal=st.sampled_from(["SIGTERM", "SIGQUIT", "SIGRTMIN+1"])
    )


_environment = st.lists(
    st.one_of(
        st.fixed_dictionaries({"name": names, "value": label_values}),
        st.fixed_dictionaries({"name": names, "valueFrom": st.just({"fieldRef": {"fieldPath": "status.podIP"}})}),
        st.fixed_dictionaries({"name": names}),
    ),
    max_size=3,
)


def containers(role: str = "regular") -> st.SearchStrategy[Object]:
    """A container for `containers`, `initContainers` ("init" or "sidecar") or `ephemeralContainers`."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "command": st.lists(words, min_size=1, max_size=4),
        "args": st.lists(words, max_size=4),
        "env": _environment,
        "workingDir": st.just("/srv"),
        "resources": st.just({"limits": {"cpu": "500m", "memory": "1Gi"}}),
    }
    required: Object = {
        "name": names,
        "image": st.sampled_from(["nginx", "registry.example:5000/team/app:1.0@sha256:0"]),
    }
    if role == "sidecar":
        required["restartPolicy"] = st.just("Always")
    if role in ("regular", "sidecar"):
        port = _with({"containerPort": port_numbers}, name=names, protocol=st.sampled_from(["TCP", "UDP", "SCTP"]))
        fields |= {
            "ports": st.lists(port, max_size=2),
            "lifecycle": _lifecycle(),
            **{kind: probes(kind) for kind in ("startupProbe", "readinessProbe", "livenessProbe")},
        }
    return _with(required, **fields)


def _named_apart(spec: Object) -> Object:
    """Container names are unique within a pod."""
    number = 0
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(key, []):
            container["name"] = f"{container['name']}-{number}"
            number += 1
    return spec


def pod_specs() -> st.SearchStrategy[Object]:
    """A pod's spec, with every mixture of containers."""
    return _with(
        {"containers": st.lists(containers(), min_size=1, max_size=3)},
        initContainers=st.lists(containers("init") | containers("sidecar"), max_size=3),
        ephemeralContainers=st.lists(containers("ephemeral"), max_size=1),
        terminationGracePeriodSeconds=st.integers(0, 3600),
        restartPolicy=st.sampled_from(["Always", "OnFailure", "Never"]),
        hostNetwork=st.booleans(),
        shareProcessNamespace=st.booleans(),
        activeDeadlineSeconds=st.integers(1, 3600),
        os=st.sampled_from([{"name": "linux"}, {"name": "windows"}]),
        volumes=st.just([{"name": "data", "emptyDir": {}}]),
    ).map(_named_apart)


def _metadata(name: str) -> st.SearchStrategy[Object]:
    labels = st.dictionaries(st.sampled_from(["app", "tier", "app.kubernetes.io/name"]), label_values, max_size=3)
    return _with({"name": st.just(name)}, namespace=names, labels=labels, annotations=labels)


_counts = st.integers(0, 5)
_percents = st.integers(1, 100).map(lambda n: f"{n}%")
_surge = _some(maxSurge=st.integers(1, 3) | _percents, maxUnavailable=st.integers(1, 3) | _percents)
_deployment_strategy = st.just({"type": "Recreate"}) | _some(type=st.just("RollingUpdate"), rollingUpdate=_surge)
_update_strategy = st.just({"type": "OnDelete"}) | _some(type=st.just("RollingUpdate"), rollingUpdate=_surge)
_argo_strategy = _one_of_kinds(canary=_surge, blueGreen=st.just({"activeService": "web"}))

_Wrap: TypeAlias = Callable[[Object], Object]
_template: _Wrap = lambda template: {"template": template}  # noqa: E731 - a table of shapes reads best as one
_kserve: _Wrap = lambda template: {"predictor": template["spec"]}  # noqa: E731

KINDS: dict[str, tuple[str, _Wrap, dict[str, st.SearchStrategy[Any]]]] = {
    "Deployment": (
        "apps/v1",
        _template,
        {"replicas": _counts, "strategy": _deployment_strategy, "minReadySeconds": seconds},
    ),
    "StatefulSet": ("apps/v1", _template, {"replicas": _counts, "updateStrategy": _update_strategy}),
    "DaemonSet": ("apps/v1", _template, {"updateStrategy": _update_strategy, "minReadySeconds": seconds}),
    "ReplicaSet": ("apps/v1", _template, {"replicas": _counts}),
    "ReplicationController": ("v1", _template, {"replicas": _counts}),
    "Job": ("batch/v1", _template, {"parallelism": _counts, "backoffLimit": _counts}),
    "CronJob": (
        "batch/v1",
        lambda template: {"jobTemplate": {"spec": {"template": template, "parallelism": 2}}},
        {"schedule": st.just("0 * * * *")},
    ),
    "Rollout": ("argoproj.io/v1alpha1", _template, {"replicas": _counts, "strategy": _argo_strategy}),
    "ScaledJob": ("keda.sh/v1alpha1", lambda template: {"jobTargetRef": {"template": template}}, {}),
    "DeploymentConfig": ("apps.openshift.io/v1", _template, {"replicas": _counts}),
    "Service": ("serving.knative.dev/v1", _template, {}),
    "Configuration": ("serving.knative.dev/v1", _template, {}),
    "Revision": ("serving.knative.dev/v1", lambda template: template["spec"], {}),
    "InferenceService": ("serving.kserve.io/v1beta1", _kserve, {}),
    "CloneSet": ("apps.kruise.io/v1alpha1", _template, {"replicas": _counts}),
    "PyTorchJob": (
        "kubeflow.org/v1",
        lambda template: {"pytorchReplicaSpecs": {"Master": {"replicas": 1, "template": template}}},
        {},
    ),
}
"""Kind: its apiVersion, where the pod template goes in its spec, and what else its spec may say."""


@st.composite
def objects(draw: st.DrawFn, kind: str | None = None) -> Object:
    """A valid object that holds pods: a Pod, a PodTemplate or any of KINDS."""
    if kind is None:
        kind = draw(st.sampled_from(["Pod", "PodTemplate", *KINDS]))
    metadata = draw(_metadata(draw(names)))
    spec = draw(pod_specs())
    if kind == "Pod":
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    template = {"metadata": {"labels": draw(st.just({"app": "web"}) | st.just({}))}, "spec": spec}
    if kind == "PodTemplate":
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "template": template}
    api_version, wrap, more = KINDS[kind]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": metadata,
        "spec": {**draw(_some(**more)), **wrap(template)},
    }


def services() -> st.SearchStrategy[Object]:
    """A core Service with a selector."""
    port = _with({"port": port_numbers}, targetPort=ports, name=names, protocol=st.just("TCP"))
    spec = _with(
        {"selector": st.just({"app": "web"}), "ports": st.lists(port, min_size=1, max_size=2)},
        clusterIP=st.just("None"),
        publishNotReadyAddresses=st.booleans(),
        externalTrafficPolicy=st.sampled_from(["Cluster", "Local"]),
    )
    return st.fixed_dictionaries(
        {"apiVersion": st.just("v1"), "kind": st.just("Service"), "metadata": _metadata("web"), "spec": spec}
    )


def renderings() -> st.SearchStrategy[Callable[[list[Object]], str]]:
    """Ways to write objects down: block and flow YAML, quoted, with Windows line ends, JSON with tabs, in a List."""

    def as_yaml(style: Object) -> Callable[[list[Object]], str]:
        return lambda objs: "".join(f"---\n# a comment\n{yaml.dump(obj, Dumper=_Dumper, **style)}" for obj in objs)

    yaml_styles = st.fixed_dictionaries(
        {
            "default_flow_style": st.sampled_from([False, True, None]),
            "default_style": st.sampled_from([None, None, '"', "'"]),
            "indent": st.sampled_from([2, 4, 7]),
            "width": st.sampled_from([20, 80, 10_000]),
            "allow_unicode": st.booleans(),
            "line_break": st.sampled_from(["\n", "\r\n"]),
            "sort_keys": st.booleans(),
        }
    ).map(as_yaml)
    json_styles = st.sampled_from([None, 2, "\t"]).map(
        lambda indent: lambda objs: "\n".join(json.dumps(obj, indent=indent) for obj in objs)
    )
    plain = yaml_styles | json_styles

    def in_a_list(write: Callable[[list[Object]], str]) -> Callable[[list[Object]], str]:
        return lambda objs: write([{"apiVersion": "v1", "kind": "List", "items": objs}])

    return plain | plain.map(in_a_list)


@st.composite
def texts(draw: st.DrawFn, kind: str | None = None) -> str:
    """A valid manifest with one to three objects, written in any manner."""
    return draw(renderings())(draw(st.lists(objects(kind), min_size=1, max_size=3)))


def workloads(kind: str | None = None) -> st.SearchStrategy[Workload]:
    """A workload of that kind, or any, as data."""
    return objects(kind).map(lambda obj: read_text(json.dumps(obj), "drawn.json").workloads[0])


def json_values() -> st.SearchStrategy[Any]:
    """Anything that a field may hold, right or wrong."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.sampled_from(["", "30", "30s", "yes", "{{ .Values.x }}", "25%", "Always", "-1", "1e3", "080"])
        | st.text(max_size=5)
    )
    return st.recursive(
        leaves, lambda below: st.lists(below, max_size=3) | st.dictionaries(names, below, max_size=3), max_leaves=5
    )


@st.composite
def odd_objects(draw: st.DrawFn) -> Object:
    """An object of the right shape, with some of its values replaced by anything."""
    obj: Object = deepcopy(draw(objects()))  # some of its parts are the strategies' own
    for _ in range(draw(st.integers(1, 4))):
        here: Any = obj
        while isinstance(here, dict | list) and here:
            key = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
            if not (isinstance(here[key], dict | list) and here[key]) or draw(st.integers(0, 3)) == 0:
                here[key] = draw(json_values())
                break
            here = here[key]
    return obj


@st.composite
def mutated_texts(draw: st.DrawFn) -> str:
    """A manifest that something went wrong with: pieces lost, doubled, moved, or foreign ones put in."""
    text: str = draw(texts())
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        new = draw(st.sampled_from(["", text[start:end] * 2, *_FOREIGN]) | st.text(max_size=4))
        text = text[:start] + new + text[end:]
    return text


_FOREIGN = (
    *(
        "\t",
        "\n",
        "\r",
        "---\n",
        "...\n",
        "{{ .Values.x }}",
        "{%",
        "&a ",
        "*a",
        "<<: *a\n",
        "? ",
        "- ",
        ": ",
        "#",
        "|\n",
    ),
    *(
        ">-\n",
        "[",
        "]",
        "{",
        "}",
        "!!int ",
        "!x ",
        "%YAML 1.1\n",
        "\ufeff",
        "\x00",
        "\x85",
        "\u2028",
        "\ud800",
        '"',
        "'",
    ),
)
