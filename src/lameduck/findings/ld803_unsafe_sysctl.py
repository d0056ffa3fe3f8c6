"""LD803: a pod sets a sysctl that its kubelet must have been told to allow."""

from collections.abc import Iterator

from lameduck.findings.at_setting import at_setting, exists
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.sysctls.allowed import SAFE_SINCE, is_safe, kubelet_scope
from lameduck.pod.sysctls.kernel import Scope, scope_of
from lameduck.pod.sysctls.sysctl import Setter, Settings

__all__ = ["FINDING"]

PAGE = """
## What happens
A kubelet lets every pod set a short list of sysctls that it calls safe; the list has grown with its versions (K1). For
all others it must have been started with `--allowed-unsafe-sysctls`. If not, the pod is scheduled, rejected by the
kubelet with the reason SysctlForbidden, and stays Failed; its Deployment makes the next one, which fails the same way.
A rollout that should have been graceful leaves a trail of Failed pods, and never ends.
## How to see it
`kubectl get pods` shows SysctlForbidden; `kubectl get events --field-selector reason=SysctlForbidden`.
## How to mend it
Allow it on the nodes that run these pods, and keep them there with a node selector and a taint. Or do without:
`net.core.somaxconn` is 4096 by default since Linux 5.4, which is enough for most servers. A safe sysctl of a newer
Kubernetes needs nothing but the update.
"""

BAD = (
    Example(
        "somaxconn is not on the list of any version",
        pod="securityContext: {sysctls: [{name: net.core.somaxconn, value: '65535'}]}",
        only=Witness.FILES,
    ),
    Example(
        "tcp_rmem is safe since 1.32, and the cluster is older",
        pod="securityContext: {sysctls: [{name: net.ipv4.tcp_rmem, value: 4096 87380 6291456}]}",
        kubernetes=(1, 31),
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "tcp_rmem on 1.32",
        pod="securityContext: {sysctls: [{name: net.ipv4.tcp_rmem, value: 4096 87380 6291456}]}",
        kubernetes=(1, 32),
        only=Witness.FILES,
    ),
    Example(
        "with slashes, as is allowed since 1.25",
        pod="securityContext: {sysctls: [{name: net/ipv4/tcp_fin_timeout, value: '30'}]}",
        only=Witness.FILES,
    ),
)


def in_settings(settings: Settings, kubernetes: tuple[int, int]) -> Iterator[Sighting]:
    if settings.setter is not Setter.POD:
        return
    for setting in settings:
        key, scope = setting.key, kubelet_scope(setting.key)
        shared = settings.host_network if scope is Scope.NETWORK else settings.host_ipc
        # What no leave makes possible is LD801's and LD802's.
        if scope is Scope.NODE or shared or scope_of(key) is Scope.NODE or not exists(key) or is_safe(key, kubernetes):
            continue
        since, now = SAFE_SINCE.get(key), _version(kubernetes)
        if since is None:
            message = f"{key} is unsafe to Kubernetes: a kubelet that was not told to allow it rejects the pod"
            mend = f"Allow it where this pod runs (kubelet --allowed-unsafe-sysctls={key}), or remove it"
        else:
            message = f"{key} is safe since Kubernetes {_version(since)}: a kubelet of {now} rejects the pod"
            mend = f"Update, allow it where this pod runs (kubelet --allowed-unsafe-sysctls={key}), or remove it"
        yield at_setting(settings, setting, f"{message} (SysctlForbidden)", mend)


def _version(kubernetes: tuple[int, int]) -> str:
    return ".".join(map(str, kubernetes))


FINDING = Finding(
    "LD803",
    "unsafe-sysctl",
    Severity.WARNING,
    facts=("K1",),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_settings=in_settings,
)
