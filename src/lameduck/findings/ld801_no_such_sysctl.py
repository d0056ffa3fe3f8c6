"""LD801: a sysctl that the kernel does not have: it is gone, or misspelt."""

from collections.abc import Iterator

from lameduck.findings.at_setting import at_setting, what_fails
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.sysctls.kernel import GONE, meant
from lameduck.pod.sysctls.sysctl import Setter, Settings

__all__ = ["FINDING"]

PAGE = """
## What happens
The kernel has no such key. `sysctl -p` says `cannot stat /proc/sys/...: No such file or directory`, goes on with the
next line and exits with 1; busybox's sysctl stops there (K9). A pod that asks for it cannot start (K3). Old advice
keeps naming keys that are gone: `tcp_tw_recycle` left with Linux 4.12, because it dropped connections from behind NAT
(K19).
## How to see it
`ls /proc/sys/net/ipv4/` shows what there is; `sysctl -p FILE; echo $?` shows what fails.
## How to mend it
Remove the line, or write the key that was meant. If the line is for old kernels on purpose, begin it with `-`: then a
failure is not reported.
"""

BAD = (
    Example("tcp_tw_recycle is gone since Linux 4.12", settings="net.ipv4.tcp_tw_recycle = 1\n"),
    Example("a letter too few", settings="net.ipv4.tcp_max_tw_bucket = 5000\n"),
    Example("the right name in the wrong folder", settings="net.ipv4.somaxconn = 1024\n"),
    Example(
        "a pod that asks for a key that is gone",
        pod="securityContext: {sysctls: [{name: net.ipv4.tcp_tw_recycle, value: '1'}]}",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example("a key that may be missing, and says so", settings="-net.ipv4.tcp_tw_recycle = 1\n"),
    Example(
        "keys of modules and of interfaces", settings="net.bridge.bridge-nf-call-iptables=1\nnet.ipv4.conf.eth0.x=1\n"
    ),
    Example("a key that is newer than this table", settings="net.ipv4.tcp_entirely_new_thing = 1\n"),
)


def in_settings(settings: Settings, kubernetes: tuple[int, int]) -> Iterator[Sighting]:  # noqa: ARG001
    for setting in settings:
        if setting.may_fail or any(wild in setting.key for wild in "*?["):
            continue
        severity = Severity.ERROR if settings.setter is Setter.POD else None
        fails = what_fails(settings.setter)
        if (gone := GONE.get(setting.key)) is not None:
            since = f"Linux has no {setting.key} any more" + (f" (the last was {gone.until})" if gone.until else "")
            yield at_setting(settings, setting, f"{since}: {fails}", gone.instead, severity=severity, at_key=True)
        elif (right := meant(setting.key)) is not None:
            yield at_setting(
                settings,
                setting,
                f"Linux has no {setting.key}: {fails}",
                f"Write {right}, if that is meant",
                severity=severity,
                at_key=True,
            )


FINDING = Finding(
    "LD801",
    "no-such-sysctl",
    Severity.WARNING,
    facts=("K3", "K9", "K19"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_settings=in_settings,
)
