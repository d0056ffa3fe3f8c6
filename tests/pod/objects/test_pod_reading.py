"""Pods with values that are not what Kubernetes wants: told kindly, and read as meant."""

from typing import Any

import pytest

from lameduck.pod.containers import Container, Role
from lameduck.pod.handlers import Exec, HttpGet, Sleep, TcpSocket
from lameduck.pod.objects.manifests import Manifests
from lameduck.pod.reading import read_text
from lameduck.pod.workloads import PodSpec


def read(spec: str) -> tuple[PodSpec, list[str]]:
    """The pod of that spec (flow style), and what was said about it."""
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  {spec}\n"
    manifests: Manifests = read_text(text, "web.yaml")
    return manifests.workloads[0].pod, [str(problem) for problem in manifests.problems]


def container(fields: str, key: str = "containers") -> tuple[Container, list[str]]:
    pod, said = read(f"{key}: [{{name: app, {fields}}}]")
    return pod.containers[0], [line.split(": ", 1)[1] for line in said]


def test_the_sentence_of_the_style_guide() -> None:
    pod, said = read("terminationGracePeriodSeconds: 30s")
    assert said == [
        'web.yaml:5:34: terminationGracePeriodSeconds is "30s", which is text. '
        "Kubernetes wants whole seconds: write 30."
    ]
    assert pod.termination_grace_period_s == 30


@pytest.mark.parametrize(
    ("written", "grace_s", "advice"),
    [
        ("080", 80, None),
        ("1e2", 100, None),
        ("45.0", 45, None),
        ("010", 8, None),
        ("3000000000", 3000000000, None),
        ("null", 30, None),
        ("'45'", 45, 'is "45", which is text. Kubernetes wants whole seconds: write 45.'),
        ("1m", 60, 'is "1m", which is text. Kubernetes wants whole seconds: write 60.'),
        ("45.5", 30, "is 45.5, which is not a whole number. Kubernetes wants whole seconds: write a number"),
        ("yes", 30, "is yes, which is true to YAML unless it stands between quotes."),
        ("true", 30, "is true, which is a boolean. Kubernetes wants whole seconds"),
        ("long", 30, 'is "long", which is text. Kubernetes wants whole seconds: write a number, such as 30.'),
        ("[30]", 30, "is a list. Kubernetes wants whole seconds"),
        ("{s: 30}", 30, "is a mapping. Kubernetes wants whole seconds"),
        ("1e30", 30, "is 1e30, which is a number. Kubernetes wants whole seconds"),
        (
            "99999999999999999999",
            30,
            "Kubernetes wants whole seconds, at most 9,223,372,036,854,775,807: write one, such as 30.",
        ),
        ("-5", 1, "is -5. Kubernetes turns a negative grace into 1: write 1, or the seconds that the pod needs."),
        ("'{{ .Values.grace }}'", 30, 'is "{{ .Values.grace }}", a template that is not rendered. Render it first'),
    ],
)
def test_a_grace_is_what_the_api_makes_of_it_or_told(written: str, grace_s: int, advice: str | None) -> None:
    pod, said = read(f"terminationGracePeriodSeconds: {written}")
    assert pod.termination_grace_period_s == grace_s
    assert len(said) == (advice is not None)
    assert advice is None or advice in said[0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("image: 5", 'image is 5, which is a number. Kubernetes wants text: write "5".'),
        ("args: [8080, x]", 'args[0] is 8080, which is a number. Kubernetes wants text: write "8080".'),
        (
            "args: [yes]",
            "args[0] is yes, which is true to YAML unless it stands between quotes. "
            'Kubernetes wants text: write "yes".',
        ),
        ("args: [~]", 'args[0] is empty. Kubernetes wants text: write "~".'),
        ("args: [[a]]", "args[0] is a list. Kubernetes wants text: write text here."),
        (
            "command: sleep 5",
            'command is "sleep 5", which is text. Kubernetes wants a list: write ["sleep", "5"].',
        ),
        (
            "command: 'a && b'",
            'command is "a && b", which is text. Kubernetes wants a list: write ["sh", "-c", "a && b"].',
        ),
        ("env: [{name: A, value: 5}]", 'value is 5, which is a number. Kubernetes wants text: write "5".'),
        ("env: [{value: a}]", "This variable has no name. Kubernetes wants one: write name: VAR, say."),
        ("env: {A: b}", 'env is a mapping. Kubernetes wants a list: write its items below it, each after "- ".'),
        (
            "env: [A=b]",
            'env[0] is "A=b", which is text. Kubernetes wants a mapping: write its fields, such as name, here.',
        ),
        (
            "ports: [{containerPort: '80'}]",
            'containerPort is "80", which is text. Kubernetes wants a port number: write 80.',
        ),
        (
            "ports: [{containerPort: 70000}]",
            "containerPort is 70000. Kubernetes wants a port number, at most 65,535: write one, such as 8080.",
        ),
        ("ports: [{name: http}]", "This port has no containerPort. Kubernetes wants one: write its number."),
        (
            "lifecycle: 5",
            "lifecycle is 5, which is a number. Kubernetes wants a mapping: write its fields below it, indented.",
        ),
    ],
)
def test_an_odd_value_of_a_container_is_told(fields: str, message: str) -> None:
    assert container(fields)[1] == [message]


def test_what_is_meant_unmistakably_is_used() -> None:
    assert container("command: 'sleep \"5 s\"'")[0].command == ("sleep", "5 s")
    assert container("args: [8080]")[0].args == ("8080",)
    assert container("ports: [{containerPort: '80'}]")[0].ports[0].number == 80
    assert container("ports: [{containerPort: 70000}]")[0].ports == ()


HANDLERS = "Kubernetes wants exactly one of exec, httpGet, sleep or tcpSocket: write one."


@pytest.mark.parametrize(
    ("hook", "handler", "message"),
    [
        ("{exec: {command: [sleep, '5']}}", Exec, None),
        ("{httpGet: {port: 80}}", HttpGet, None),
        ("{tcpSocket: {port: http}}", TcpSocket, None),
        ("{sleep: {seconds: 0}}", Sleep, None),
        ("null", None, None),
        ("{exec: null, sleep: {seconds: 1}}", Sleep, None),
        ("{}", None, f"preStop holds no handler. {HANDLERS}"),
        ("{grpc: {port: 80}}", None, f"preStop holds no handler. {HANDLERS}"),
        (
            "{exec: {command: [a]}, sleep: {seconds: 1}}",
            Exec,
            "preStop holds exec and sleep. Kubernetes wants exactly one handler: keep one.",
        ),
        ("{exec: {command: []}}", None, 'exec holds no command. Kubernetes wants a list: write ["sleep", "5"], say.'),
        ("{exec: {}}", None, 'exec holds no command. Kubernetes wants a list: write ["sleep", "5"], say.'),
        (
            "{exec: {command: sleep 5}}",
            Exec,
            'command is "sleep 5", which is text. Kubernetes wants a list: write ["sleep", "5"].',
        ),
        ("{httpGet: {path: /}}", None, "httpGet names no port. Kubernetes wants one: write port: 8080, say."),
        (
            "{httpGet: {port: 0}}",
            None,
            "port is 0. Kubernetes wants a port number, at least 1: write one, such as 8080.",
        ),
        (
            "{httpGet: {port: '8080'}}",
            HttpGet,
            'port is "8080", which is text. Kubernetes wants a port number: write 8080.',
        ),
        (
            "{httpGet: {port: 80, scheme: https}}",
            HttpGet,
            'scheme is "https". Kubernetes wants HTTP or HTTPS: write HTTPS.',
        ),
        ("{tcpSocket: {}}", None, "tcpSocket names no port. Kubernetes wants one: write port: 8080, say."),
        ("{sleep: {seconds: 5s}}", Sleep, 'seconds is "5s", which is text. Kubernetes wants whole seconds: write 5.'),
        (
            "{sleep: {seconds: -1}}",
            None,
            "seconds is -1. Kubernetes wants whole seconds, at least 0: write one, such as 1.",
        ),
        (
            "{sleep: 5}",
            None,
            "sleep is 5, which is a number. Kubernetes wants a mapping: write its fields below it, indented.",
        ),
    ],
)
def test_a_hook_is_exactly_one_handler(hook: str, handler: type[Any] | None, message: str | None) -> None:
    read_one, said = container(f"lifecycle: {{preStop: {hook}}}")
    assert said == ([] if message is None else [message])
    assert read_one.pre_stop is None if handler is None else isinstance(read_one.pre_stop, handler)


def test_an_http_get_has_the_apis_defaults() -> None:
    hook = container("lifecycle: {preStop: {httpGet: {port: 80}}}")[0].pre_stop
    assert isinstance(hook, HttpGet)
    assert (hook.url_path, hook.host, hook.scheme, hook.headers) == ("/", None, "HTTP", ())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            "readinessProbe: {tcpSocket: {port: 80}, terminationGracePeriodSeconds: 5}",
            "A readinessProbe has no terminationGracePeriodSeconds, because it kills nothing. Remove it.",
        ),
        (
            "livenessProbe: {tcpSocket: {port: 80}, successThreshold: 2}",
            "successThreshold is 2. Kubernetes wants 1 for a livenessProbe: write 1.",
        ),
        (
            "livenessProbe: {tcpSocket: {port: 80}, terminationGracePeriodSeconds: 0}",
            "terminationGracePeriodSeconds is 0. Kubernetes wants whole seconds, at least 1: write one, such as 1.",
        ),
        (
            "livenessProbe: {periodSeconds: 5}",
            "livenessProbe holds no handler. "
            "Kubernetes wants exactly one of exec, httpGet, tcpSocket or grpc: write one.",
        ),
        (
            "startupProbe: {grpc: {port: http}}",
            'port is "http", which is text. Kubernetes wants a port number (grpc takes no names): '
            "write a number, such as 8080.",
        ),
        ("startupProbe: {grpc: {}}", "grpc names no port. Kubernetes wants one: write port: 8080, say."),
    ],
)
def test_an_odd_probe_is_told(fields: str, message: str) -> None:
    assert container(fields)[1] == [message]


def test_a_readiness_probe_causes_no_kill() -> None:
    probe = container("readinessProbe: {tcpSocket: {port: 80}, terminationGracePeriodSeconds: 5}")[0].readiness
    assert probe is not None
    assert probe.termination_grace_period_s is None


def test_zero_in_a_probe_counts_as_not_written() -> None:
    probe = container("readinessProbe: {tcpSocket: {port: 80}, timeoutSeconds: 0, periodSeconds: 0}")[0].readiness
    assert probe is not None
    assert (probe.timeout_s, probe.period_s) == (1, 10)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("initContainers", "An init container takes no {}. Remove it, or make this a sidecar: restartPolicy: Always."),
        ("ephemeralContainers", "An ephemeral container takes no {}. Remove it."),
    ],
)
def test_who_has_no_hooks_and_probes(key: str, message: str) -> None:
    read_one, said = container(
        "lifecycle: {preStop: {sleep: {seconds: 1}}}, livenessProbe: {tcpSocket: {port: 1}}", key
    )
    assert said == [message.format("lifecycle"), message.format("livenessProbe")]
    assert read_one.pre_stop is not None


def test_a_sidecar_has_hooks_and_probes() -> None:
    read_one, said = container("restartPolicy: Always, lifecycle: {preStop: {sleep: {seconds: 1}}}", "initContainers")
    assert (read_one.role, said) == (Role.SIDECAR, [])


def test_containers_stand_in_the_order_of_the_spec_init_containers_first() -> None:
    pod, said = read(
        "{containers: [{name: b}, {name: a}], initContainers: [{name: z}], ephemeralContainers: [{name: e}]}"
    )
    assert [each.name for each in pod.containers] == ["z", "b", "a", "e"]
    assert said == []


def test_a_container_without_a_name_gets_its_number() -> None:
    pod, said = read("containers: [{image: a}, {image: b}]")
    assert [each.name for each in pod.containers] == ["container-0", "container-1"]
    assert said[1] == "web.yaml:5:28: This container has no name. Kubernetes wants one: write name: app, say."


def test_two_containers_of_one_name_are_told() -> None:
    _, said = read("containers: [{name: a}, {name: a}]")
    assert said == ["web.yaml:5:27: Two containers have the name a, the first in line 5. Give each its own name."]


def test_a_pod_without_containers_is_told() -> None:
    assert read("containers: []")[1] == [
        "web.yaml:5:15: containers holds none. Kubernetes wants at least one: write - name: app, say."
    ]


def test_an_odd_restart_policy_is_told_and_meant() -> None:
    pod, said = read("restartPolicy: never")
    assert pod.restart_policy == "Never"
    assert said[0].endswith('restartPolicy is "never". Kubernetes wants Always, OnFailure or Never: write Never.')


@pytest.mark.parametrize(
    ("written", "flag", "advice"),
    [
        ("yes", True, None),
        ("'true'", True, 'is "true", which is text. Kubernetes wants true or false: write true.'),
        ("1", False, "is 1, which is a number. Kubernetes wants true or false: write false."),
        ("[]", False, "is a list. Kubernetes wants true or false: write false."),
    ],
)
def test_flags(written: str, flag: bool, advice: str | None) -> None:
    pod, said = read(f"hostNetwork: {written}")
    assert pod.host_network is flag
    assert advice is None or said[0].endswith(advice)
    assert len(said) == (advice is not None)


def test_a_long_value_is_shortened() -> None:
    _, said = read(f"terminationGracePeriodSeconds: {'x' * 500}")
    assert len(said[0]) < 250
