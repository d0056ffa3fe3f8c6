"""What a pod's grace is worth when its node goes: which nodes, which pods."""

import pytest

from lameduck.pod.node_ends import node_ends
from lameduck.pod.reading import read_text
from lameduck.pod.workloads import Workload

_TERM = "matchExpressions: [{key: karpenter.sh/capacity-type, operator: %s, values: [%s]}]"


def _workload(kind: str = "Deployment", *, spec: str = "", annotations: str = "{}") -> Workload:
    text = f"""
apiVersion: apps/v1
kind: {kind}
metadata: {{name: web}}
spec:
  template:
    metadata: {{labels: {{app: web}}, annotations: {annotations}}}
    spec:
      containers: [{{name: app, image: app}}]
      {spec}
"""
    manifests = read_text(text, "web.yaml")
    assert manifests.problems == ()
    (workload,) = manifests.workloads
    return workload


def _gives(workload: Workload) -> list[float]:
    return [end.gives_s for end in node_ends(workload)]


def _affinity(*terms: str) -> str:
    required = f"{{nodeSelectorTerms: [{', '.join('{' + term + '}' for term in terms)}]}}"
    return f"affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {required}}}}}"


@pytest.mark.parametrize(
    ("spec", "gives"),
    [
        ("nodeSelector: {karpenter.sh/capacity-type: spot}", [120, 600]),
        ("nodeSelector: {karpenter.sh/capacity-type: on-demand}", [600]),
        ("nodeSelector: {cloud.google.com/gke-spot: 'true'}", [30, 600]),
        (_affinity(_TERM % ("In", "spot")), [120, 600]),
        (_affinity(_TERM % ("In", "spot, on-demand")), [600]),
        (_affinity(_TERM % ("NotIn", "spot")), [600]),
        (_affinity(_TERM % ("In", "spot"), _TERM % ("In", "on-demand")), [600]),
    ],
)
def test_only_what_leaves_no_other_node_makes_a_pod_one_of_a_spot_node(spec: str, gives: list[float]) -> None:
    assert _gives(_workload(spec=spec)) == gives


def test_a_daemon_is_no_reason_for_the_autoscaler_to_wait() -> None:
    assert _gives(_workload("DaemonSet")) == []


def test_the_autoscaler_leaves_pods_alone_that_say_so() -> None:
    key = "cluster-autoscaler.kubernetes.io/safe-to-evict"
    assert _gives(_workload(annotations=f"{{{key}: 'false'}}")) == []
    assert _gives(_workload(annotations=f"{{{key}: 'true'}}")) == [600]
