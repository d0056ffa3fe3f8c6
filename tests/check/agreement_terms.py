"""Under what terms each example is played, and which are not, each with its reason.

Most are played faster. Where a delay is at stake, a hook of 5 s takes two and the endpoints lag by 1.5 s: such a hook
is enough, and without it there is time for requests to be refused also where the machine is busy. Where the grace is at
stake, requests or a clean-up last longer than what is left. The rate is such that no request is on its way in the
moment of the deletion, 1.5 s after the first.
"""

from dataclasses import dataclass
from typing import TypeAlias

from tests.check.agreement import Conditions

__all__ = [
    "CALLED",
    "CONDITIONS",
    "ENDS_WELL",
    "FAMILIES",
    "NOT_MENDED",
    "NOT_PLAYED",
    "NO_EXAMPLE_PLAYED",
    "OTHERWISE",
    "WAITS_IN_VAIN",
    "Reason",
    "SeenAs",
    "Without",
    "conditions",
]

FAMILIES = ("LD1", "LD2", "LD3")

_SIGNAL = Conditions(asks_s=2.5, delay_s=1, grace_s=6)
"""Slow answers are in flight when the signal comes, 1 s after the deletion; who asks anew knows at once."""
_DELAY = Conditions(lag_s=1.5, shorter=2.5)
_CLEAN_UP = Conditions(lag_s=0.0, shorter=5, clean_up_s=3.0)
"""A clean-up that is longer than the 2 s which are left when the grace is over."""

CONDITIONS = {
    "LD101": _SIGNAL,
    "LD102": _SIGNAL,
    "LD103": _SIGNAL,
    "LD105": _SIGNAL,
    "LD201": _DELAY,
    "LD202": _DELAY,
    "LD203": _DELAY,
    "LD204": _CLEAN_UP,
    "LD205": _DELAY,
    "LD206": Conditions(asks_s=2.5, shorter=5),
    "LD207": _DELAY,
    "LD208": _CLEAN_UP,
    "LD209": _DELAY,
    "LD210": Conditions(rate=0, shorter=5),
    "LD301": Conditions(asks_s=6.5, shorter=5),
    "LD302": Conditions(asks_s=3.5),
    "LD303": Conditions(shorter=2.5, rate=0, clean_up_s=3.0, probe_fails=True),
    "LD304": Conditions(asks_s=2.5, shorter=5),
}

OTHERWISE = {
    "LD201": {
        "the process itself serves on for two seconds after the signal": Conditions(lag_s=1.5, serves_on_s=2.0),
        "a worker that no Service sends anything to": Conditions(rate=0),
        "a Service for its metrics only: a scrape that fails is made again": Conditions(rate=0),
        "Dubbo's port for operators": Conditions(rate=0),
        "a Service for a port that is none of those which the container declares": Conditions(rate=0),
        "podinfo, which waits for 3 s by itself": Conditions(lag_s=1.5, serves_on_s=3.0),
        "lameduck run in front, which delays the signal": Conditions(lag_s=1.5),
        # The stand-in does what the library would do; its own tests show that it does.
        "lameduck run in front, which makes the library active": Conditions(lag_s=1.5, serves_on_s=3.0),
        "the grace is told to the library in the service": Conditions(lag_s=1.5, serves_on_s=3.0),
    },
    "LD202": {"a tcpSocket hook": Conditions(rate=0)},
    "LD204": {
        "a sleep as long as the grace": Conditions(shorter=2, clean_up_s=3.0),
        "hook and drain fit into the grace": Conditions(shorter=2, clean_up_s=3.0),
        "a hook that makes the server quit and waits for it: the container ends during the hook": Conditions(
            asks_s=2.5, shorter=5
        ),
    },
    "LD205": {"a program that wants these words itself": Conditions(shorter=5)},
    "LD206": {
        "the official image drains at its stop signal, but the hook makes it quit before clients have left": _DELAY
    },
    "LD207": {
        # Some take a second signal as "now at once".
        "a bare kill 1": Conditions(asks_s=2.5, hasty=True),
        "kill -9, which PID 1 never gets": Conditions(asks_s=2.5),
    },
    "LD208": {
        "a command in the background, of which nobody knows how long it takes": Conditions(
            shorter=5, clean_up_s=3.0, errands_s=60.0
        ),
    },
    "LD301": {
        # Longer than the grace that there is, and not longer than the application's own limit behind the hook.
        "Spring Boot's limit in the environment, behind a hook": Conditions(asks_s=12.7, shorter=5),
        # The first part of a file nginx sends at once, and it has no hook that would wait for those on their way to it.
        "nginx' limit in a ConfigMap that is mounted": Conditions(asks_s=7.0, shorter=5, delay_s=1),
        "a grace that holds the hook and the drain": Conditions(asks_s=9.0, rate=9.0, shorter=5),
        "hook and limit are as long as the grace together": Conditions(asks_s=5.0, shorter=5),
        "gunicorn without a hook: its own 30 s are those of the grace": Conditions(asks_s=5.0, shorter=5),
        "an option of the same name that another program has": Conditions(asks_s=5.0, shorter=5),
        "Spring Boot's plain number: milliseconds": Conditions(asks_s=3.5, shorter=5),
    },
    "LD302": {
        "a short grace on purpose": Conditions(asks_s=1.0),
        "a grace of 1 for something that nothing is sent to: an agent that ends at the signal": Conditions(rate=0),
    },
    "LD303": {
        "a quick end for a process that hangs, without any hook": Conditions(shorter=2.5, rate=0, probe_fails=True),
    },
    "LD304": {
        # What the Ingress allows is asked for: more than the default grace, and within what somebody has chosen.
        "an hour for a WebSocket in the Ingress, and the default of 30 s in the pod": Conditions(asks_s=8.0, shorter=5),
        "a grace that somebody has chosen": Conditions(asks_s=8.0, shorter=5),
    },
}

ENDS_WELL = {
    "LD207": {"kill -9, which PID 1 never gets": "it does nothing, and so costs nothing"},
}
"""Bad examples that cost no work: of them the finding says something else, and that it is only worth knowing."""

WAITS_IN_VAIN = ("LD209", "LD210")
"""What these find costs time, not work: mended, the pod ends sooner and as well."""


CALLED = {
    "LD101": {"a wrapper that keeps the signal to itself": "LD103"},
    "LD102": {"a trap that ignores the signal, for the service as well": "LD101"},
}
"""What the rehearsal calls an example where it cannot know what the files tell: only that PID 1 does not heed it."""


@dataclass(frozen=True, slots=True)
class Without:
    """A program, or a service, that is not to be expected on a machine and that nothing could stand in for."""

    program: str


@dataclass(frozen=True, slots=True)
class SeenAs:
    """It ends badly, or not at its best, and another finding says so."""

    code: str


Reason: TypeAlias = Without | SeenAs | str

_JOB = "a Job's pod comes to an end by itself: nothing to end here"

NOT_PLAYED: dict[str, dict[str, Reason]] = {
    "LD101": {
        "conda run, which passes SIGTERM on to nobody": Without("conda"),
        "a script that was not found in the repository may say exec": "nothing to start",
        "the preStop hook ends the service itself and waits, and the shell ends with it": "hooks of LD1 are not played",
        "one simple command for sh, in an image of which nobody knows which shell that is": "nobody knows",
        "a client that prepares something before the script execs its server": Without("mysql"),
        "an errand at intervals: what comes back after each pause is no service": "it is killed, and nothing is lost",
        "the official images' entrypoint script execs what it is given": Without("redis"),
        "a shell that only sleeps serves nobody: that is LD103's matter": SeenAs("LD103"),
        "a Job that does two things one after the other: ended early, its work is lost in any case": _JOB,
        "a launcher of an MPIJob, which comes to an end by itself": _JOB,
        "an init container does its work and ends": "init containers are not played",
    },
    "LD103": {
        "Flask's development server with its reloader, which ends at the signal": Without("flask"),
        "a container that sleeps, and a grace that keeps nobody waiting": "it is killed, and nothing is lost",
        "Java has a handler of its own": "Java in real rehearsals: tests/rehearse",
        "sleep in a pod that shares its PID namespace is not PID 1": "shareProcessNamespace is not played",
    },
    "LD105": {
        "npm start in a Debian image, whose sh dies between npm and node": "npm in real rehearsals: tests/rehearse",
        "npm in an image of which nobody knows which shell sh is: bash and busybox get out of the way": "nobody knows",
        "npm in an Alpine image, whose sh execs the one command of the script": "npm starts this machine's sh",
        "package.json says what npm start starts: node, which dies with its sh": "npm is played in tests/rehearse",
        "the script of package.json lets node take the place of its sh": "npm is played in tests/rehearse",
        "node without npm": "node in real rehearsals: tests/rehearse",
        "setpriv changes the user and is gone": "www-data may not read what stands in here",
        "su, which kills 2 s after the signal": "www-data may not read what stands in here",
        "a pod that shares its PID namespace: no shell is PID 1, and each dies of the signal": "it is not played",
    },
    "LD201": {
        "the delay is there, but its program is not: that is another finding": SeenAs("LD203"),
        "the only pod of a Recreate Deployment: nobody else could take the requests": (
            "with or without a delay its requests are lost"
        ),
        "an Istio gateway: its agent lets Envoy serve on while it drains": Without("istio"),
        "a pod to play in, which only sleeps": SeenAs("LD103"),
        "a database, whose clients hold their connections": Without("postgres"),
        "a database in an image of one's own, which its port tells": "nobody knows which database",
        "Python's own web server, which does not hear the signal, and serves on until SIGKILL": SeenAs("LD103"),
    },
    "LD203": {
        "a script from a ConfigMap that may be executed": "the scripts of hooks are not laid out here",
        "a shell reads the script from a ConfigMap, which needs no permission for that": (
            "the scripts of hooks are not laid out here"
        ),
    },
    "LD204": {
        "a sleep action that is longer than the grace: the API refuses the pod": "there is no such pod",
    },
    "LD302": {
        "a pod to look around in, which only sleeps: nobody waits for its end, and nothing is lost": (
            "it is killed, and nothing is lost"
        ),
    },
    "LD210": {
        "a Job that nobody sends a request to": _JOB,
        "a Job with a port": _JOB,
        "a Job's container with another one beside it": _JOB,
        "a Job that gives its work ten minutes to be done before it is told to stop": _JOB,
        "a worker with a helper beside it, which may be what it waits for": "the helper's image is nobody's here",
    },
}
NO_EXAMPLE_PLAYED = {
    "LD104": "what nginx and its like do at a signal cannot be stood in for: tests/rehearse plays some",
    "LD305": "spot notices and autoscalers are the cluster's: a deletion by hand gives the whole grace",
}

NOT_MENDED = {
    "LD101": {
        "a loop that starts the service again",
        "a pipeline in an Alpine image",
        "a pipeline, in which not even exec helps",
        "a service in the background, and a wait that hears nothing",
        "a trap for another signal than the one that is sent",
        "a trap that dash refuses, because it knows no SIGTERM, only TERM",
        "a wrapper that keeps the signal to itself",
    },
    "LD102": {
        "a trap between double quotes: the service's PID is put in before there is a service",
        "a trap that ignores the signal, for the service as well",
        "a trap that says something and passes nothing on",
    },
    "LD103": {
        "Flask's development server, which an entrypoint script execs",
        "Python's own web server",
        "a container that a shell keeps alive",
    },
    "LD105": {
        "a trap that only exits",
        "a trap that passes the signal on and exits",
        "a trap that passes the signal on, and a script that ends behind the one wait",
    },
    "LD304": {"an hour for a WebSocket in the Ingress, and the default of 30 s in the pod"},
}
"""Bad examples that are played and for which no change is offered: their page explains what to think about."""


def conditions(code: str, story: str) -> Conditions:
    """What that story, or its mended example, is played under."""
    return OTHERWISE.get(code, {}).get(story, CONDITIONS[code])
