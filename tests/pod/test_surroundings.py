"""What stands beside a workload in its files: budgets, autoscalers, Ingresses, ConfigMaps, annotations."""

import pytest

from lameduck.pod.containers import ConfigMount
from lameduck.pod.objects.manifests import Manifests
from lameduck.pod.reading import read_text
from lameduck.pod.selectors import LabelSelector, Requirement

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {lameduck.dev/ignore: "LD201: the gateway waits"}
spec:
  template:
    metadata:
      labels: {app: web, tier: front}
      annotations: {sidecar.istio.io/inject: "true"}
    spec:
      containers:
        - name: app
          image: web:1
          envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: keys}}]
          env:
            - {name: A, valueFrom: {configMapKeyRef: {name: single, key: a}}}
            - {name: B, value: b}
          volumeMounts:
            - {name: conf, mountPath: /etc/app}
            - {name: one, mountPath: /etc/nginx/nginx.conf, subPath: nginx.conf}
            - {name: scratch, mountPath: /tmp}
      volumes:
        - {name: conf, configMap: {name: files, items: [{key: x, path: y.conf}]}}
        - {name: one, projected: {sources: [{secret: {name: s}}, {configMap: {name: nginx}}]}}
        - {name: scratch, emptyDir: {}}
---
"""


def read(text: str) -> Manifests:
    manifests = read_text(WEB + text, "web.yaml")
    assert manifests.problems == ()
    return manifests


def test_the_config_maps_that_a_container_uses_are_known_by_mount_and_by_variable() -> None:
    (workload,) = read("").workloads
    container = workload.pod.container("app")
    assert container.env_from == ("settings", "single")
    assert container.config_mounts == (
        ConfigMount("files", "/etc/app", items=(("x", "y.conf"),)),
        ConfigMount("nginx", "/etc/nginx/nginx.conf", "nginx.conf"),
    )
    assert container.config_maps == {"settings", "single", "files", "nginx"}


def test_annotations_of_the_object_and_of_its_pods_are_told_apart() -> None:
    (workload,) = read("").workloads
    assert workload.annotations == (("lameduck.dev/ignore", "LD201: the gateway waits"),)
    assert workload.pod.annotations == (("sidecar.istio.io/inject", "true"),)


def test_a_config_map_is_used_by_who_mounts_it_in_the_same_namespace() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {nginx.conf: 'daemon off;'}\n"
    manifests = read(text % "nginx" + "---\n" + text % "other")
    assert [each.is_used_by(manifests.workloads[0]) for each in manifests.config_maps] == [True, False]
    assert manifests.config_maps[0].data == (("nginx.conf", "daemon off;"),)
    elsewhere = read(text % "nginx, namespace: prod")
    assert not elsewhere.config_maps[0].is_used_by(elsewhere.workloads[0])


@pytest.mark.parametrize(
    ("selector", "selects"),
    [
        ("{matchLabels: {app: web}}", True),
        ("{matchLabels: {app: db}}", False),
        ("{matchExpressions: [{key: tier, operator: In, values: [front, back]}]}", True),
        ("{matchExpressions: [{key: tier, operator: NotIn, values: [front]}]}", False),
        ("{matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}", True),
        ("{matchExpressions: [{key: tier, operator: Exists}]}", True),
        ("{matchExpressions: [{key: tier, operator: DoesNotExist}]}", False),
        ("{matchLabels: {app: web}, matchExpressions: [{key: zone, operator: Exists}]}", False),
        ("{}", True),
    ],
)
def test_a_budget_selects_by_labels_and_expressions(selector: str, selects: bool) -> None:
    manifests = read(
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\n"
        f"spec: {{minAvailable: 50%, selector: {selector}}}\n"
    )
    (budget,) = manifests.budgets
    assert budget.min_available == "50%"
    assert budget.max_unavailable is None
    assert budget.selects(manifests.workloads[0]) is selects


def test_an_empty_selector_selects_nothing_in_the_beta_version() -> None:
    text = "apiVersion: policy/%s\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {%s}\n"
    assert read(text % ("v1beta1", "selector: {}")).budgets == ()
    assert read(text % ("v1", "minAvailable: 1")).budgets == ()
    (budget,) = read(text % ("v1", "maxUnavailable: 0, selector: {}")).budgets
    assert (budget.max_unavailable, budget.selector) == (0, LabelSelector())


def test_an_operator_that_nobody_knows_is_named_and_selects_nothing() -> None:
    manifests = read_text(
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\n"
        "spec: {selector: {matchExpressions: [{key: a, operator: Is, values: [b]}]}}\n",
        "web.yaml",
    )
    assert ["write one of In, NotIn, Exists, DoesNotExist" in each.message for each in manifests.problems] == [True]
    assert not Requirement("a", "Is", ("b",)).holds({"a": "b"})


@pytest.mark.parametrize(
    ("text", "scales", "replicas"),
    [
        (
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n"
            "spec: {scaleTargetRef: {kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 9}\n",
            True,
            (2, 9),
        ),
        (
            "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n"
            "spec: {scaleTargetRef: {kind: StatefulSet, name: web}, maxReplicas: 9}\n",
            False,
            (1, 9),
        ),
        (
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\n"
            "spec: {scaleTargetRef: {name: web}}\n",
            True,
            (0, 100),
        ),
    ],
)
def test_an_autoscaler_knows_what_it_scales_and_how_far(text: str, scales: bool, replicas: tuple[int, int]) -> None:
    manifests = read(text)
    (autoscaler,) = manifests.autoscalers
    assert autoscaler.scales(manifests.workloads[0]) is scales
    assert (autoscaler.min_replicas, autoscaler.max_replicas) == replicas


def test_an_ingress_leads_to_the_services_that_it_names() -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {selector: {app: web}}\n---\n"
    manifests = read(
        service % "web"
        + service % "old"
        + service % "none"
        + "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n"
        "  annotations: {kubernetes.io/ingress.class: alb}\nspec:\n"
        "  defaultBackend: {service: {name: old, port: {number: 80}}}\n"
        "  rules: [{http: {paths: [{path: /, backend: {service: {name: web}}}]}}, {host: a}]\n"
    )
    (ingress,) = manifests.ingresses
    assert (ingress.services, ingress.class_name) == (("old", "web"), "alb")
    assert [ingress.leads_to(each) for each in manifests.services] == [True, True, False]


def test_every_surrounding_object_knows_where_it_stands() -> None:
    manifests = read(
        "apiVersion: v1\nkind: List\nitems:\n"
        "  - {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, spec: {selector: {}}}\n"
        "  - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n"
        "  - {apiVersion: v1, kind: Service, metadata: {name: c}, spec: {type: LoadBalancer, selector: {a: b}}}\n"
    )
    budget, config, service = manifests.budgets[0], manifests.config_maps[0], manifests.services[0]
    lines = [each.place(each.at).line - WEB.count("\n") for each in (budget, config, service)]
    assert lines == [4, 5, 6]
    assert service.type == "LoadBalancer"
