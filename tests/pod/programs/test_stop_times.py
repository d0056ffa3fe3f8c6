"""What applications say of their own stop: limits, delays, and whose words they are."""

from dataclasses import replace
from textwrap import dedent, indent

import pytest

from lameduck.pod.case import Case
from lameduck.pod.images.linking import image_of
from lameduck.pod.programs.main_command import environment, main_words, software
from lameduck.pod.programs.own_delay import OwnDelay, own_delay
from lameduck.pod.programs.receivers import receivers
from lameduck.pod.programs.stop_times import stop_time
from lameduck.pod.programs.stores import is_store
from lameduck.pod.reading import read_text


def _case(container: str, pod: str = "", objects: str = "") -> Case:
    """A pod with one container, `app`."""
    text = dedent(
        """\
        apiVersion: v1
        kind: Pod
        metadata: {name: web, labels: {app: web}}
        spec:
        """
    )
    text += indent(dedent(pod), "  ") + "\n  containers:\n  - name: app\n" + indent(dedent(container), "    ")
    manifests = read_text(f"{text}\n{objects}", "web.yaml")
    assert manifests.problems == ()
    (workload,) = manifests.workloads
    images = {each.name: image_of(each) for each in workload.pod.containers}
    return Case(
        workload,
        services=manifests.services_of(workload),
        config_maps={each.name: each for each in manifests.config_maps},
        images={name: image for name, image in images.items() if image is not None},
    )


def _limit(case: Case) -> tuple[float, str] | None:
    limit = stop_time(case, case.workload.pod.container("app"))
    return None if limit is None else (limit.seconds, limit.says)


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ("command: [gunicorn, 'app:app']", "gunicorn app:app"),
        ("command: [tini, -g, --, gunicorn, 'app:app']", "gunicorn app:app"),
        ("command: [sh, -c, 'set -e; ./migrate && exec gunicorn app:app']", "gunicorn app:app"),
        ("command: [poetry, run, uvicorn, 'app:app']", "uvicorn app:app"),
        ("command: [env, MODE=prod, gunicorn, 'app:app']", "gunicorn app:app"),
        ("command: [sh, -c]\nargs: ['dumb-init gunicorn app:app']", "gunicorn app:app"),
        ("command: [sh, -c, 'gunicorn app:app | tee log']", ""),
        ("command: [sh, -c, 'gunicorn app:app &']", ""),
        ("command: [./start.sh]", "./start.sh"),
        ("args: [--port, '80']", "--port 80"),
    ],
)
def test_the_service_is_what_stands_behind_shells_inits_and_runners(container: str, words: str) -> None:
    case = _case(container)
    assert " ".join(main_words(case, case.workload.pod.container("app"))) == words


@pytest.mark.parametrize(
    ("container", "name"),
    [
        ("command: [python3.12, -m, gunicorn, 'app:app']", "gunicorn"),
        ("command: [python, app.py]", None),
        ("image: nginx:1.27", "nginx"),
        ("image: nginx:1.27\nargs: [nginx-debug, -g, daemon off;]", "nginx"),
        ("image: nginx:1.27\ncommand: [/app/server]", None),
        ("image: nginx:1.27\nargs: [/app/server]", None),
        ("image: vllm/vllm-openai:v0.9\nargs: [--model, x]", "vllm"),
        ("command: [php-fpm8.2, -F]", "php-fpm"),
        ("command: [apache2-foreground]", "httpd"),
    ],
)
def test_software_is_known_by_its_command_or_by_its_image(container: str, name: str | None) -> None:
    case = _case(container)
    assert software(case, case.workload.pod.container("app")) == name


@pytest.mark.parametrize(
    ("container", "limit"),
    [
        ("command: [gunicorn, --graceful-timeout, '60', 'app:app']", (60, "--graceful-timeout 60")),
        ("command: [hypercorn, --graceful-timeout=7, 'app:app']", (7, "--graceful-timeout 7")),
        ("command: [uvicorn, --timeout-graceful-shutdown, '45', 'app:app']", (45, "--timeout-graceful-shutdown 45")),
        ("command: [granian, --workers-kill-timeout, '20', 'app:app']", (20, "--workers-kill-timeout 20")),
        ("image: vllm/vllm-openai:v1\nargs: [--shutdown-timeout, '120']", (120, "--shutdown-timeout 120")),
        ("command: [gunicorn, 'app:app']", (30, "gunicorn's graceful timeout is 30 s unless it is set")),
        ("command: [gunicorn, --graceful-timeout, $N, 'app:app']", None),
        ("command: [gunicorn, -c, conf.py, 'app:app']", None),
        ("command: [uvicorn, 'app:app']", None),
        ("command: [/app/server, --graceful-timeout, '60']", None),
        (
            "command: [gunicorn, 'app:app']\nenv: [{name: GUNICORN_CMD_ARGS, value: --graceful-timeout=50 -w 2}]",
            (50, "GUNICORN_CMD_ARGS says 50"),
        ),
        (
            "env: [{name: JAVA_TOOL_OPTIONS, value: -Dspring.lifecycle.timeout-per-shutdown-phase=1m}]",
            (60, "spring.lifecycle.timeout-per-shutdown-phase is 1m"),
        ),
        (
            "args: [--spring.lifecycle.timeout-per-shutdown-phase=PT1M30S]",
            (90, "spring.lifecycle.timeout-per-shutdown-phase is PT1M30S"),
        ),
        (
            "env: [{name: SERVER_SHUTDOWN, value: graceful}]",
            (30, "Spring Boot's shutdown is graceful, by default for up to 30 s"),
        ),
    ],
)
def test_a_limit_is_read_from_command_arguments_and_environment(
    container: str, limit: tuple[float, str] | None
) -> None:
    assert _limit(_case(container)) == limit


@pytest.mark.parametrize(
    ("image", "key", "text", "limit"),
    [
        ("nginx:1.27", "nginx.conf", "worker_shutdown_timeout 2m;", (120, "worker_shutdown_timeout 2m in nginx.conf")),
        ("haproxy:3.0", "haproxy.cfg", "global\n  hard-stop-after 45s", (45, "hard-stop-after 45s in haproxy.cfg")),
        ("haproxy:3.0", "haproxy.cfg", "global\n  hard-stop-after 5000", (5, "hard-stop-after 5000 in haproxy.cfg")),
        ("php:8.3-fpm", "www.conf", "process_control_timeout = 60s", (60, "process_control_timeout = 60s in www.conf")),
        ("nginx:1.27", "nginx.conf", "# worker_shutdown_timeout 2m;", None),
        ("app:1", "nginx.conf", "worker_shutdown_timeout 2m;", None),
        (
            "app:1",
            "application.yaml",
            "spring:\n  lifecycle:\n    timeout-per-shutdown-phase: 50s",
            (50, "spring.lifecycle.timeout-per-shutdown-phase is 50s in application.yaml"),
        ),
    ],
)
def test_a_limit_is_read_from_mounted_configuration(
    image: str, key: str, text: str, limit: tuple[float, str] | None
) -> None:
    container = f"image: {image}\nvolumeMounts: [{{name: conf, mountPath: /etc/app}}]"
    data = indent(text, "    ")
    objects = f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: conf}}\ndata:\n  {key}: |\n{data}\n"
    case = _case(container, "volumes: [{name: conf, configMap: {name: conf}}]", objects)
    assert _limit(case) == limit


def test_a_limit_does_not_count_where_the_stop_signal_ends_the_server_at_once() -> None:
    case = _case("image: postgres:16\ncommand: [gunicorn, --graceful-timeout, '60', 'app:app']")
    assert _limit(case) is None


def test_the_environment_takes_in_config_maps_and_prefers_what_is_written_here() -> None:
    objects = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {A: '1', B: '2'}\n"
    case = _case("env: [{name: B, value: '3'}]\nenvFrom: [{configMapRef: {name: conf}}]", "", objects)
    assert environment(case, case.workload.pod.container("app")) == {"A": "1", "B": "3"}


@pytest.mark.parametrize(
    ("container", "delay"),
    [
        ("args: [--shutdown-delay-duration=15s]", OwnDelay("--shutdown-delay-duration", 15)),  # type: ignore[arg-type]
        ("args: [--shutdown-delay-duration, 1m]", OwnDelay("--shutdown-delay-duration", 60)),  # type: ignore[arg-type]
        ("args: [--shutdown-delay-duration=0s]", None),
        ("env: [{name: PRESTOP_WAIT, value: '5'}]", OwnDelay("PRESTOP_WAIT", None)),
        ("env: [{name: LAME_DUCK, value: '5'}]", OwnDelay("LAME_DUCK", None)),
        ("env: [{name: STOP_LOSS_PERCENT, value: '5'}]", None),
        ("command: [/usr/bin/lameduck, run, /app]", None),
        ("command: [lameduck, run, --lame-duck, 5s, --, /app]", OwnDelay("--lame-duck", 5)),  # type: ignore[arg-type]
        ("command: [lameduck, run, --lame-duck=2s..15s, --, /app]", OwnDelay("--lame-duck", None)),
        ("command: [./podinfo, --port=9898]", OwnDelay("podinfo", 3)),  # type: ignore[arg-type]
        ("command: [./podinfo, --level=debug]", None),
        ("image: ghcr.io/stefanprodan/podinfo:6.9.0", OwnDelay("podinfo", 3)),  # type: ignore[arg-type]
    ],
)
def test_an_application_that_speaks_of_a_delay_is_believed(container: str, delay: OwnDelay | None) -> None:
    case = _case(container)
    assert own_delay(case, case.workload.pod.container("app")) == delay


def _service(ports: str, name: str = "web") -> str:
    head = f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {{selector: {{app: web}}, ports: [{ports}]}}\n"


@pytest.mark.parametrize(
    ("container", "service", "receives"),
    [
        ("image: a", _service("{port: 80}"), True),
        ("ports: [{containerPort: 8080}]", _service("{port: 80, targetPort: 9999}"), False),
        ("ports: [{name: metrics, containerPort: 9090}]", _service("{port: 80, targetPort: 8080}"), True),
        ("ports: [{containerPort: 22222}]", _service("{port: 22222, name: dubbo-qos}"), False),
        ("ports: [{name: http, containerPort: 8080}]", _service("{port: 80, targetPort: http}"), True),
        ("ports: [{name: http, containerPort: 8080}]", _service("{port: 80, targetPort: grpc}"), False),
        ("ports: [{containerPort: 9090}]", _service("{port: 9090, name: http-metrics}"), False),
        ("ports: [{containerPort: 9090}]", _service("{port: 9090}", "web-metrics"), False),
        ("ports: [{containerPort: 9100}]", _service("{port: 9100, name: https}", "node-exporter"), False),
        ("image: a", "", False),
    ],
)
def test_a_container_receives_what_a_service_sends_to_its_port(container: str, service: str, receives: bool) -> None:
    assert bool(receivers(_case(container, "", service))) is receives


def test_a_headless_service_of_a_stateful_set_names_pods_and_spreads_nothing() -> None:
    headless = _service("{port: 80}").replace("spec: {", "spec: {clusterIP: None, ")
    case = _case("image: a", "", headless)
    assert receivers(case)
    assert not receivers(replace(case, workload=replace(case.workload, kind="StatefulSet")))


def test_a_proxy_in_front_of_metrics_receives_no_requests() -> None:
    text = "  - name: kube-rbac-proxy\n    ports: [{name: https, containerPort: 8443}]\n    image: b\n"
    case = _case("image: a", "", f"{text}{_service('{port: 443, targetPort: https}')}")
    assert [receiver.container.name for receiver in receivers(case)] == []


def test_of_several_containers_the_one_that_declares_the_port_receives() -> None:
    text = "  - name: helper\n    image: b\n"
    case = _case("ports: [{containerPort: 8080}]", "", f"{text}{_service('{port: 80, targetPort: 8080}')}")
    assert len(case.workload.pod.containers) == 2
    assert [receiver.container.name for receiver in receivers(case)] == ["app"]


@pytest.mark.parametrize(
    ("image", "store"),
    [
        ("postgres:16", True),
        ("bitnami/postgresql:16", True),
        ("registry.example/my-redis:1", True),
        ("osixia/openldap:1.5", True),
        ("web:1", False),
    ],
)
def test_a_store_is_known_by_its_image(image: str, store: bool) -> None:
    assert is_store(_case(f"image: {image}").workload.pod.container("app")) is store


def test_a_port_tells_a_database_but_not_where_a_proxy_takes_its_connections() -> None:
    port = "ports: [{containerPort: 5432}]"
    assert is_store(_case(f"image: registry.example/shop/catalogue-db:3\n{port}").workload.pod.container("app"))
    assert not is_store(_case(f"image: haproxy:3.0\n{port}").workload.pod.container("app"))
