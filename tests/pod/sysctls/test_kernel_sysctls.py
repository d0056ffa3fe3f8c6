"""What is known of the kernel's sysctls, held against the kernel of this machine in a network namespace of its own."""

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lameduck.pod.sysctls.allowed import SAFE_SINCE, is_safe, kubelet_scope
from lameduck.pod.sysctls.kernel import GONE, KNOWN, Scope, Takes, known, meant, scope_of
from lameduck.pod.sysctls.kernel_names import NETWORK, NODE, READ_ONLY

_SCRIPT = Path(__file__).parent / "in_a_new_network.py"
_COMMAND = ("unshare", "--net", sys.executable, str(_SCRIPT))
_FOLDERS = ("net.core", "net.ipv4")


def _asked(values: tuple[tuple[str, str], ...] = (), *, sockets: bool = False) -> dict[str, Any]:
    assert all(scope_of(key) is Scope.NETWORK for key, _ in values), "only what belongs to the namespace may be written"
    wanted = json.dumps({"folders": _FOLDERS, "values": values, "sockets": sockets})
    done = subprocess.run(_COMMAND, input=wanted, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@cache
def _sockets() -> dict[str, Any]:
    return _asked(sockets=True)


@cache
def _can() -> bool:
    return (
        sys.platform == "linux"
        and shutil.which("unshare") is not None
        and (subprocess.run(("unshare", "--net", "true"), capture_output=True, check=False).returncode == 0)
    )


_on_this_kernel = pytest.mark.skipif(not _can(), reason="needs Linux, root and unshare (util-linux)")


@_on_this_kernel
@pytest.mark.parametrize("folder", _FOLDERS)
def test_a_new_network_namespace_has_its_own_keys_and_not_the_nodes(folder: str) -> None:
    inside = _sockets()["listed"][folder]
    here = {path.name for path in Path("/proc/sys", *folder.split(".")).iterdir()}
    own, nodes = set(NETWORK[folder].split()), set(NODE[folder].split())
    read_only = {key.rpartition(".")[2] for key in READ_ONLY if key.startswith(f"{folder}.")}
    assert {name for name in own & here - read_only if not inside.get(name)} == set()
    assert {name for name in nodes & here if inside.get(name)} == set()
    assert {name for name in read_only if inside.get(name)} == set()


@_on_this_kernel
def test_keys_that_are_gone_are_gone_here() -> None:
    assert [key for key in GONE if Path("/proc/sys", *key.split(".")).exists()] == []


@_on_this_kernel
def test_numbers_out_of_range_are_refused_and_the_present_value_is_taken() -> None:
    own = [each for each in KNOWN if each.takes is Takes.NUMBERS and each.scope is Scope.NETWORK]
    here = [each for each in own if Path("/proc/sys", *each.key.split(".")).exists()]
    assert len(here) > 20
    wrong = [
        (each.key, " ".join([str(number)] * each.count)) for each in here for number in _beyond(each.least, each.most)
    ]
    answers = _asked(tuple(wrong))["tried"]
    assert [(key, value) for (key, value), (_, answer, _) in zip(wrong, answers, strict=True) if answer == "ok"] == []


def _beyond(least: int, most: int) -> tuple[int, ...]:
    return (least - 1, most + 1)


@_on_this_kernel
@pytest.mark.parametrize(
    ("key", "value", "answer", "then"),
    [
        ("net.core.somaxconn", "123 # more", "ok", "123"),
        ("net.core.somaxconn", '"123"', "Invalid argument", None),
        ("net.ipv4.ip_local_port_range", '"1024 65535"', "Invalid argument", "32768 60999"),
        ("net.ipv4.ip_local_port_range", "65535 1024", "Invalid argument", "32768 60999"),
        ("net.ipv4.ip_local_port_range", "1000 65535", "Invalid argument", "32768 60999"),
        ("net.ipv4.tcp_timestamps", "1 \u00a0# on", "ok", "1"),
        ("net.ipv4.tcp_rmem", "4096 1024 100", "ok", "4096 1024 100"),
        ("net.ipv4.ip_local_reserved_ports", "8080 9000", "Invalid argument", ""),
        ("net.ipv4.ip_local_reserved_ports", "8080 # web", "Invalid argument", None),
    ],
)
def test_the_kernel_answers_a_value_as_the_findings_say(key: str, value: str, answer: str, then: str | None) -> None:
    ((_, answered, stands),) = _asked(((key, value),))["tried"]
    assert answered == answer
    assert then is None or stands == then


@_on_this_kernel
def test_numbers_before_a_no_break_space_have_been_set() -> None:
    ((_, answered, stands),) = _asked((("net.ipv4.tcp_wmem", "5000 \u00a0 17000 \u00a0 5194304"),))["tried"]
    assert answered == "Invalid argument"
    assert stands.split()[0] == "5000"
    assert stands.split()[1] != "17000"


@_on_this_kernel
def test_a_new_namespace_begins_with_the_kernels_defaults() -> None:
    assert _sockets()["begins"] == {"net.ipv4.ip_local_port_range": "32768 60999", "net.core.somaxconn": "4096"}


@_on_this_kernel
def test_time_wait_lasts_a_minute_whatever_tcp_fin_timeout_says() -> None:
    assert 50 < _sockets()["time_wait_s"] <= 61


@_on_this_kernel
def test_listen_cuts_the_backlog_to_somaxconn() -> None:
    assert _sockets()["accept_queue"] == 100


@_on_this_kernel
def test_a_port_that_an_outgoing_connection_took_cannot_be_bound_unless_it_is_reserved() -> None:
    assert (_sockets()["bind"], _sockets()["bind_reserved"]) == ("Address already in use", "ok")


@_on_this_kernel
def test_tcp_begins_with_the_second_number_of_tcp_rmem_and_rmem_max_bounds_what_is_asked_for() -> None:
    assert _sockets()["receive_buffer"] == 50000
    most = int(Path("/proc/sys/net/core/rmem_max").read_text(encoding="ascii"))
    assert _sockets()["most_asked_for"] == 2 * most


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("net.ipv4.tcp_tw_reues", "net.ipv4.tcp_tw_reuse"),
        ("net.ipv4.tcp_max_tw_bucket", "net.ipv4.tcp_max_tw_buckets"),
        ("net.ipv4.somaxconn", "net.core.somaxconn"),
        ("net.core.tcp_rmem", "net.ipv4.tcp_rmem"),
        ("net.ipv4.tcp_tw_reuse", None),
        ("net.ipv4.tcp_tw_recycle", None),
        ("net.ipv4.tcp_entirely_new_thing", None),
        ("net.netfilter.nf_conntrack_maxx", None),
        ("net.ipv4.conf.eth0.rp_filte", None),
        ("kernel.unprivileged_userns_clone", None),
    ],
)
def test_a_misspelt_key_is_told_from_one_that_is_not_known(key: str, right: str | None) -> None:
    assert meant(key) == right


def test_whose_a_key_is() -> None:
    assert scope_of("net.core.somaxconn") is Scope.NETWORK
    assert scope_of("net.ipv4.conf.eth0.rp_filter") is Scope.NETWORK
    assert scope_of("kernel.msgmax") is Scope.IPC
    assert scope_of("net.ipv4.tcp_mem") is Scope.NODE
    assert scope_of("net.ipv4.tcp_available_congestion_control") is Scope.NODE, "seen in a pod, and not to be written"
    assert scope_of("vm.anything") is Scope.NODE
    assert scope_of("net.netfilter.nf_conntrack_max") is None


def test_every_safe_sysctl_belongs_to_the_namespace_that_the_kubelet_takes_it_for() -> None:
    assert [key for key in SAFE_SINCE if scope_of(key) is not kubelet_scope(key)] == []


def test_the_safe_list_grows_with_the_version() -> None:
    lengths = {minor: sum(is_safe(key, (1, minor)) for key in SAFE_SINCE) for minor in (17, 18, 22, 27, 29, 32, 36, 37)}
    assert lengths == {17: 3, 18: 4, 22: 5, 27: 6, 29: 10, 32: 12, 36: 12, 37: 14}


def test_what_is_known_of_a_key_agrees_with_whose_its_name_is() -> None:
    by_name = {
        f"{folder}.{name}": scope
        for scope, folders in ((Scope.NETWORK, NETWORK), (Scope.NODE, NODE))
        for folder, names in folders.items()
        for name in names.split()
        if f"{folder}.{name}" not in READ_ONLY
    }
    assert {each.key for each in KNOWN if by_name.get(each.key, each.scope) is not each.scope} == set()
    assert known("net.core.somaxconn") is not None
