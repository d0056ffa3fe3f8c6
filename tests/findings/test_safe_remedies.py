"""Which of the remedies for hooks and graces are made without asking: those that make nothing worse for anybody."""

import pytest

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.examples import case
from lameduck.findings.finding import Example, Finding
from lameduck.findings.looking import look_into

_SAFE = {
    "LD201": {
        "no preStop, and a server that exits at the signal",
        "no room in the grace for the delay that is missing",
        "a hook that says goodbye and waits for nothing",
        "gunicorn, which closes its sockets at the signal",
        "a cluster that does not know the sleep action yet, and an image that has sleep",
        "lameduck run in front, which passes the signal on at once unless it is told to wait",
    },
    "LD202": {
        "a tcpSocket hook",
        "a tcpSocket hook of a container behind a Service",
        "httpGet without a host on hostNetwork",
        "a length of time that no sleep understands",
    },
    "LD203": {
        "a distroless image has no sleep",
        "a command and its argument in one string",
        "a shell and its script in one string",
        "bash in an Alpine image",
    },
    "LD204": {
        "a sleep as long as the grace",
        "a sleep action that is longer than the grace: the API refuses the pod",
    },
    "LD205": {"two commands joined by &&", "a variable that nobody replaces"},
    "LD206": {"the official image drains at its stop signal, but the hook makes it quit before clients have left"},
    "LD207": {"it sends SIGTERM and then sleeps"},
    "LD208": set(),
    "LD209": set(),
    "LD210": set(),
    "LD301": {
        "gunicorn is told that it may take a minute, and the pod gets 30 s",
        "a hook of 15 s and uvicorn's limit of 20 s, in a script",
        "Spring Boot's limit in the environment, behind a hook",
        "nginx' limit in a ConfigMap that is mounted",
        "gunicorn's limit in its settings file, from a ConfigMap",
    },
    "LD302": set(),
    "LD303": set(),
    "LD304": set(),
    "LD305": set(),
}


@pytest.mark.parametrize("finding", [f for f in FINDINGS if f.code in _SAFE], ids=lambda finding: finding.code)
def test_these_and_no_others_are_mended_without_asking(finding: Finding) -> None:
    safe = {example.story for example in finding.bad if _is_mended(finding, example)}
    assert safe == _SAFE[finding.code]


def _is_mended(finding: Finding, example: Example) -> bool:
    return any(found.code == finding.code and found.fixable for found in look_into(case(example)))
