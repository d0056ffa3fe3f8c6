"""LD101: the stop signal meets a shell or wrapper, which lets it fall; the service below it never hears of it."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import KillCause
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import brief, command, cost, one_line, shown
from lameduck.pod.case import Case
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Passes, WhyKept
from lameduck.pod.programs.obstacles import Obstructed, holds_container_open, obstructed
from lameduck.pod.programs.program_names import SHELLS, program_of
from lameduck.remedies.execs import put_exec
from lameduck.remedies.remedy import Remedy

__all__ = ["FINDING"]

PAGE = """
## What happens
The stop signal goes to the container's main process and to nobody else (T52). Here that is a shell (or `conda run`,
`flock` and the like) that started the service as a child and waits for it. A shell passes no signal on (T56), and as
PID 1 without a trap it does not even die of it: the kernel discards the signal (T54). So the service serves on as if
nothing had happened, and all of its requests in flight die with it when SIGKILL ends the grace.

Which shell it is matters. bash and busybox's sh (Alpine) take themselves out of the way of a last, simple command.
dash, which is sh in Debian and Ubuntu and all images that stand on them, never does: not in `sh -c "app"`, not in a
Dockerfile's `CMD app` (T56). A pipeline, a loop, a `&`, or anything behind the command keep every shell in front.
## How to see it
`lameduck rehearse` shows what the signal met and what ran below it. In a cluster: every pod takes its whole grace to
end and leaves with exit code 137; `kubectl exec POD -- cat /proc/1/cmdline` names a shell.
## How to mend it
Let the service take the shell's place: `exec` before the last command of the script.
```sh
#!/bin/sh
set -e
./migrate
exec python server.py        # not: python server.py
```
In a Dockerfile or manifest, write the command as a list, so that no shell is asked for:
`command: [python, server.py]`. Where the shell is needed, `CMD exec python server.py --port "$PORT"` does. Instead of
`conda run`, put the environment's `bin` folder first in PATH and start the service itself. Instead of
`server | tee log`, write to stdout and let the node keep the log. Restarting in a loop is Kubernetes' work: let the
service exit. `tini` or `dumb-init` in front of the shell is no cure: the shell then dies of the signal, and the service
is killed with it at once (LD105, T57).
"""

_DEBIAN = "FROM python:3.12-slim\nCOPY . /app/\nWORKDIR /app\n"
_ALPINE = "FROM python:3.12-alpine\nCOPY . /app/\nWORKDIR /app\n"
_FILES = Witness.FILES

BAD = (
    Example(
        "an entrypoint script that starts the service without exec",
        container="command: [sh, /start.sh]",
        behaviour=Behaviour(drain_s=None, reception="discarded", main="sh /start.sh", below=("python server.py",)),
        files={
            "Dockerfile": "FROM python:3.12-slim\nCOPY start.sh /\n",
            "start.sh": "#!/bin/sh\nset -e\ncd /tmp\npython server.py\n",
        },
    ),
    Example(
        "a start script in a ConfigMap",
        container="image: debian:12\ncommand: [/bin/sh, /scripts/start.sh]\n"
        "volumeMounts: [{name: scripts, mountPath: /scripts}]",
        pod="volumes: [{name: scripts, configMap: {name: web}}]",
        objects="""
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: web}
            data:
              start.sh: |
                #!/bin/sh
                set -e
                mkdir -p /tmp/cache
                python server.py
        """,
        only=_FILES,
    ),
    Example(
        "npm in front of the service, in a shell of its own",
        container="command: [npm, start]",
        behaviour=Behaviour(
            drain_s=None, reception="default", main="npm start", below=("sh -c node server.js", "node server.js")
        ),
        only=Witness.ENDING,
    ),
    Example(
        "sh -c with a second command behind the service",
        container="command: [sh, -c, 'python server.py; echo ended']",
        only=_FILES,
    ),
    Example(
        "sh -c with one simple command in a Debian image: dash does not exec it",
        container="image: debian:12\ncommand: [/bin/sh, -c]\nargs: [python server.py --port 8080]",
        only=_FILES,
    ),
    Example(
        "a script in the manifest, line by line",
        container="""
        image: python:3.12-slim
        command:
          - /bin/sh
          - -c
          - |
            set -e  # stop at errors
            echo "starting"
            MODE=production python server.py
        """,
        only=_FILES,
    ),
    Example(
        "shell form in the Dockerfile of a Debian image",
        files={"Dockerfile": f"{_DEBIAN}CMD python server.py --port ${{PORT:-8080}}\n"},
        only=_FILES,
    ),
    Example(
        "the image's entrypoint script runs its arguments without exec",
        files={
            "Dockerfile": f'{_DEBIAN}ENTRYPOINT ["/app/entrypoint.sh"]\nCMD ["python", "server.py"]\n',
            "entrypoint.sh": '#!/bin/sh\nset -e\nmkdir -p /tmp/cache\n"$@"\n',
        },
        only=_FILES,
    ),
    Example(
        "a branch of the script without exec, the one that is taken",
        container="args: [serve]",
        files={
            "Dockerfile": f'{_DEBIAN}ENTRYPOINT ["/app/entrypoint.sh"]\n',
            "entrypoint.sh": '#!/bin/bash\ncase "$1" in\n  serve)\n    python server.py || exit 1\n    ;;\n'
            '  *)\n    exec "$@"\n    ;;\nesac\n',
        },
        only=_FILES,
    ),
    Example(
        "a pipeline, in which not even exec helps",
        container="command: [bash, -c, 'exec python server.py 2>&1 | tee /tmp/server.log']",
        only=_FILES,
    ),
    Example(
        "a pipeline in an Alpine image",
        files={"Dockerfile": f"{_ALPINE}CMD python server.py | cat\n"},
        only=_FILES,
    ),
    Example(
        "a service in the background, and a wait that hears nothing",
        container="command: [bash, -c, 'python server.py & wait']",
        only=_FILES,
    ),
    Example(
        "a loop that starts the service again",
        container="command: [bash, -c, 'while true; do python server.py; sleep 1; done']",
        only=_FILES,
    ),
    Example(
        "a trap for another signal than the one that is sent",
        container="command: [bash, -c, \"trap 'kill -TERM $!' INT; python server.py & wait $!; wait\"]",
        only=_FILES,
    ),
    Example(
        "a trap that dash refuses, because it knows no SIGTERM, only TERM",
        container="image: debian:12\n"
        "command: [sh, -c, \"trap 'kill -TERM $!' SIGTERM; python server.py & wait $!; wait $!\"]",
        only=_FILES,
    ),
    Example(
        "a wrapper that keeps the signal to itself",
        container="command: [flock, --shared, /tmp/lock, python, server.py]",
        only=_FILES,
    ),
    Example(
        "conda run, which passes SIGTERM on to nobody",
        container="command: [conda, run, -n, web, python, server.py]",
        only=_FILES,
    ),
)
GOOD = (
    Example(
        "a start script in a ConfigMap that ends with exec",
        container="image: debian:12\ncommand: [/bin/sh, /scripts/start.sh]\n"
        "volumeMounts: [{name: scripts, mountPath: /scripts}]",
        pod="volumes: [{name: scripts, configMap: {name: web}}]",
        objects="""
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: web}
            data:
              start.sh: |
                #!/bin/sh
                set -e
                mkdir -p /tmp/cache
                exec python server.py
        """,
        only=_FILES,
    ),
    Example(
        "the script ends with exec: the service is PID 1 and drains",
        container="command: [sh, /start.sh]",
        behaviour=Behaviour(drain_s=Seconds(2), main="python server.py"),
        files={
            "Dockerfile": "FROM python:3.12-slim\nCOPY start.sh /\n",
            "start.sh": "#!/bin/sh\nset -e\ncd /tmp\nexec python server.py\n",
        },
    ),
    Example(
        "a server with workers below it that catches the signal itself",
        behaviour=Behaviour(drain_s=Seconds(2), main="gunicorn app:app", below=("gunicorn app:app",)),
    ),
    Example(
        "a shell whose trap passes the signal on and waits",
        container="command: [bash, /start.sh]",
        behaviour=Behaviour(drain_s=Seconds(2), main="bash /start.sh", below=("python server.py",)),
        files={
            "Dockerfile": "FROM python:3.12-slim\nCOPY start.sh /\n",
            "start.sh": "#!/bin/bash\npython server.py &\nservice=$!\n"
            'trap \'kill -TERM "$service"; wait "$service"\' TERM\nwait "$service"\n',
        },
    ),
    Example(
        "bash execs the last command of a list by itself",
        container="command: [bash, -c, 'echo starting; python server.py']",
        only=_FILES,
    ),
    Example(
        "so does Alpine's sh",
        container="image: python:3.12-alpine\ncommand: [sh, -c, 'cd /tmp && python server.py']",
        only=_FILES,
    ),
    Example(
        "shell form in an Alpine image",
        files={"Dockerfile": f"{_ALPINE}CMD python server.py --port ${{PORT:-8080}}\n"},
        only=_FILES,
    ),
    Example(
        "shell form with exec",
        files={"Dockerfile": f"{_DEBIAN}CMD exec python server.py --port ${{PORT:-8080}}\n"},
        only=_FILES,
    ),
    Example(
        "shell form after SHELL has made it bash",
        files={"Dockerfile": f'{_DEBIAN}SHELL ["/bin/bash", "-c"]\nCMD python server.py\n'},
        only=_FILES,
    ),
    Example(
        "one simple command for sh, in an image of which nobody knows which shell that is",
        container="command: [sh, -c, python server.py]",
        only=_FILES,
    ),
    Example(
        "an entrypoint script that execs its arguments, whatever they are",
        files={
            "Dockerfile": f'{_DEBIAN}ENTRYPOINT ["/app/entrypoint.sh"]\nCMD ["python", "server.py"]\n',
            "entrypoint.sh": '#!/bin/sh\nset -e\nif [ "$1" = migrate ]; then\n  python manage.py migrate\nfi\n'
            'exec "$@"\n',
        },
        only=_FILES,
    ),
    Example(
        "the official images' entrypoint script execs what it is given",
        container="image: redis:7\nargs: [redis-server, --save, '']",
        only=_FILES,
    ),
    Example(
        "the manifest's command is a list, and the Dockerfile's shell form is not asked",
        container="command: [python, server.py]",
        files={"Dockerfile": f"{_DEBIAN}CMD python server.py; echo ended\n"},
        only=_FILES,
    ),
    Example(
        "an init in front of a simple command passes the signal on",
        container="command: [tini, --, python, server.py]",
        only=_FILES,
    ),
    Example(
        "lameduck run in front passes it on, too",
        container="command: [lameduck, run, --, python, server.py]",
        only=_FILES,
    ),
    Example(
        "the preStop hook ends the service itself and waits, and the shell ends with it",
        container="command: [sh, -c, 'java -jar app.jar; echo ended']\n"
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; pkill -TERM java; sleep 20']}}}",
        only=_FILES,
    ),
    Example(
        "a Job that does two things one after the other: ended early, its work is lost in any case",
        whole="""
        apiVersion: batch/v1
        kind: Job
        metadata: {name: web}
        spec:
          template:
            spec:
              restartPolicy: Never
              containers:
                - {name: app, image: debian:12, command: [sh, -c, 'fetch --all; load; echo done']}
        """,
        only=_FILES,
    ),
    Example(
        "a client that prepares something before the script execs its server",
        container="""
        command:
          - bash
          - -c
          - |
            until mysql -h 127.0.0.1 -e 'SELECT 1'; do sleep 1; done
            clone-database --from web-0 </dev/null
            exec ncat --listen --keep-open 3307 -c 'xtrabackup --stream=xbstream'
        """,
        only=_FILES,
    ),
    Example(
        "an errand at intervals: what comes back after each pause is no service",
        container="command: [bash, -c, 'while true; do date; report --gpus || echo waiting; sleep 30; done']",
        only=_FILES,
    ),
    Example(
        "a launcher of an MPIJob, which comes to an end by itself",
        whole="""
        apiVersion: kubeflow.org/v2beta1
        kind: MPIJob
        metadata: {name: web}
        spec:
          mpiReplicaSpecs:
            Launcher:
              template:
                spec:
                  containers:
                    - {name: app, image: debian:12, command: [sh, -c, 'cd /hpl && mpirun -n 192 ./xhpl']}
        """,
        only=_FILES,
    ),
    Example(
        "a listing in a pipeline",
        container="command: [bash, -c, 'env | grep PET_; exec python server.py']",
        only=_FILES,
    ),
    Example(
        "an init container does its work and ends",
        pod="initContainers: [{name: wait, image: busybox, command: [sh, -c, 'until nc -z db 5432; do date; done']}]",
        only=_FILES,
    ),
    Example(
        "a script that was not found in the repository may say exec",
        container="command: [/scripts/start.sh]",
        only=_FILES,
    ),
    Example(
        "a script that prepares, and then says exec",
        container="command: [bash, -c, 'umask 027; ulimit -n 4096; exec python server.py']",
        only=_FILES,
    ),
    Example(
        "a shell that only sleeps serves nobody: that is LD103's matter",
        container="image: debian:12\ncommand: [sh, -c, sleep infinity]",
        also=("LD103",),
        only=_FILES,
    ),
)

_HOW = {
    WhyKept.NOT_EXEC: "runs {service} as a child, without exec",
    WhyKept.PIPELINE: "runs {service} in a pipeline",
    WhyKept.BACKGROUND: "runs {service} in the background and passes nothing on",
    WhyKept.LOOP: "runs {service} in a loop",
    WhyKept.DAEMON: "has sent {service} to the background and knows nothing of it any more",
    WhyKept.WRAPPER: "passes no signal on to {service}",
    WhyKept.TRAP_OTHER_SIGNAL: "runs {service} in the background, and its trap is not for {signal}",
    WhyKept.TRAP_NAME: "knows no trap for {signal}, only for the name without SIG, so that {service} hears nothing",
}
_PATH_FIRST = "Put the environment's bin folder first in PATH, and start {service} itself"
_INSTEAD = {"conda": _PATH_FIRST, "mamba": _PATH_FIRST, "hatch": _PATH_FIRST}


def in_files(case: Case) -> Iterator[Sighting]:
    for found in _seen(case):
        service, name = _service(found), found.container.name
        how = _HOW[found.obstacle.why or WhyKept.NOT_EXEC].format(service=command(service), signal=found.signal)
        doubt = "" if found.entry.certain else f"; in doubt, because {found.entry.doubt}"
        grace_s = case.workload.pod.termination_grace_period_s
        yield Sighting(
            name,
            found.at,
            f"{found.signal} stops at {shown(found.obstacle, found.behind)} in {name}, which {how}: SIGKILL "
            f"ends it after {grace_s} s{doubt}",
            _mend(found, brief(service)),
            severity=None if found.entry.certain else Severity.WARNING,
            span=found.span,
            uncertain=not found.entry.certain,
        )


def _seen(case: Case) -> Iterator[Obstructed]:
    for found in obstructed(case):
        if (
            found.obstacle.passes is Passes.KEEPS
            and found.obstacle.why in _HOW
            and not holds_container_open(found.service)
        ):
            yield found


def _service(found: Obstructed) -> str:
    return one_line(found.service.words) if found.service is not None else "the service"


def _mend(found: Obstructed, service: str) -> str:
    match found.obstacle.why:
        case WhyKept.NOT_EXEC if put_exec(found) is not None:
            return f"Write exec before it: exec {service}"
        case WhyKept.NOT_EXEC:
            return "Pass the signal on: start it with &, trap TERM to kill and wait for it, then wait"
        case WhyKept.PIPELINE:
            return f"Write to stdout instead of the pipeline, and end the script with: exec {service}"
        case WhyKept.LOOP:
            return f"Leave restarting to Kubernetes, and end the script with: exec {service}"
        case WhyKept.DAEMON:
            return "Run the server in the foreground, as the script's last command, with exec before it"
        case WhyKept.WRAPPER:
            instead = _INSTEAD.get(found.obstacle.program, "Start {service} itself")
            return instead.format(service=service)
        case WhyKept.TRAP_OTHER_SIGNAL:
            return f"Name {found.signal.removeprefix('SIG')} in the trap"
        case WhyKept.TRAP_NAME:
            return f"Write {found.signal.removeprefix('SIG')} for {found.signal} in the trap"
        case _:
            return f"End the script with exec {service}, or trap TERM, pass it on with kill, and wait again"


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    found = next((each for each in _seen(case) if each.is_at(seen.container, seen.at, seen.span)), None)
    if found is None or found.obstacle.why is not WhyKept.NOT_EXEC:
        return None
    return put_exec(found)


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    for killed in witnessed.kills(KillCause.NOT_PASSED_ON):
        signal = killed.first.signal
        assert signal is not None  # or the cause would be another
        name = killed.first.container.name
        service = signal.below[-1]
        yield Sighting(
            name,
            witnessed.workload.pod.container(name).at,
            f"{signal.signal} stops at {command(signal.main)}: {command(service)} below it never hears of it and is "
            f"{cost(killed)}",
            f"End the script with: exec {brief(service)}"
            if program_of(signal.main) in SHELLS
            else f"Start the service itself, without {program_of(signal.main)}: {brief(service)}",
        )


FINDING = Finding(
    "LD101",
    "signal-stops-at-shell",
    Severity.ERROR,
    facts=("T52", "T54", "T56", "T57"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
    in_files=in_files,
    remedy=remedy,
)
