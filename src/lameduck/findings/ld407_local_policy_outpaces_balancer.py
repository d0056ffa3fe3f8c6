"""LD407: a pod is gone before the balancer has learnt that its node has no other (externalTrafficPolicy Local)."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.findings.words import seconds
from lameduck.pod.case import Case
from lameduck.pod.programs.hook_steps import hook_wait
from lameduck.pod.programs.own_delay import own_delay
from lameduck.pod.programs.receivers import Receiver, receivers
from lameduck.pod.replica_count import ONE_FOR_ANOTHER

__all__ = ["FINDING"]

PAGE = """
## What happens
With externalTrafficPolicy Local a node sends what comes from outside to its own pods only. When the last of them is
marked, the node's health check port answers 503 at once (T89), while the node still hands new connections to the pod
that ends (T87). The balancer learns of it by its health check: after several failed ones, some seconds apart.
When the pod stops accepting before that, what the balancer still sends is dropped, and clients wait until they time
out (T88): worse than a refusal. A delay that holds kube-proxy's lag (T85) is too short here. Google Cloud's default,
for one, is three checks 8 s apart (gceHcCheckIntervalSeconds, gceHcUnhealthyThreshold in its cloud provider).
## How to see it
Requests that time out at each ending, for as long as the health check needs minus the delay. `kubectl get pods -o wide`
shows how often a pod is the only one on its node; `lameduck rehearse` plays no node.
## How to mend it
Wait for longer than the balancer's interval times its threshold, with room for it in the grace:
```yaml
terminationGracePeriodSeconds: 60
containers:
  - lifecycle:
      preStop:
        sleep: {seconds: 30}
```
Or let several pods stand on each node, or drop the policy if nobody needs the clients' addresses. A balancer that
watches the endpoints by itself (MetalLB) is quicker, and one that targets pods does not ask the nodes at all: then a
shorter delay is enough.
"""

_LOCAL = SERVICE.replace("spec:", "spec:\n  type: LoadBalancer\n  externalTrafficPolicy: Local")
_SHORTEST_S = 10
"""Cloud balancers with their defaults need longer; what a hook of this length is for, its author knows."""

BAD = (
    Example(
        "five seconds, which hold kube-proxy's lag and no balancer's health check",
        replicas=3,
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        objects=_LOCAL,
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "a delay that holds the balancer's health checks",
        replicas=3,
        container="lifecycle: {preStop: {sleep: {seconds: 30}}}",
        pod="terminationGracePeriodSeconds: 60",
        objects=_LOCAL,
        only=Witness.FILES,
    ),
    Example(
        "a hook of the image's own, which may wait as long as it takes",
        replicas=3,
        container="lifecycle: {preStop: {exec: {command: [/wait-shutdown]}}}",
        objects=_LOCAL,
        only=Witness.FILES,
    ),
    Example(
        "the policy Cluster: any node sends to any pod",
        replicas=3,
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        objects=SERVICE.replace("spec:", "spec:\n  type: LoadBalancer"),
        only=Witness.FILES,
    ),
    Example(
        "a balancer that sends to pods: the nodes' health check is not asked",
        replicas=3,
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        objects=_LOCAL.replace(
            "  name: web\n",
            "  name: web\n  annotations: {service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip}\n",
        ),
        only=Witness.FILES,
    ),
    Example(
        "MetalLB, whose speakers watch the endpoints",
        replicas=3,
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        objects=_LOCAL.replace("  name: web\n", "  name: web\n  annotations: {metallb.io/address-pool: public}\n"),
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    if case.workload.kind not in (*ONE_FOR_ANOTHER, "StatefulSet", "DaemonSet"):
        return
    for receiver in receivers(case):
        service = receiver.service
        if service.type != "LoadBalancer" or service.external_traffic_policy != "Local" or _asks_no_node(receiver):
            continue
        container = receiver.container
        wait = hook_wait(container.pre_stop)
        if wait.most_s >= _SHORTEST_S or own_delay(case, container) is not None:
            continue
        yield Sighting(
            container.name,
            container.at if container.pre_stop is None else container.pre_stop.at,
            f"Service/{service.name} has externalTrafficPolicy Local, and {container.name} waits "
            f"{seconds(wait.most_s)} before it stops: where it is the only pod of its node, clients wait in vain until "
            "the balancer's health check of the node has failed often enough",
            "Wait for longer than the balancer's check interval times its threshold, unless it watches the endpoints",
            uncertain=True,
        )


def _asks_no_node(receiver: Receiver) -> bool:
    """Whether an annotation says that pods are the targets, or that the balancer watches the endpoints."""
    return any(
        (key.endswith("aws-load-balancer-nlb-target-type") and value == "ip")
        or (key.endswith("aws-load-balancer-type") and value == "nlb-ip")
        or "metallb" in key
        or "kube-vip" in key
        for key, value in receiver.service.annotations
    )


FINDING = Finding(
    "LD407",
    "local-policy-outpaces-balancer",
    Severity.INFO,
    facts=("T85", "T87", "T88", "T89"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
)
