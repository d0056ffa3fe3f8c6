"""LD808: a comment says of a sysctl what it does not do."""

from collections.abc import Iterator

from lameduck.findings.at_setting import at_setting
from lameduck.findings.finding import Example, Finding, Severity, Sighting
from lameduck.pod.records import dataclass
from lameduck.pod.sysctls.sysctl import Settings

__all__ = ["FINDING"]

PAGE = """
## What happens
The setting is taken, and does something else than its comment says; who reads the file next believes the comment. The
best known: `tcp_fin_timeout` is not the length of TIME_WAIT, which is 60 s and cannot be set; it is how long a
connection that no process holds any more waits in FIN_WAIT_2 for the other side (K10). `somaxconn` was 128 before
Linux 5.4 and is 4096 since (K11), so a value between them lowers it. `fs.file-max` counts the open files of the whole
node; what stops a process is its own limit (K16). TCP sockets do not take `rmem_default`; they have `tcp_rmem` (K15).
## How to see it
Close a connection from the server's side and look: `ss -tano state time-wait` counts down from 60 s, whatever
`tcp_fin_timeout` is.
## How to mend it
Correct the comment, or remove the line if the comment was its reason.
"""

BAD = (
    Example("tcp_fin_timeout is not TIME_WAIT", settings="# shorten TIME_WAIT\nnet.ipv4.tcp_fin_timeout = 30\n"),
    Example("the same in Chinese", settings="net.ipv4.tcp_fin_timeout=30 # 缩短TIME_WAIT时间\n"),
    Example("somaxconn's default has grown", settings="net.core.somaxconn = 1024 # default 128 is too small\n"),
    Example("file-max is no ulimit", settings="fs.file-max = 65535 # open files per process (ulimit -n)\n"),
    Example("TCP has buffers of its own", settings="net.core.rmem_default = 8388608 # default TCP receive buffer\n"),
)
GOOD = (
    Example("a comment that knows", settings="# FIN_WAIT_2 only, not TIME_WAIT\nnet.ipv4.tcp_fin_timeout = 30\n"),
    Example("a comment about something else", settings="net.core.somaxconn = 1024 # see ticket 128\n"),
    Example("no comment", settings="net.ipv4.tcp_fin_timeout = 30\n"),
    Example(
        "a heading for several keys",
        settings="# TIME_WAIT\nnet.ipv4.tcp_max_tw_buckets = 262144\nnet.ipv4.tcp_fin_timeout = 30\n",
    ),
)


@dataclass(frozen=True, slots=True)
class _Confusion:
    """If the comment holds a word of each group and none of `unless`, it says what is not so."""

    key: str
    groups: tuple[tuple[str, ...], ...]
    truth: str


_DEFAULT = ("default", "默认", "defaults")
_NEGATION = ("not ", "n't", "never", "不是", "并非", "不影响", "无关", "instead of")
_TIME_WAIT = ("time_wait", "time-wait", "timewait", "time wait")
_CONFUSIONS = (
    _Confusion(
        "net.ipv4.tcp_fin_timeout",
        (_TIME_WAIT,),
        "tcp_fin_timeout does not change TIME_WAIT, which lasts 60 s: it bounds FIN_WAIT_2 of orphaned connections",
    ),
    _Confusion(
        "net.core.somaxconn",
        (_DEFAULT, ("128",)),
        "somaxconn is 4096 by default since Linux 5.4; 128 was before",
    ),
    _Confusion(
        "fs.file-max",
        (("ulimit", "per process", "per-process", "each process", "nofile", "单个进程", "每个进程"),),
        "fs.file-max bounds the open files of the whole node; a process is bound by its own limit (RLIMIT_NOFILE)",
    ),
    *(
        _Confusion(
            f"net.core.{direction}_default",
            (("tcp",),),
            f"TCP sockets do not take {direction}_default: they begin with the second number of tcp_{direction}",
        )
        for direction in ("rmem", "wmem")
    ),
)


def in_settings(settings: Settings, kubernetes: tuple[int, int]) -> Iterator[Sighting]:  # noqa: ARG001
    for setting in settings:
        said = setting.said.lower()
        for confusion in _CONFUSIONS:
            if (
                confusion.key == setting.key
                and all(any(word in said for word in group) for group in confusion.groups)
                and not any(word in said for word in _NEGATION)
            ):
                mend = "Correct the comment, or remove the line if the comment was its reason"
                yield at_setting(settings, setting, confusion.truth, mend, at_key=True)


FINDING = Finding(
    "LD808",
    "sysctl-comment-wrong",
    Severity.INFO,
    facts=("K10", "K11", "K15", "K16"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_settings=in_settings,
)
