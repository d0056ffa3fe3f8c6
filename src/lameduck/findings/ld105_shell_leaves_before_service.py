"""LD105: what gets the stop signal ends at it before the service has finished, and takes the service along."""

from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting
from lameduck.findings.words import brief, command, one_line, shown
from lameduck.pod.case import Case
from lameduck.pod.entry import Link, Passes, WhyKept
from lameduck.pod.programs.obstacles import Obstructed, holds_container_open, obstructed
from lameduck.remedies.execs import put_exec
from lameduck.remedies.remedy import Remedy

__all__ = ["FINDING"]

PAGE = """
## What happens
The kernel ends whatever is left in a container when its main process ends (T57). So a shell or wrapper in front of the
service must not leave before the service has. Here it does, and the requests that the service was about to finish are
cut in the first moment, however long the grace is:

- a shell below `tini` or `dumb-init` is not PID 1 any more. It has no handler, dies of the signal at once (T54), and
  the init ends with it (T59). `npm start` is such a case: npm passes the signal to the `sh` that it starts
- a trap that says `kill "$service"` and then lets the script end: the `wait` that it interrupted does not go on (T56)
- bash with a trap for EXIT dies of SIGTERM at once, runs that trap, and tells nobody (T59)
- `su` and `runuser` pass the signal on, and send SIGKILL 2 s later (T59)
## How to see it
`lameduck rehearse` shows a container that ends within milliseconds of the signal, and requests that are cut then. In a
cluster: exit code 143 or 1 where a draining server would leave with 0, and broken responses at every rollout.
## How to mend it
Let the service take the shell's place, with `exec` before its command; `tini -- sh -c "exec server"` is fine. Start
what `npm start` starts: `command: [node, server.js]`. Set the user with `securityContext.runAsUser`, or with `gosu`,
`su-exec` or `setpriv`, which leave nothing in front. A trap must wait:
```sh
python server.py &
service=$!
trap 'kill -TERM "$service"; wait "$service"' TERM
wait "$service"
```
"""

_NODE = 'FROM node:22-slim\nWORKDIR /app\nCOPY . .\nCMD ["npm", "start"]\n'
_PACKAGE = '{\n  "scripts": {\n    "start": "node server.js"\n  }\n}\n'
_SCRIPT = "FROM python:3.12-slim\nRUN apt-get install -y tini\nCOPY start.sh /\n"

BAD = (
    Example(
        "tini in front of a shell that does more than one thing",
        container="image: debian:12\ncommand: [tini, --, sh, -c, 'echo starting; python server.py']",
    ),
    Example(
        "dumb-init signals shell and service, the shell dies first, and all is over",
        container="command: [dumb-init, sh, -c, 'python server.py; true']",
    ),
    Example(
        "tini in front of an entrypoint script without exec",
        container="command: [/usr/bin/tini, --, /start.sh]",
        files={"Dockerfile": _SCRIPT, "start.sh": "#!/bin/bash\nset -e\npython server.py 2>&1\n"},
    ),
    Example(
        "npm start in a Debian image, whose sh dies between npm and node",
        files={"Dockerfile": _NODE},
    ),
    Example(
        "package.json says what npm start starts: node, which dies with its sh",
        files={"Dockerfile": _NODE, "package.json": _PACKAGE},
    ),
    Example(
        "a trap that passes the signal on, and a script that ends behind the one wait",
        container="command: [bash, -c, \"trap 'kill -TERM $!' TERM; python server.py & wait $!\"]",
    ),
    Example(
        "a trap that passes the signal on and exits",
        container="command: [/start.sh]",
        files={
            "Dockerfile": _SCRIPT,
            "start.sh": "#!/bin/bash\npython server.py &\nservice=$!\n"
            "trap 'kill -TERM $service; exit 0' TERM\nwait $service\n",
        },
    ),
    Example(
        "a trap that only exits",
        container="command: [bash, -c, 'trap \"exit 0\" TERM; python server.py & wait']",
    ),
    Example(
        "bash with a trap for EXIT alone",
        container="command: [bash, -c, 'trap \"echo bye\" EXIT; python server.py']",
    ),
    Example(
        "su, which kills 2 s after the signal",
        container="command: [su, -s, /bin/sh, www-data, -c, exec python server.py]",
    ),
    Example(
        "a pod that shares its PID namespace: no shell is PID 1, and each dies of the signal",
        pod="shareProcessNamespace: true",
        container="command: [bash, -c, 'python server.py; echo ended']",
    ),
)
GOOD = (
    Example(
        "tini in front of a shell that execs",
        container="command: [tini, --, sh, -c, 'echo starting; exec python server.py']",
    ),
    Example(
        "tini in front of bash, which execs the last command by itself",
        container="command: [tini, --, bash, -c, 'echo starting; python server.py']",
    ),
    Example(
        "the service itself below dumb-init",
        container="command: [dumb-init, python, server.py]",
    ),
    Example(
        "node without npm",
        files={"Dockerfile": _NODE.replace('"npm", "start"', '"node", "server.js"')},
    ),
    Example(
        "the script of package.json lets node take the place of its sh",
        files={"Dockerfile": _NODE, "package.json": _PACKAGE.replace("node server", "exec node server")},
    ),
    Example(
        "npm in an image of which nobody knows which shell sh is: bash and busybox get out of the way",
        container="command: [npm, start]",
    ),
    Example(
        "npm in an Alpine image, whose sh execs the one command of the script",
        files={"Dockerfile": _NODE.replace("22-slim", "22-alpine")},
    ),
    Example(
        "a trap that waits for the service",
        container="command: [bash, -c, \"python server.py & p=$!; trap 'kill -TERM $p; wait $p' TERM; wait $p\"]",
    ),
    Example(
        "a trap between double quotes, when the PID is known already",
        container="command: [bash, -c, 'python server.py & p=$!; trap \"kill -TERM $p; wait $p\" TERM; wait $p']",
    ),
    Example(
        "a trap for EXIT beside one for TERM that passes the signal on and waits",
        container="command: [bash, -c, \"trap 'rm -f /tmp/pid' EXIT; "
        "trap 'kill -TERM $p; wait $p' TERM; python server.py & p=$!; wait $p\"]",
    ),
    Example(
        "setpriv changes the user and is gone",
        container="command: [setpriv, --reuid=33, --regid=33, --clear-groups, python, server.py]",
    ),
    Example(
        "a container that only sleeps has nothing to finish",
        container="command: [tini, --, bash, -c, 'trap \"exit 0\" TERM; sleep infinity & wait']",
    ),
)

_LEAVES = {
    WhyKept.SHELL_DIES: "has no handler and dies of it",
    WhyKept.WRAPPER_DIES: "ends without waiting",
    WhyKept.TRAP_NO_WAIT: "passes it on in its trap and ends without waiting",
    WhyKept.TRAP_NO_FORWARD: "ends in its trap",
    WhyKept.TRAP_EXIT: "has a trap for EXIT, and with it bash dies of the signal",
    WhyKept.BACKGROUND: "has become another program, which ends",
    WhyKept.DAEMON: "ends, and knows nothing of the service in the background",
}


def in_files(case: Case) -> Iterator[Sighting]:
    for found in _seen(case):
        name, certain, why = found.container.name, found.entry.certain, found.obstacle.why
        first = shown(found.obstacle, found.behind)
        service = command(_service(found))
        doubt = "" if certain else f"; in doubt, because {found.entry.doubt}"
        if why is WhyKept.WRAPPER_TIMEOUT:
            message = (
                f"{first} in {name} gives {service} 2 s after {found.signal} and kills it then, whatever the grace"
            )
        elif found.behind is None:
            message = (
                f"{first} in {name} passes {found.signal} to the shell that it starts, which dies of it, and the "
                "service is killed with it in the middle of its requests"
            )
        else:
            message = (
                f"At {found.signal}, {first} in {name} {_LEAVES.get(why, 'ends') if why else 'ends'}: {service} is "
                "killed with it in the middle of its requests"
            )
        yield Sighting(
            name,
            found.at,
            f"{message}{doubt}",
            _mend(found),
            severity=None if certain and why is not WhyKept.WRAPPER_TIMEOUT else Severity.WARNING,
            span=found.span,
            uncertain=not certain,
        )


def _seen(case: Case) -> Iterator[Obstructed]:
    for found in obstructed(case):
        if found.obstacle.passes is Passes.CUTS and not holds_container_open(found.service):
            yield found


def _service(found: Obstructed) -> str:
    return "the service" if found.service is None else one_line(found.service.words)


def _mend(found: Obstructed) -> str:
    service = "the service" if found.behind is None else brief(one_line(found.behind.words))
    match found.obstacle.why:
        case WhyKept.TRAP_NO_WAIT:
            return "Wait once more: in the trap behind kill, before any exit"
        case WhyKept.TRAP_NO_FORWARD:
            return "In the trap, kill -TERM the service and wait for it, then exit"
        case WhyKept.TRAP_EXIT:
            return f"Write exec {service}, or trap TERM as well, kill the service there and wait for it"
        case WhyKept.WRAPPER_TIMEOUT:
            return f"Set securityContext.runAsUser instead of {found.obstacle.program}, or use setpriv or gosu"
        case WhyKept.DAEMON:
            return "Run the server in the foreground, as the script's last command, with exec before it"
        case _ if found.obstacle.shell is None:
            return f"Start what {_named(found.obstacle)} starts, without {found.obstacle.program} in front"
        case _ if put_exec(found) is not None:
            return f"Write exec before it: exec {service}"
        case _:
            return f"End the script with: exec {service}"


def _named(link: Link) -> str:
    return one_line(link.words[:2])


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    found = next((each for each in _seen(case) if each.is_at(seen.container, seen.at, seen.span)), None)
    return None if found is None else put_exec(found)


FINDING = Finding(
    "LD105",
    "shell-leaves-before-service",
    Severity.ERROR,
    facts=("T54", "T56", "T57", "T59"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
