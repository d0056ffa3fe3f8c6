"""What a workload sets of the kernel: by its securityContext, and by init containers that run sysctl."""

import pytest

from lameduck.findings.examples import case
from lameduck.findings.finding import Example
from lameduck.pod.reading import read_text
from lameduck.pod.sysctls.commands import settings_of
from lameduck.pod.sysctls.sysctl import Setter, Settings


def _settings(pod: str) -> tuple[Settings, ...]:
    return settings_of(case(Example("", pod=pod)).workload)


def _init(command: str, more: str = "securityContext: {privileged: true}") -> list[tuple[str, str]]:
    found = _settings(f"initContainers: [{{name: tune, image: busybox, command: {command}, {more}}}]")
    return [(each.key, each.value) for settings in found for each in settings]


def test_the_pods_own_sysctls_know_their_place() -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostIPC: true\n  securityContext:\n    sysctls:\n"
        "      - name: net/ipv4/tcp_syncookies\n        value: '1'\n  containers: [{name: a, image: b}]\n"
    )
    (workload,) = read_text(text, "pod.yaml").workloads
    (settings,) = settings_of(workload)
    (setting,) = settings
    assert (settings.setter, settings.host_ipc, settings.host_network) == (Setter.POD, True, False)
    assert (setting.key, setting.value) == ("net.ipv4.tcp_syncookies", "1")
    assert setting.at is not None
    assert str(workload.place(setting.at)) == "pod.yaml:9:16"


def test_a_sysctl_without_a_name_is_a_problem() -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  securityContext: {sysctls: [{value: '1'}]}\n"
        "  containers: [{name: a, image: b}]\n"
    )
    read = read_text(text, "pod.yaml")
    assert [each.message for each in read.problems] == [
        "This sysctl has no name. Kubernetes wants one: write name: net.core.somaxconn, say."
    ]
    assert settings_of(read.workloads[0]) == ()


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("[sysctl, -w, vm.max_map_count=262144]", [("vm.max_map_count", "262144")]),
        ("[/sbin/sysctl, -q, -w, a.b=1, 'c.d=2 3']", [("a.b", "1"), ("c.d", "2 3")]),
        ("[busybox, sysctl, a.b=1]", [("a.b", "1")]),
        ("[sh, -c, 'sysctl -w a.b=1 && sysctl -w c.d=\"2 3\"']", [("a.b", "1"), ("c.d", "2 3")]),
        ("[/bin/sh, -xec, 'if true; then sysctl -w a.b=1; fi; (sysctl c.d=2)']", [("a.b", "1"), ("c.d", "2")]),
        ("[sysctl, -p, /etc/a=b.conf]", []),
        ("[sysctl, -a]", []),
        ("[sh, -c, 'sysctl -w a.b=$VALUE; echo sysctl -w c.d=1']", []),
        ("[sh, /tune.sh, sysctl]", []),
        ("[sh, -c]", []),
        ("[busybox]", []),
    ],
)
def test_what_an_init_container_sets_for_certain(command: str, found: list[tuple[str, str]]) -> None:
    assert _init(command) == found


def test_arguments_may_stand_in_args() -> None:
    found = _init("[sh, -c]", "args: ['sysctl -w a.b=1'], securityContext: {privileged: true}")
    assert found == [("a.b", "1")]


def test_a_container_without_the_privilege_sets_nothing() -> None:
    assert _init("[sysctl, -w, a.b=1]", "securityContext: {privileged: false}") == []


def test_what_may_fail_says_so() -> None:
    (settings,) = _settings(
        "initContainers: [{name: t, image: b, command: [sysctl, -e, -w, a.b=1], securityContext: {privileged: true}}]"
    )
    assert [each.may_fail for each in settings] == [True]
    assert settings.container == "t"
