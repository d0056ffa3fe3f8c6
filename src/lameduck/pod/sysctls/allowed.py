"""Which sysctls a pod may set in its securityContext, by Kubernetes version (K1, K2).

From Kubernetes: pkg/kubelet/sysctl/{safe_sysctls,allowlist}.go, component-helpers/node/util/sysctl/namespace.go, the
documentation's "Using sysctls in a Kubernetes Cluster" and its kernel version requirements; 1.37 from its pull request
138389.
"""

from collections.abc import Mapping

from lameduck.pod.sysctls.kernel import Scope

__all__ = ["SAFE_SINCE", "is_safe", "kubelet_scope"]

SAFE_SINCE: Mapping[str, tuple[int, int]] = {
    "kernel.shm_rmid_forced": (1, 4),
    "net.ipv4.ip_local_port_range": (1, 4),
    "net.ipv4.tcp_syncookies": (1, 4),
    "net.ipv4.ping_group_range": (1, 18),
    "net.ipv4.ip_unprivileged_port_start": (1, 22),
    "net.ipv4.ip_local_reserved_ports": (1, 27),
    "net.ipv4.tcp_keepalive_time": (1, 29),
    "net.ipv4.tcp_keepalive_intvl": (1, 29),
    "net.ipv4.tcp_keepalive_probes": (1, 29),
    "net.ipv4.tcp_fin_timeout": (1, 29),
    "net.ipv4.tcp_rmem": (1, 32),
    "net.ipv4.tcp_wmem": (1, 32),
    "net.ipv4.tcp_slow_start_after_idle": (1, 37),
    "net.ipv4.tcp_notsent_lowat": (1, 37),
}
"""Sysctls that every kubelet lets a pod set, and since which version; the first three since there are sysctls."""


def is_safe(key: str, kubernetes: tuple[int, int]) -> bool:
    """Whether a kubelet of that version lets every pod set it; others need --allowed-unsafe-sysctls."""
    return key in SAFE_SINCE and kubernetes >= SAFE_SINCE[key]


def kubelet_scope(key: str) -> Scope:
    """Which namespace the kubelet takes a key to belong to, by its prefix. NODE: no kubelet ever lets a pod set it."""
    if key.startswith("net."):
        return Scope.NETWORK
    if key == "kernel.sem" or key.startswith(("kernel.shm", "kernel.msg", "fs.mqueue.")):
        return Scope.IPC
    return Scope.NODE
