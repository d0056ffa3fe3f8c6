"""The recordings that no rehearsal on one machine can reproduce, each with its reason. Tests keep the lists true."""

__all__ = ["NOT_EMULATED", "NOT_PLAYED", "PROGRAMS", "PROGRAMS_OF_ROOT"]

_NO_ENDING = "no pod ends in it: it holds measurements or answers of the API"
_NODE = "the kubelet ends the pod by itself; a rehearsal knows deletions only"
_KUBELET = "the kubelet stops or restarts; here it is the rehearsal itself"
_INIT = "an init container runs; those are not played, and the casting says so"
_SERVER = "needs a server that is not among the development tools"

NOT_PLAYED = {
    "active-deadline": _NODE,
    "api-validation": _NO_ENDING,
    "api-validation-stopsignal": _NO_ENDING,
    "app-aiohttp": _SERVER,
    "app-apache-term": _SERVER,
    "app-apache-winch": _SERVER,
    "app-flask-run": _SERVER,
    "app-haproxy-term": _SERVER,
    "app-php-fpm-term": _SERVER,
    "app-redis": _SERVER,
    "app-supervisord": _SERVER,
    "endpoint-lag-busy": _NO_ENDING,
    "endpoint-lag-idle": _NO_ENDING,
    "endpoint-lag-idle-nftables": _NO_ENDING,
    "evict-emptydir": _NODE,
    "evict-memory-hard": _NODE,
    "evict-memory-soft": _NODE,
    "image-missing": "the container never starts: there is no image",
    "init-phase-sidecar": _INIT,
    "init-running": _INIT,
    "kubelet-down": _KUBELET,
    "kubelet-restart-hook": _KUBELET,
    "kubelet-restart-orphan": _KUBELET,
    "kubelet-restart-orphan-mounted": _KUBELET,
    "kubelet-restart-rejected": _KUBELET,
    "oom-in-drain": "memory limits are not played: it would take this machine's memory",
    "share-pid": "shareProcessNamespace is not played, and the casting says so",
    "static-pod": "the end comes from a file that leaves the node; there are no nodes here",
    "unscheduled": "the pod has no container: it never got a node",
}

_REFUSED = "its hook sends a signal to PID 1, which would be this machine's; that is refused"
_RAISED_AGAIN = "it raises its signal again with the default action, which ends it; as PID 1 it lives on"

NOT_EMULATED = {
    "app-node-raw": _RAISED_AGAIN,
    "app-npm-start": _RAISED_AGAIN,
    "app-uvicorn": _RAISED_AGAIN,
    "entry-trap-kill0": "its signal to its own process group ends it; as PID 1 it lives on",
    "hook-kill9-pid1": _REFUSED,
    "hook-kills-pid1": _REFUSED,
    "reraise-pid1": _RAISED_AGAIN,
    "sidecar-exits-early": _REFUSED,
}
"""What the emulation of PID 1 cannot keep true (see emulation.py)."""

PROGRAMS = {
    "/usr/lib/jvm/java-17-openjdk-amd64/bin/java": "apt-get install openjdk-17-jdk-headless",
    "bash": "apt-get install bash",
    "busybox": "apt-get install busybox",
    "dumb-init": "apt-get install dumb-init",
    "gunicorn": "pip install gunicorn",
    "nginx": "apt-get install nginx",
    "node": "apt-get install nodejs",
    "npm": "apt-get install npm",
    "setpriv": "apt-get install util-linux",
    "su": "apt-get install util-linux",
    "tini": "apt-get install tini",
    "uvicorn": "pip install uvicorn",
}
"""What recordings need beyond a plain shell and coreutils, and how to get it. Without it they are skipped."""

PROGRAMS_OF_ROOT = ("setpriv", "su")
"""Those that change their user."""
