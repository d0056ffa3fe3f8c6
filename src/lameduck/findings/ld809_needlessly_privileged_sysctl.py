"""LD809: a privileged init container sets what the pod may set by itself."""

from collections.abc import Iterator

from lameduck.findings.at_setting import at_setting
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.sysctls.allowed import is_safe, kubelet_scope
from lameduck.pod.sysctls.kernel import Scope
from lameduck.pod.sysctls.sysctl import Setter, Settings

__all__ = ["FINDING"]

PAGE = """
## What happens
A privileged container may do anything to its node, and must be allowed to by every policy on the way; here it does
what `securityContext.sysctls` does without any privilege: the list of sysctls that every pod may set has grown (K1).
It also costs a start: the pod waits for one more image and one more container, which a rollout feels.
## How to see it
`kubectl get pod POD -o jsonpath='{.spec.initContainers[*].securityContext}'` shows the privilege, and
`kubectl logs POD -c NAME` what was set.
## How to mend it
Write the values into the pod's securityContext, and remove the init container when nothing else is left in it:
```yaml
securityContext:
  sysctls:
    - {name: net.ipv4.ip_local_port_range, value: "20000 60999"}
```
"""

BAD = (
    Example(
        "a privileged container for a safe sysctl",
        pod="""
            initContainers:
              - name: tune
                image: busybox
                command: [sysctl, -w, net.ipv4.tcp_fin_timeout=30]
                securityContext: {privileged: true}
            """,
        only=Witness.FILES,
    ),
    Example(
        "in a script, among others that need it",
        pod="""
            initContainers:
              - name: tune
                image: busybox
                command: [sh, -c]
                args: ['sysctl -w net.core.somaxconn=8192; sysctl -w net.ipv4.tcp_rmem="4096 87380 6291456"']
                securityContext: {privileged: true}
            """,
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "somaxconn is not safe, so this is one way to set it",
        pod="""
            initContainers:
              - name: tune
                image: busybox
                command: [sysctl, -w, net.core.somaxconn=8192]
                securityContext: {privileged: true}
            """,
        only=Witness.FILES,
    ),
    Example(
        "an older cluster, where it is not safe",
        pod="""
            initContainers:
              - name: tune
                image: busybox
                command: [sysctl, -w, net.ipv4.tcp_fin_timeout=30]
                securityContext: {privileged: true}
            """,
        kubernetes=(1, 28),
        only=Witness.FILES,
    ),
    Example(
        "a script that only speaks of sysctl",
        pod="""
            initContainers:
              - name: tune
                image: busybox
                command: [sh, -c, 'echo sysctl -w net.ipv4.tcp_fin_timeout=30; sysctl -w "$KEY=1"']
                securityContext: {privileged: true}
            """,
        only=Witness.FILES,
    ),
)


def in_settings(settings: Settings, kubernetes: tuple[int, int]) -> Iterator[Sighting]:
    if settings.setter is not Setter.INIT:
        return
    for setting in settings:
        in_host = settings.host_network if kubelet_scope(setting.key) is Scope.NETWORK else settings.host_ipc
        if is_safe(setting.key, kubernetes) and not in_host:
            yield at_setting(
                settings,
                setting,
                f"{setting.key} needs no privileged container: every pod may set it in its securityContext",
                f'Write securityContext: {{sysctls: [{{name: {setting.key}, value: "{setting.bare}"}}]}} for the pod',
            )


FINDING = Finding(
    "LD809",
    "needlessly-privileged-sysctl",
    Severity.INFO,
    facts=("K1",),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_settings=in_settings,
)
