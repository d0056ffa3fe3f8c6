"""Documents to workloads and Services, for every kind."""

from pathlib import Path

import pytest

from lameduck.pod.containers import Container, ContainerPort, Probe, Role
from lameduck.pod.handlers import Exec, Grpc, HttpGet, Sleep, TcpSocket
from lameduck.pod.objects.manifests import Manifests
from lameduck.pod.place import FieldPath, Place
from lameduck.pod.reading import read_paths, read_text
from lameduck.pod.workloads import OnDelete, Recreate, RollingUpdate, Strategy, Workload

DATA = Path(__file__).parents[1] / "data"
SHARED = Path(__file__).parents[4] / "shared"
GOLDEN = sorted((DATA / "golden").glob("*.yaml"))


@pytest.fixture(scope="module")
def shop() -> Manifests:
    return read_paths([str(DATA / "every-kind.yaml")])


def workload(manifests: Manifests, title: str) -> Workload:
    return next(each for each in manifests.workloads if each.title == title)


def problems(text: str) -> list[str]:
    return [problem.message for problem in read_text(text, "web.yaml").problems]


def test_every_kind_is_read_without_a_problem(shop: Manifests) -> None:
    assert shop.problems == ()
    assert [each.title for each in shop.workloads] == [
        "Deployment/web",
        "StatefulSet/db",
        "DaemonSet/logs",
        "Job/import-",
        "CronJob/report",
        "Rollout/cart",
        "Rollout/pay",
        "ScaledJob/mail",
        "DeploymentConfig/old",
        "Service/resize",
        "InferenceService/rank-predictor",
        "InferenceService/rank-transformer",
        "PodTemplate/template",
        "PyTorchJob/train-master",
        "PyTorchJob/train-worker",
        "Pod/one",
        "ReplicaSet/set",
    ]
    assert (shop.documents, shop.passed_over) == (16, 1)
    assert all(each.is_complete for each in shop.workloads if each.kind != "InferenceService")


@pytest.mark.parametrize(
    ("title", "replicas", "strategy", "grace_s"),
    [
        ("Deployment/web", 3, RollingUpdate(1, "0%"), 60),
        ("StatefulSet/db", 1, RollingUpdate(0, 1), 30),
        ("DaemonSet/logs", 1, OnDelete(), 30),
        ("Job/import-", 4, OnDelete(), 30),
        ("CronJob/report", 2, OnDelete(), 30),
        ("Rollout/cart", 5, RollingUpdate("20%", 0), 30),
        ("Rollout/pay", 1, RollingUpdate("100%", 0), 30),
        ("ScaledJob/mail", 3, OnDelete(), 30),
        ("DeploymentConfig/old", 2, RollingUpdate(1, 1), 30),
        ("Service/resize", 1, RollingUpdate("100%", 0), 120),
        ("InferenceService/rank-predictor", 1, RollingUpdate("100%", 0), 90),
        ("PodTemplate/template", 1, OnDelete(), 30),
        ("Pod/one", 1, OnDelete(), 0),
        ("ReplicaSet/set", 0, OnDelete(), 30),
    ],
)
def test_each_kind_has_its_own_defaults(
    shop: Manifests, title: str, replicas: int, strategy: Strategy, grace_s: int
) -> None:
    found = workload(shop, title)
    assert (found.replicas, found.strategy, found.pod.termination_grace_period_s) == (replicas, strategy, grace_s)


def test_a_pod_is_read_whole(shop: Manifests) -> None:
    pod = workload(shop, "Deployment/web").pod
    at: FieldPath = ("spec", "template", "spec")
    web: FieldPath = (*at, "containers", 0)
    assert pod.containers == (
        Container("migrate", (*at, "initContainers", 0), Role.INIT, "shop/migrate:1"),
        Container(
            "proxy",
            (*at, "initContainers", 1),
            Role.SIDECAR,
            "envoyproxy/envoy:v1.31.0",
            ports=(ContainerPort(9901, "admin"),),
        ),
        Container(
            "web",
            web,
            Role.REGULAR,
            "shop/web:1",
            command=("/bin/sh", "-c"),
            args=("exec gunicorn shop:app",),
            env=(("PORT", "8080"), ("POD_IP", None), ("EMPTY", "")),
            working_dir="/srv",
            ports=(ContainerPort(8080, "http"), ContainerPort(53, "dns", "UDP")),
            pre_stop=HttpGet(
                "http", (*web, "lifecycle", "preStop", "httpGet"), "/drain", headers=(("X-Why", "preStop"),)
            ),
            post_start=Exec(("touch", "/tmp/up"), (*web, "lifecycle", "postStart", "exec")),
            stop_signal="SIGQUIT",
            startup=Probe(
                Grpc(8080, (*web, "startupProbe", "grpc"), "up"), (*web, "startupProbe"), failure_threshold=30
            ),
            readiness=Probe(
                TcpSocket(8080, (*web, "readinessProbe", "tcpSocket")), (*web, "readinessProbe"), success_threshold=2
            ),
            liveness=Probe(
                Exec(("/live",), (*web, "livenessProbe", "exec")),
                (*web, "livenessProbe"),
                termination_grace_period_s=10,
            ),
        ),
        Container("debugger", (*at, "ephemeralContainers", 0), Role.EPHEMERAL, "busybox"),
    )
    assert (pod.os_name, pod.share_process_namespace, pod.host_network) == ("linux", True, False)
    assert pod.labels == (("app", "web"), ("tier", "front"))
    assert pod.grace_at == (*at, "terminationGracePeriodSeconds")


def test_more_of_the_pod_where_the_kind_shows_it(shop: Manifests) -> None:
    assert workload(shop, "DaemonSet/logs").pod.host_network
    job = workload(shop, "Job/import-").pod
    assert (job.restart_policy, job.active_deadline_s, job.grace_at) == ("Never", 600, None)
    hook = workload(shop, "StatefulSet/db").pod.container("db").pre_stop
    assert isinstance(hook, Sleep)
    assert hook.seconds == 5
    assert workload(shop, "Deployment/web").min_ready_s == 5


def test_containers_without_a_name_have_their_platforms_and_a_model_is_one(shop: Manifests) -> None:
    assert [each.name for each in workload(shop, "Service/resize").pod.containers] == ["user-container"]
    (model,) = workload(shop, "InferenceService/rank-predictor").pod.containers
    assert (model.name, model.image, model.args) == ("kserve-container", None, ("--workers=1",))


def test_places_in_a_list_lead_into_the_list(shop: Manifests) -> None:
    pod = workload(shop, "Pod/one")
    assert pod.at == ("items", 0)
    assert pod.pod.grace_at is not None
    place = pod.place(pod.pod.grace_at)
    line = (DATA / "every-kind.yaml").read_text().splitlines()[place.line - 1]
    assert line[place.column - 1 :].startswith("0, containers:")


def test_a_service_leads_to_the_workloads_its_selector_matches(shop: Manifests) -> None:
    web = workload(shop, "Deployment/web")
    (service,) = shop.services_of(web)
    assert (service.name, service.publish_not_ready_addresses, service.external_traffic_policy) == (
        "web",
        True,
        "Local",
    )
    assert [(port.number, port.target_port, port.name) for port in service.ports] == [
        (80, "http", "http"),
        (9901, 9901, "admin"),
    ]
    assert shop.services_of(workload(shop, "StatefulSet/db")) == ()


def test_what_is_no_workload_passes_silently_and_is_counted() -> None:
    manifests = read_paths([str(DATA / "no-workloads.yaml")])
    assert (manifests.workloads, manifests.services, manifests.problems) == ((), (), ())
    assert (manifests.documents, manifests.passed_over) == (9, 8)  # the ConfigMap is read


def test_the_real_deployment_is_read() -> None:
    (web,) = read_paths([str(DATA / "openapi-web.yaml")]).workloads
    (container,) = web.pod.containers
    assert isinstance(container.pre_stop, Exec)
    assert container.pre_stop.command == ("sleep", "5s")
    assert container.readiness is not None
    assert (container.readiness.initial_delay_s, web.strategy) == (30, RollingUpdate("25%", "25%"))
    assert container.pre_stop is not None
    assert web.place(container.pre_stop.at) == Place(str(DATA / "openapi-web.yaml"), 64, 17)


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_a_recorded_manifest_reads_without_a_problem(path: Path) -> None:
    manifests = read_paths([str(path)])
    assert manifests.problems == ()
    assert manifests.workloads


@pytest.mark.skipif(not (SHARED / "golden").is_dir(), reason=f"put the recordings beside the project: {SHARED}/golden")
def test_every_recorded_manifest_reads_without_a_problem() -> None:
    for path in sorted((SHARED / "golden").glob("*.yaml")):
        manifests = read_paths([str(path)])
        assert manifests.problems == (), path
        assert manifests.workloads, path


def test_a_kustomize_patch_is_read_as_far_as_it_goes() -> None:
    patch = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 5}}}}]}}}
"""
    manifests = read_text(patch, "patch.yaml")
    (web,) = manifests.workloads
    assert manifests.problems == ()
    assert web.pod.container("app").pre_stop is not None
    assert not web.is_complete


def test_a_list_of_one_kind_gives_its_items_their_kind() -> None:
    text = "apiVersion: v1\nkind: PodList\nitems: [{metadata: {name: a}, spec: {containers: [{name: a, image: a}]}}]"
    manifests = read_text(text, "pods.yaml")
    assert [each.title for each in manifests.workloads] == ["Pod/a"]
    assert manifests.problems == ()


def test_lists_in_lists_are_read() -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: []}}"
    inner = f"{{kind: List, apiVersion: v1, items: [{pod}]}}"
    manifests = read_text(f"apiVersion: v1\nkind: List\nitems: [{inner}, 5]", "list.yaml")
    assert manifests.workloads[0].at == ("items", 0, "items", 0)
    assert any("items[1] is 5, which is a number" in problem.message for problem in manifests.problems)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a}]}",
            "This Pod has no apiVersion. Kubernetes wants one: write v1.",
        ),
        (
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}",
            "This Pod has no name. Kubernetes wants one: write it as metadata.name.",
        ),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: oops}",
            'template is "oops", which is text. Kubernetes wants a mapping: write its fields below it, indented.',
        ),
        (
            "apiVersion: v1\nkind: 5\n",
            'kind is 5, which is a number. Kubernetes wants text: write "5".',
        ),
    ],
)
def test_what_is_missing_or_odd_at_the_top_is_told(text: str, message: str) -> None:
    assert problems(text) == [message]


def test_problems_stand_in_the_order_of_the_file_and_once() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: 5}\nspec:\n  hostNetwork: maybe\n  containers: [{name: a}, 7]\n"
    assert [problem.place.line for problem in read_text(text, "web.yaml").problems] == [3, 5, 6]


ROLLOUT = """
apiVersion: apps/v1
kind: {}
metadata: {{name: a}}
spec: {{template: {{spec: {{containers: [{{name: a}}]}}}}, {}}}
"""


@pytest.mark.parametrize(
    ("kind", "spec", "strategy", "messages"),
    [
        ("Deployment", "strategy: {type: Recreate}", Recreate(), []),
        ("Deployment", "strategy: {}", RollingUpdate("25%", "25%"), []),
        ("CloneSet", "updateStrategy: {type: InPlaceIfPossible}", RollingUpdate("25%", "25%"), []),
        (
            "Deployment",
            "strategy: {type: recreate}",
            Recreate(),
            ['type is "recreate", no strategy that Kubernetes knows: write Recreate.'],
        ),
        (
            "Deployment",
            "strategy: {type: Rollin}",
            RollingUpdate("25%", "25%"),
            ['type is "Rollin", no strategy that Kubernetes knows: write RollingUpdate.'],
        ),
        (
            "Deployment",
            "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}",
            RollingUpdate(0, 1),
            ["maxSurge is 0 and maxUnavailable is 0: no pod could ever be replaced. Write maxUnavailable: 1."],
        ),
        (
            "Deployment",
            "strategy: {rollingUpdate: {maxSurge: '1', maxUnavailable: a lot}}",
            RollingUpdate(1, "25%"),
            [
                'maxSurge is "1", which is text. Kubernetes wants a whole number or a percentage: write 1.',
                'maxUnavailable is "a lot", which is text. Kubernetes wants a whole number or a percentage: write 25%.',
            ],
        ),
        (
            "StatefulSet",
            "replicas: -1",
            RollingUpdate(0, 1),
            ["replicas is -1. Kubernetes wants a whole number of pods, at least 0: write one, such as 1."],
        ),
    ],
)
def test_strategies_are_read_and_odd_ones_told(kind: str, spec: str, strategy: Strategy, messages: list[str]) -> None:
    manifests = read_text(ROLLOUT.format(kind, spec), "web.yaml")
    (found,) = manifests.workloads
    assert found.strategy == strategy
    assert [problem.message for problem in manifests.problems] == messages
