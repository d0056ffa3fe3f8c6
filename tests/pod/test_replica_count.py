"""How many pods a workload has, and whose else may stand beside them."""

import pytest

from lameduck.pod.case import Case
from lameduck.pod.programs.receivers import client_services
from lameduck.pod.reading import read_text
from lameduck.pod.replica_count import ReplicaCount, counts_only_these, replica_count, serves_only_these

_WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  %s
  selector: {matchLabels: {app: web, tier: front}}
  template:
    metadata: {labels: {app: web, tier: front, extra: x}}
    spec:
      containers: [{name: app, image: web:1, ports: [{containerPort: 80}]}]
"""
_SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec:\n  selector: {%s}\n  ports: [{port: 80}]\n"
_BUDGET = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec:\n  selector: %s\n"
_SCALER = """---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: s}
spec: {scaleTargetRef: {kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 9}
"""


def _case(text: str) -> Case:
    manifests = read_text(text, "web.yaml")
    assert manifests.problems == ()
    (workload,) = manifests.workloads
    return Case(
        workload,
        services=manifests.services_of(workload),
        budgets=tuple(each for each in manifests.budgets if each.selects(workload)),
        autoscalers=tuple(each for each in manifests.autoscalers if each.scales(workload)),
    )


def test_the_number_that_is_written_counts() -> None:
    assert replica_count(_case(_WEB % "replicas: 3")) == ReplicaCount(3, 3)


def test_a_number_that_nobody_wrote_is_one_and_said_to_be_unwritten() -> None:
    assert replica_count(_case(_WEB % "paused: false")) == ReplicaCount(1, 1, is_written=False)


def test_an_autoscaler_overrules_what_the_workload_says() -> None:
    case = _case(_WEB % "replicas: 1" + _SCALER)
    assert replica_count(case) == ReplicaCount(2, 9, case.autoscalers[0])


@pytest.mark.parametrize(
    ("selector", "alone"),
    [
        ("app: web, tier: front", True),
        ("app: web, tier: front, extra: x", True),
        ("app: web", False),
        ("extra: x", False),
    ],
)
def test_a_service_serves_only_these_pods_if_it_asks_for_all_their_own_labels(selector: str, alone: bool) -> None:
    case = _case(_WEB % "replicas: 1" + _SERVICE % ("web", selector))
    assert serves_only_these(case, case.services[0]) == alone


@pytest.mark.parametrize(
    ("selector", "alone"),
    [("{matchLabels: {app: web, tier: front}}", True), ("{matchLabels: {app: web}}", False), ("{}", False)],
)
def test_a_budget_counts_only_these_pods_if_it_asks_for_all_their_own_labels(selector: str, alone: bool) -> None:
    case = _case(_WEB % "replicas: 1" + _BUDGET % selector)
    assert counts_only_these(case, case.budgets[0]) == alone


def test_without_a_selector_of_its_own_nobody_can_tell() -> None:
    text = (_WEB % "replicas: 1").replace("  selector: {matchLabels: {app: web, tier: front}}\n", "")
    case = _case(text + _SERVICE % ("web", "app: web, tier: front, extra: x"))
    assert not serves_only_these(case, case.services[0])


@pytest.mark.parametrize(
    ("name", "is_for_clients"), [("web", True), ("web-metrics", False), ("web-monitor-service", False)]
)
def test_services_that_only_monitoring_asks_are_not_for_clients(name: str, is_for_clients: bool) -> None:
    case = _case(_WEB % "replicas: 1" + _SERVICE % (name, "app: web"))
    assert bool(client_services(case)) == is_for_clients
