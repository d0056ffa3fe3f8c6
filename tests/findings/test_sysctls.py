"""The LD8 findings: what is said of sysctls, what is not, and what becomes of a file when it is mended."""

from hypothesis import given
from hypothesis import strategies as st

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.examples import case
from lameduck.findings.finding import Example, Found, Severity
from lameduck.findings.looking import look_into, look_into_settings
from lameduck.pod.place import Place
from lameduck.pod.source import Source
from lameduck.pod.sysctls.files import read_sysctls
from lameduck.pod.sysctls.kernel import KNOWN
from lameduck.remedies.remedy import Mend
from lameduck.remedies.text_edit import apply

_LD8 = tuple(finding for finding in FINDINGS if finding.code.startswith("LD8"))
_INIT = "initContainers: [{{name: t, image: b, command: [sysctl, -w, '{}'], securityContext: {{privileged: true}}}}]"


def _in_file(text: str) -> tuple[Found, ...]:
    return look_into_settings(read_sysctls(Source("s.conf", text)), (1, 36), _LD8)


def _in_pod(
    *sysctls: tuple[str, str], pod: str = "", container: str = "", minor: int = 36
) -> list[tuple[str, Severity]]:
    listed = ", ".join(f"{{name: {name}, value: '{value}'}}" for name, value in sysctls)
    text = f"securityContext: {{sysctls: [{listed}]}}\n{pod}"
    found = look_into(case(Example("", pod=text, container=container, kubernetes=(1, minor))), _LD8)
    return [(each.code, each.severity) for each in found]


def test_what_was_found_in_a_file_carries_the_files_name_and_the_values_place() -> None:
    (found,) = _in_file("# ports\nnet.ipv4.ip_local_port_range = '1024 65535'\n")
    assert (found.code, found.workload, found.container) == ("LD804", "s.conf", None)
    assert found.place == Place("s.conf", 2, 32)
    assert found.message == (
        "net.ipv4.ip_local_port_range: the kernel gets the quotes, too, and reads no number; "
        "sysctl reports an error, and the line has no effect"
    )
    assert found.fixable


def test_only_what_stands_before_the_wrong_number_is_set() -> None:
    (found,) = _in_file("net.ipv4.tcp_rmem = 4096 128k 6291456\n")
    assert found.message.endswith("128k is no whole number; sysctl reports an error, and of this line only 4096 is set")
    assert not found.fixable


def test_a_wrong_value_costs_a_pod_its_start() -> None:
    assert _in_pod(("net.ipv4.tcp_fin_timeout", "30s")) == [("LD804", Severity.ERROR)]


def test_a_file_of_sensible_values_is_quiet() -> None:
    text = (
        "# Reach more clients\nnet.core.somaxconn = 8192\nnet.ipv4.tcp_max_syn_backlog = 8192\n"
        "net.ipv4.ip_local_port_range = 15000 60999\nnet.ipv4.tcp_rmem = 4096 131072 6291456\n"
        "net.ipv4.tcp_tw_reuse = 1\nfs.file-max = 2097152\nvm.swappiness = 10\nkernel.core_pattern = core.%p\n"
        "net.netfilter.nf_conntrack_max = 262144\nnet.ipv4.conf.all.rp_filter = 1\n"
        "net.ipv4.tcp_congestion_control = bbr\n"
    )
    assert _in_file(text) == ()


def test_one_cause_has_one_finding() -> None:
    # Gone, the node's, and unsafe at once; quotes and an unknown key.
    assert [code for code, _ in _in_pod(("net.ipv4.tcp_tw_recycle", "1"))] == ["LD801"]
    assert [code for code, _ in _in_pod(("net.core.rmem_max", "1048576"))] == ["LD802"]
    assert [code for code, _ in _in_pod(("vm.nr_pdflush_threads", "1"))] == ["LD801"]
    assert [code for code, _ in _in_pod(("vm.swappiness", "1"))] == ["LD802"]
    assert [code for code, _ in _in_pod(("net.core.somaxconn", "4096"))] == ["LD803"]
    assert [code for code, _ in _in_pod(("net.core.somaxconn", "4096"), pod="hostNetwork: true")] == ["LD802"]
    assert [code for code, _ in _in_pod(("kernel.shmmax", "4096"), pod="hostIPC: true")] == ["LD802"]
    assert [code for code, _ in _in_pod(("kernel.shmmax", "4096"), pod="hostNetwork: true")] == ["LD803"]


def test_a_key_that_is_safe_since_a_version_is_unsafe_before() -> None:
    assert _in_pod(("net.ipv4.tcp_notsent_lowat", "16384"), minor=36) == [("LD803", Severity.WARNING)]
    assert _in_pod(("net.ipv4.tcp_notsent_lowat", "16384"), minor=37) == []


def test_in_the_hosts_network_an_init_container_changes_the_node() -> None:
    def seen(command: str, pod: str = "") -> list[tuple[str, Severity]]:
        text = f"{_INIT.format(command)}\n{pod}"
        return [(each.code, each.severity) for each in look_into(case(Example("", pod=text)), _LD8)]

    assert seen("net.core.somaxconn=8192") == []
    assert seen("net.core.somaxconn=8192", "hostNetwork: true") == [("LD802", Severity.INFO)]
    assert seen("net.ipv4.tcp_fin_timeout=30", "hostNetwork: true") == [("LD802", Severity.INFO)]
    assert seen("net.ipv4.tcp_fin_timeout=30") == [("LD809", Severity.INFO)]
    assert seen("net.core.rmem_max=1048576") == [("LD802", Severity.ERROR)]
    assert seen("net.core.rmem_max=1048576", "hostNetwork: true") == [("LD802", Severity.INFO)]
    assert seen("sunrpc.tcp_slot_table_entries=128") == []


def test_in_the_hosts_network_the_range_is_the_nodes_and_ld802_speaks() -> None:
    ports = "ports: [{containerPort: 8080}]"
    assert _in_pod(("net.ipv4.ip_local_port_range", "1024 65535"), pod="hostNetwork: true", container=ports) == [
        ("LD802", Severity.ERROR)
    ]


def test_ports_that_are_reserved_in_part_leave_the_others() -> None:
    wide, some = ("net.ipv4.ip_local_port_range", "1024 65535"), ("net.ipv4.ip_local_reserved_ports", "8080-8090")
    ports = "ports: [{containerPort: 8080}, {containerPort: 9090}, {containerPort: 80}]"
    example = Example(
        "",
        container=ports,
        pod="securityContext: {sysctls: [" + ", ".join(f"{{name: {a}, value: '{b}'}}" for a, b in (wide, some)) + "]}",
    )
    (found,) = look_into(case(example), _LD8)
    assert "listens on 9090:" in found.message
    assert 'net.ipv4.ip_local_reserved_ports: "8080-8090,9090"' in found.mend


def test_the_reserved_ports_are_offered_only_where_every_pod_may_set_them() -> None:
    pod = "securityContext: {sysctls: [{name: net.ipv4.ip_local_port_range, value: 1024 65535}]}"
    offered = {
        minor: [
            each.fixable
            for each in look_into(
                case(Example("", pod=pod, container="ports: [{containerPort: 8080}]", kubernetes=(1, minor))), _LD8
            )
        ]
        for minor in (26, 27)
    }
    assert offered == {26: [False], 27: [True]}


def test_what_the_environment_or_a_file_may_say_of_a_backlog_is_not_guessed() -> None:
    low = ("net.core.somaxconn", "128")

    def seen(container: str) -> list[str]:
        return [code for code, _ in _in_pod(low, container=container) if code != "LD803"]

    assert seen("command: [uvicorn, 'a:b']") == ["LD807"]
    assert seen("command: [python, -m, uvicorn, 'a:b']") == ["LD807"]
    assert seen("command: [uvicorn, 'a:b']\nenv: [{name: UVICORN_BACKLOG, value: '100'}]") == []
    assert seen("command: [uvicorn, 'a:b', --backlog, '100']") == []
    assert seen("command: [uvicorn, 'a:b', --backlog, $N]") == []
    assert seen("command: [gunicorn, 'a:b']") == []
    assert seen("command: [gunicorn, 'a:b', --backlog=512]") == ["LD807"]
    assert seen("command: [nginx]") == []


_KEYS = st.one_of(st.sampled_from([each.key for each in KNOWN]), st.text("abcnetip.4/_", min_size=1, max_size=30))
_VALUES = st.text("0123456789 \u00a0\"'#-,xk\t", max_size=20)
_COMMENTS = st.sampled_from(["", "# TIME_WAIT", "# default 128", "; ulimit", "# tcp"])


@given(st.lists(st.tuples(_COMMENTS, _KEYS, _VALUES), max_size=6))
def test_no_file_breaks_the_findings_and_mending_twice_changes_nothing(lines: list[tuple[str, str, str]]) -> None:
    source = Source("s.conf", "".join(f"{comment}\n{key} = {value}\n" for comment, key, value in lines))
    found = look_into_settings(read_sysctls(source), (1, 36), _LD8)
    mended = apply([Mend(each.remedy) for each in found if each.remedy is not None])
    assert not mended.refused
    for edited in mended.files:
        after = look_into_settings(read_sysctls(Source("s.conf", edited.text)), (1, 36), _LD8)
        assert not any(each.remedy for each in after)
        assert {each.code for each in after} <= {each.code for each in found} | {"LD804", "LD805"}
