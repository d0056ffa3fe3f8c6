"""Who plays which container, on which port."""

import pytest

from lameduck.pod.objects.manifests import Manifests
from lameduck.pod.place import InputError
from lameduck.pod.reading import read_text
from lameduck.rehearse.casting import Cast, cast_pod

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: web, labels: {{app: web}}}}
spec:
  initContainers:
    - {{name: migrate, image: x, command: [migrate]}}
    - {{name: proxy, image: x, restartPolicy: Always, ports: [{{containerPort: 15001, name: proxy}}]}}
  containers:
    - name: app
      image: x
      {command}
      env: [{{name: MODE, value: prod}}, {{name: SECRET, valueFrom: {{fieldRef: {{fieldPath: x}}}}}}]
      ports:
        - {{containerPort: 9000, name: metrics}}
        - {{containerPort: 8080, name: http}}
        - {{containerPort: 53, protocol: UDP}}
      livenessProbe: {{httpGet: {{port: 8081}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: http}}]}}
"""


def manifests(command: str = "command: [sleep, '60']") -> Manifests:
    return read_text(POD.format(command=command), "pod.yaml")


def cast(*runs: str, command: str = "command: [sleep, '60']") -> Cast:
    read = manifests(command)
    return cast_pod(read.workloads[0], read.services, runs)


def test_the_service_decides_which_container_and_port_serve() -> None:
    serving = cast().serving
    assert serving is not None
    assert serving.container.name == "app"
    assert serving.ports == (8080, 9000, 8081)


def test_without_a_service_the_first_declared_port_serves() -> None:
    serving = cast_pod(manifests().workloads[0], (), ()).serving
    assert serving is not None
    assert serving.ports[0] == 9000


def test_the_manifests_own_command_is_the_default_and_run_replaces_it() -> None:
    assert [part.words for part in cast().parts] == [("sleep", "60")]
    played = cast("app=serve --on '{host}:{port}' $HOME", "proxy=sleep 5")
    assert [part.words for part in played.parts] == [("sleep", "5"), ("serve", "--on", "{host}:{port}", "$HOME")]


def test_what_is_not_played_is_said() -> None:
    assert cast().notes == (
        "container migrate is not played: init containers are not played",
        "container proxy is not played: the image decides what it runs",
    )


def test_placeholders_are_filled_in_and_other_braces_left_alone() -> None:
    (_, app) = cast(
        "proxy=true", 'app=serve {port} {port:metrics} {port:8081} {host} {replica} {"a": {1}} {PORT}'
    ).parts
    ports = {8080: 20001, 9000: 20002, 8081: 20003}
    assert app.argv(ports=ports, host="127.0.0.1", replica=3) == (
        *("serve", "20001", "20002", "20003", "127.0.0.1", "3"),
        *("{a:", "{1}}", "{PORT}"),
    )


def test_a_placeholder_for_a_port_that_is_not_there_is_named() -> None:
    (app,) = cast("app=serve {port:admin}").parts
    with pytest.raises(InputError, match=r"\{port:admin\} names a port that container app does not have"):
        app.argv(ports={8080: 1, 9000: 2, 8081: 3}, host="127.0.0.1", replica=1)


def test_the_environment_has_the_manifests_values_and_the_ports() -> None:
    (app,) = cast().parts
    env = app.env({"PATH": "/bin"}, ports={8080: 1, 9000: 2, 8081: 3}, host="127.0.0.1", replica=2)
    assert env == {
        "PATH": "/bin",
        "MODE": "prod",
        "HOST": "127.0.0.1",
        "REPLICA": "2",
        "LAMEDUCK_REHEARSAL": "1",
        "PORT": "1",
        "PORT_8080": "1",
        "PORT_9000": "2",
        "PORT_8081": "3",
    }


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("nginx=serve", r"there is no container 'nginx'\. The pod has: migrate, proxy, app\."),
        ("serve", r"'serve' does not say which container\. Write --run CONTAINER=COMMAND\."),
        ("app=", r"the command is empty"),
        ("app=echo 'half", r"cannot be split into words: no closing quotation"),
    ],
)
def test_a_run_that_cannot_be_used_says_why(run: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cast(run)


@pytest.mark.parametrize(
    ("command", "why"),
    [("", "the image decides what it runs"), ("command: [no-such-program]", "no-such-program is not on this machine")],
)
def test_a_serving_container_that_nothing_plays_is_bad_input_with_its_place(command: str, why: str) -> None:
    with pytest.raises(InputError, match=rf"pod\.yaml:10:7: container app has no command that runs here: {why}"):
        cast(command=command)
