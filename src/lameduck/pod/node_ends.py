"""What is left of a pod's grace when its node goes: less than it says, for some reasons and on some nodes.

Spot capacity is taken back with a notice: Amazon EC2 "Spot Instance interruption notices" (two minutes), Google Compute
Engine "Preemption process" and Azure "Spot Virtual Machines" (30 s). Karpenter's label is used on several clouds; none
gives more than two minutes. The cluster autoscaler evicts with the smaller of the pod's grace and its
--max-graceful-termination-sec, 600 by default (its core/scaledown/actuation, evictPod).
"""

from lameduck.pod.durations import Seconds
from lameduck.pod.records import dataclass
from lameduck.pod.workloads import Workload

__all__ = ["NodeEnd", "node_ends"]


@dataclass(frozen=True, slots=True)
class NodeEnd:
    """A way in which nodes go, and the most that it leaves any pod, whatever the pod's own grace is."""

    gives_s: Seconds
    says: str
    """A clause: who gives it, and for what."""
    avoid: str
    """How this workload gets out of its way, in the imperative."""


def _spot(what: str, gives_s: float) -> NodeEnd:
    says = f"{what} is gone {gives_s:.0f} s after its notice"
    return NodeEnd(Seconds(gives_s), says, "keep it off such nodes")


_SPOT = {
    ("cloud.google.com/gke-preemptible", "true"): _spot("a preemptible node of GKE", 30),
    ("cloud.google.com/gke-spot", "true"): _spot("a spot node of GKE", 30),
    ("eks.amazonaws.com/capacityType", "SPOT"): _spot("a spot node of EKS", 120),
    ("karpenter.sh/capacity-type", "spot"): _spot("a spot node", 120),
    ("kubernetes.azure.com/scalesetpriority", "spot"): _spot("a spot node of AKS", 30),
}
_AUTOSCALER = NodeEnd(
    Seconds(600.0),
    "the cluster autoscaler gives it 600 s at most, by default, when it removes a node",
    "raise its --max-graceful-termination-sec",
)
_SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
_NOT_MOVED = ("Pod", "DaemonSet")
"""No autoscaler takes a node away from a pod that nothing makes anew; a node's daemons are no reason to wait."""


def node_ends(workload: Workload) -> tuple[NodeEnd, ...]:
    """The ways in which this workload's nodes may go and that bound its grace, the shortest first."""
    found = [_SPOT[label] for label in workload.pod.node_labels if label in _SPOT]
    if workload.kind not in _NOT_MOVED and dict(workload.pod.annotations).get(_SAFE_TO_EVICT) != "false":
        found.append(_AUTOSCALER)
    return tuple(sorted(found, key=lambda end: end.gives_s))
