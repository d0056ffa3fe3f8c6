"""LD802: a pod sets a sysctl that is not its own: it is rejected, or changes the node for everybody."""

from collections.abc import Iterator

from lameduck.findings.at_setting import at_setting, exists
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.sysctls.allowed import kubelet_scope
from lameduck.pod.sysctls.kernel import Scope, scope_of
from lameduck.pod.sysctls.sysctl import Setter, Setting, Settings

__all__ = ["FINDING"]

PAGE = """
## What happens
Only a part of the kernel's settings belongs to a namespace, so that each pod can have its own: most of `net.*`, and
`kernel.shm*`, `kernel.msg*`, `kernel.sem`, `fs.mqueue.*`. For others no kubelet can be told to let a pod set them: the
pod ends as Failed with the reason SysctlForbidden, and so does one that sets `net.*` with `hostNetwork` (K2). Some
keys of `net.*` are the node's in spite of their prefix, `net.core.rmem_max`, `net.core.netdev_max_backlog` and
`net.ipv4.tcp_mem` among them: the kubelet may let them pass, and then the sandbox cannot be created (K3). A privileged
init container can write the node's settings: for every pod there, and for good (K17).
## How to see it
`kubectl get pod` shows SysctlForbidden, or `kubectl describe pod` FailedCreatePodSandBox. What a pod can have is what
`unshare -n ls /proc/sys/net/core` shows.
## How to mend it
Set the node's values on the node: a file in /etc/sysctl.d, the node pool's settings at your provider, or one DaemonSet
that does it for all nodes. In the pod, set what is the pod's: `tcp_rmem` and `tcp_wmem` in place of `rmem_max`.
"""

BAD = (
    Example(
        "vm.max_map_count in a pod",
        pod="securityContext: {sysctls: [{name: vm.max_map_count, value: '262144'}]}",
        only=Witness.FILES,
    ),
    Example(
        "net.core.rmem_max belongs to the node in spite of its name",
        pod="securityContext: {sysctls: [{name: net.core.rmem_max, value: '26214400'}]}",
        only=Witness.FILES,
    ),
    Example(
        "a network setting in the host's network",
        pod="hostNetwork: true\nsecurityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}]}",
        only=Witness.FILES,
    ),
    Example(
        "an init container that changes the node",
        pod="""
            initContainers:
              - name: tune
                image: busybox
                command: [sysctl, -w, vm.max_map_count=262144]
                securityContext: {privileged: true}
            """,
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "what each pod has for itself",
        pod="securityContext: {sysctls: [{name: net.ipv4.ip_local_port_range, value: 20000 60999}]}",
        only=Witness.FILES,
    ),
    Example(
        "a DaemonSet that sets up each node: that is its purpose",
        whole="""
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: tune}
spec:
  selector:
    matchLabels: {app: tune}
  template:
    metadata:
      labels: {app: tune}
    spec:
      initContainers:
        - name: tune
          image: busybox
          command: [sysctl, -w, vm.max_map_count=262144]
          securityContext: {privileged: true}
      containers:
        - {name: pause, image: registry.k8s.io/pause:3.10}
""",
        only=Witness.FILES,
    ),
    Example("a node's file sets the node", settings="vm.max_map_count = 262144\nnet.core.rmem_max = 26214400\n"),
)


def in_settings(settings: Settings, kubernetes: tuple[int, int]) -> Iterator[Sighting]:  # noqa: ARG001
    for setting in settings:
        if exists(setting.key):
            match settings.setter:
                case Setter.POD:
                    yield from _in_pod(settings, setting)
                case Setter.INIT:
                    yield from _in_init_container(settings, setting)
                case Setter.FILE:
                    return  # a file is for the node


def _in_pod(settings: Settings, setting: Setting) -> Iterator[Sighting]:
    key, scope = setting.key, kubelet_scope(setting.key)
    on_node = f"Set {key} on the node, and remove it here"
    if scope is Scope.NODE:
        rejected = f"{key} belongs to the node: no kubelet lets a pod set it, and the pod fails (SysctlForbidden)"
        yield at_setting(settings, setting, rejected, on_node)
    elif scope is Scope.NETWORK and settings.host_network:
        rejected = f"{key} with hostNetwork would be the node's: the pod is rejected (SysctlForbidden)"
        yield at_setting(settings, setting, rejected, on_node)
    elif scope is Scope.IPC and settings.host_ipc:
        rejected = f"{key} with hostIPC would be the node's: the pod is rejected (SysctlForbidden)"
        yield at_setting(settings, setting, rejected, on_node)
    elif scope_of(key) is Scope.NODE:
        yield at_setting(
            settings,
            setting,
            f"{key} cannot be written in a pod's network namespace: no kubelet's leave helps, the sandbox fails",
            on_node,
        )


def _in_init_container(settings: Settings, setting: Setting) -> Iterator[Sighting]:
    key, scope = setting.key, scope_of(setting.key)
    in_host = (scope is Scope.NETWORK and settings.host_network) or (scope is Scope.IPC and settings.host_ipc)
    if scope is Scope.NODE and key.startswith("net.") and not settings.host_network:
        yield at_setting(
            settings,
            setting,
            f"{key} cannot be written in a pod's network namespace, not even by a privileged container: sysctl fails",
            f"Set {key} on the node, and remove it here",
        )
    elif (scope is Scope.NODE or in_host) and not settings.on_each_node:
        yield at_setting(
            settings,
            setting,
            f"{key} belongs to the node: this changes it for every pod there, and it stays when this pod is gone",
            "Set it once for the node: in /etc/sysctl.d, with the node pool, or in one DaemonSet",
            severity=Severity.INFO,
        )


FINDING = Finding(
    "LD802",
    "sysctl-not-per-pod",
    Severity.ERROR,
    facts=("K2", "K3", "K17"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_settings=in_settings,
)
