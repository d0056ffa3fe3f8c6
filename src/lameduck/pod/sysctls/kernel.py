"""What the kernel's sysctls are: whose they are, what they take, and what they really do.

Facts from Linux 6.12: Documentation/networking/ip-sysctl.rst, Documentation/admin-guide/sysctl/{net,fs,kernel,vm}.rst,
the tables in net/ipv4/sysctl_net_ipv4.c, net/core/sysctl_net_core.c, ipc/ipc_sysctl.c and kernel/sysctl.c, and from
tcp(7). What can be tried was tried on Linux 6.18, in a network namespace of its own.
"""

from collections.abc import Mapping
from enum import Enum
from functools import cache

from lameduck.pod.records import dataclass
from lameduck.pod.sysctls.kernel_names import COMPLETE, IPC, NETWORK, NODE, READ_ONLY

__all__ = ["GONE", "KNOWN", "Gone", "Scope", "Sysctl", "Takes", "known", "meant", "scope_of"]

_INT = 2**31 - 1
_BYTE = 255
_LONG = 2**63 - 1


class Scope(Enum):
    """Whose a value is. NETWORK and IPC: each pod has its own. NODE: one for all pods of the node."""

    NETWORK = "network namespace"
    IPC = "IPC namespace"
    NODE = "node"


class Takes(Enum):
    """What can be written to it."""

    NUMBERS = "whole numbers"
    TEXT = "text"
    PORTS = "ports and ranges, joined by commas"


@dataclass(frozen=True, slots=True)
class Sysctl:
    """One key. `count`: how many numbers at most. `does`: in a few words, for messages and tables."""

    key: str
    scope: Scope
    does: str
    takes: Takes = Takes.NUMBERS
    count: int = 1
    least: int = -_INT - 1
    most: int = _INT
    unit: str = ""
    begins: str = ""
    """What a new pod has, where that is not the node's value."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A key that the kernel no longer has. `until`: the last version that had it; empty: long ago."""

    until: str
    instead: str


_N, _I, _H = Scope.NETWORK, Scope.IPC, Scope.NODE

# fmt: off
# A table: one line or two for each key, or it could not be read in one sitting.
KNOWN: tuple[Sysctl, ...] = (
    Sysctl("net.core.somaxconn", _N, "the longest accept queue that listen() can ask for, per socket", least=0,
           unit="connections", begins="4096 (128 before Linux 5.4)"),
    Sysctl("net.core.rmem_default", _H, "the receive buffer of a new socket that is not TCP", least=1, unit="bytes"),
    Sysctl("net.core.rmem_max", _H, "the most that SO_RCVBUF can ask for; TCP's own growth does not look at it",
           least=1, unit="bytes"),
    Sysctl("net.core.wmem_default", _H, "the send buffer of a new socket that is not TCP", least=1, unit="bytes"),
    Sysctl("net.core.wmem_max", _H, "the most that SO_SNDBUF can ask for; TCP's own growth does not look at it",
           least=1, unit="bytes"),
    Sysctl("net.core.netdev_max_backlog", _H, "packets that wait for a CPU when they come in faster than it takes them",
           unit="packets"),
    Sysctl("net.core.default_qdisc", _H, "the queueing discipline of new interfaces", takes=Takes.TEXT),
    Sysctl("net.core.optmem_max", _N, "memory for a socket's options and control messages", least=0, unit="bytes"),
    Sysctl("net.ipv4.tcp_rmem", _N, "a TCP receive buffer's least, first and greatest size; it grows by itself",
           count=3, least=1, unit="bytes", begins="the node's value"),
    Sysctl("net.ipv4.tcp_wmem", _N, "a TCP send buffer's least, first and greatest size; it grows by itself",
           count=3, least=1, unit="bytes", begins="the node's value"),
    Sysctl("net.ipv4.tcp_mem", _H, "memory of all TCP sockets of the node together: no care, care, no more", count=3,
           least=0, most=2**64 - 1, unit="pages"),
    Sysctl("net.ipv4.udp_mem", _H, "memory of all UDP sockets of the node together: no care, care, no more", count=3,
           least=0, most=2**64 - 1, unit="pages"),
    Sysctl("net.ipv4.tcp_max_tw_buckets", _N, "how many connections may be in TIME_WAIT; one more is closed at once",
           unit="connections", begins="by the node's memory"),
    Sysctl("net.ipv4.tcp_timestamps", _N, "timestamps in TCP headers; tcp_tw_reuse needs them", least=0, most=_BYTE,
           begins="1"),
    Sysctl("net.ipv4.tcp_tw_reuse", _N, "an outgoing connection may take the port of one in TIME_WAIT", least=0, most=2,
           begins="2 (on loopback only)"),
    Sysctl("net.ipv4.ip_local_port_range", _N, "ports that outgoing connections and bind(0) take", count=2, least=1,
           most=65535, begins="32768 60999"),
    Sysctl("net.ipv4.ip_local_reserved_ports", _N, "ports that outgoing connections leave alone", takes=Takes.PORTS,
           begins="none"),
    Sysctl("net.ipv4.ip_unprivileged_port_start", _N, "the first port that needs no privilege", least=0, most=65535,
           begins="1024, or what the container runtime sets"),
    Sysctl("net.ipv4.ping_group_range", _N, "groups that may open ping sockets", count=2, least=0,
           most=2**32 - 1),
    Sysctl("net.ipv4.tcp_fin_timeout", _N, "how long an orphaned connection stays in FIN_WAIT_2; not TIME_WAIT, which "
           "is always 60 s", unit="seconds", begins="60"),
    Sysctl("net.ipv4.tcp_max_syn_backlog", _N, "handshakes that a listener remembers, looked at only without SYN "
           "cookies", unit="handshakes", begins="by the node's memory, at least 128"),
    Sysctl("net.ipv4.tcp_syncookies", _N, "SYN cookies when a listener's handshake queue is full (1), or always (2)",
           least=0, most=_BYTE, begins="1"),
    Sysctl("net.ipv4.tcp_abort_on_overflow", _N, "reset a client when the accept queue is full, not let it try again",
           least=0, most=_BYTE, begins="0"),
    Sysctl("net.ipv4.tcp_keepalive_time", _N, "idle time before the first keepalive probe, for sockets that ask for it",
           unit="seconds", begins="7200"),
    Sysctl("net.ipv4.tcp_keepalive_intvl", _N, "time between keepalive probes", unit="seconds", begins="75"),
    Sysctl("net.ipv4.tcp_keepalive_probes", _N, "unanswered keepalive probes that end a connection", least=0,
           most=_BYTE, begins="9"),
    Sysctl("net.ipv4.tcp_syn_retries", _N, "how often a SYN is sent again", least=1, most=127, begins="6"),
    Sysctl("net.ipv4.tcp_synack_retries", _N, "how often a SYN-ACK is sent again", least=0, most=_BYTE, begins="5"),
    Sysctl("net.ipv4.tcp_retries2", _N, "how often data is sent again before a connection is given up", least=0,
           most=_BYTE, begins="15"),
    Sysctl("net.ipv4.tcp_slow_start_after_idle", _N, "begin slowly again after an idle time", least=0, most=_BYTE,
           begins="1"),
    Sysctl("net.ipv4.tcp_notsent_lowat", _N, "unsent bytes below which a socket is writable", least=0,
           most=2**32 - 1, unit="bytes"),
    Sysctl("net.ipv4.tcp_fastopen", _N, "data in the SYN: bits for clients (1), servers (2) and more", begins="1"),
    Sysctl("net.ipv4.tcp_congestion_control", _N, "the congestion control of new connections", takes=Takes.TEXT,
           begins="the node's value"),
    Sysctl("net.ipv4.tcp_max_orphans", _H, "connections that no process holds any more", unit="connections"),
    Sysctl("net.ipv4.tcp_low_latency", _H, "nothing since Linux 4.14"),
    Sysctl("net.ipv4.tcp_fack", _N, "nothing any more", least=0, most=_BYTE),
    Sysctl("net.ipv4.ip_forward", _N, "pass packets between interfaces"),
    Sysctl("fs.file-max", _H, "open files of the whole node; a process is bound by its RLIMIT_NOFILE", least=0,
           most=_LONG, unit="files"),
    Sysctl("fs.nr_open", _H, "the highest RLIMIT_NOFILE that any process can be given", least=1, unit="files"),
    Sysctl("fs.inotify.max_user_instances", _H, "inotify instances per user", least=0, unit="instances"),
    Sysctl("fs.inotify.max_user_watches", _H, "inotify watches per user; one file or folder each", least=0,
           unit="watches"),
    Sysctl("fs.inotify.max_queued_events", _H, "events that wait in one inotify instance", least=0, unit="events"),
    Sysctl("fs.aio-max-nr", _H, "asynchronous requests in flight on the node", least=0, most=_LONG),
    Sysctl("vm.max_map_count", _H, "memory maps per process", least=0, unit="maps"),
    Sysctl("vm.swappiness", _H, "how readily memory is swapped out", least=0, most=200),
    Sysctl("vm.overcommit_memory", _H, "whether memory may be promised that is not there", least=0, most=2),
    Sysctl("kernel.pid_max", _H, "the highest process number", least=1),
    Sysctl("kernel.threads-max", _H, "threads of the node", least=1),
    Sysctl("kernel.core_pattern", _H, "where core dumps go", takes=Takes.TEXT),
    Sysctl("kernel.shm_rmid_forced", _I, "remove shared memory that no process uses", least=0, most=1, begins="0"),
    Sysctl("kernel.shmmax", _I, "the largest shared memory segment", least=0, most=2**64 - 1, unit="bytes"),
    Sysctl("kernel.shmall", _I, "all shared memory together", least=0, most=2**64 - 1, unit="pages"),
    Sysctl("kernel.shmmni", _I, "shared memory segments", least=0),
    Sysctl("kernel.msgmax", _I, "the largest message", least=0, unit="bytes"),
    Sysctl("kernel.msgmnb", _I, "the largest message queue", least=0, unit="bytes"),
    Sysctl("kernel.msgmni", _I, "message queues", least=0),
    Sysctl("kernel.sem", _I, "semaphores: per set, in all, operations per call, sets", count=4),
)
# fmt: on
"""Those that matter to a pod's sockets, and what people set beside them."""

GONE: Mapping[str, Gone] = {
    "net.ipv4.tcp_tw_recycle": Gone("4.11", "Remove it; tcp_tw_reuse is for outgoing connections"),
    "net.ipv4.tcp_abc": Gone("3.8", "Remove it"),
    "net.ipv4.tcp_bic": Gone("2.6.13", "Set net.ipv4.tcp_congestion_control"),
    "net.ipv4.tcp_vegas_cong_avoid": Gone("2.6.13", "Set net.ipv4.tcp_congestion_control"),
    "net.ipv4.tcp_westwood": Gone("2.6.13", "Set net.ipv4.tcp_congestion_control"),
    **{
        f"net.ipv4.{name}": Gone("", "Remove it")
        for name in (
            *("tcp_cookie_size", "tcp_dma_copybreak", "tcp_frto_response", "tcp_max_ssthresh", "tcp_thin_dupack"),
            *("inet_peer_gc_maxtime", "inet_peer_gc_mintime", "rt_cache_rebuild_count"),
        )
    },
    "net.ipv4.ip_conntrack_max": Gone("", "Set net.netfilter.nf_conntrack_max"),
    "net.ipv4.netfilter.ip_conntrack_max": Gone("", "Set net.netfilter.nf_conntrack_max"),
    "net.core.hot_list_length": Gone("", "Remove it"),
    "vm.nr_pdflush_threads": Gone("", "Remove it"),
}
_BY_KEY: Mapping[str, Sysctl] = {sysctl.key: sysctl for sysctl in KNOWN}
_PER_INTERFACE = ("net.ipv4.conf.", "net.ipv6.conf.")


@cache
def _names() -> Mapping[str, Scope]:
    """Every key that is known by name."""
    by_folder = ((Scope.NODE, NODE), (Scope.IPC, IPC), (Scope.NETWORK, NETWORK))
    return {
        f"{folder}.{name}": scope
        for scope, folders in by_folder
        for folder, names in folders.items()
        for name in names.split()
    }


def known(key: str) -> Sysctl | None:
    """What is known about that key; None: no more than its name, at best."""
    return _BY_KEY.get(key)


def scope_of(key: str) -> Scope | None:
    """Whose a value for that key is; None: unknown. What a pod can see and not write counts as the node's."""
    if key in READ_ONLY:
        return Scope.NODE
    if key.startswith(_PER_INTERFACE):
        return Scope.NETWORK
    if (sysctl := _BY_KEY.get(key)) is not None:
        return sysctl.scope
    if (scope := _names().get(key)) is not None:
        return scope
    return Scope.NODE if key.startswith(("vm.", "dev.")) else None


def meant(key: str) -> str | None:
    """The key that was meant by one that the kernel has not: one or two letters off, or in another folder.

    None where the key is known or gone, where its folder is not listed whole here, or where nothing is like it.
    """
    folder, _, name = key.rpartition(".")
    names = _names()
    if key in names or key in GONE or folder not in COMPLETE or not name:
        return None
    elsewhere = sorted(other for other in names if other.rpartition(".")[2] == name)
    if elsewhere:
        return elsewhere[0]
    from difflib import get_close_matches  # rarely needed, and `check` must start fast

    like = get_close_matches(key, [other for other in names if other.rpartition(".")[0] == folder], n=1, cutoff=0.94)
    return like[0] if like else None
