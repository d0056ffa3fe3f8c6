"""A bare command becomes a manifest that any other reader of manifests understands."""

import pytest

from lameduck.pod.handlers import Exec, HttpGet, Sleep
from lameduck.pod.place import InputError
from lameduck.pod.reading import read_text
from lameduck.rehearse.making_up import DEFAULT_GRACE_S, DEFAULT_PORT, made_up_manifest


def made_up(**given: object) -> str:
    options: dict[str, object] = {"port": DEFAULT_PORT, "pre_stop": None, "grace_s": None, "replicas": 2, **given}
    return made_up_manifest(["serve", "--port", "{port}"], **options)  # type: ignore[arg-type]


def test_it_reads_back_without_a_problem_and_its_service_selects_it() -> None:
    manifests = read_text(made_up(replicas=3), "made up")
    assert manifests.problems == ()
    (workload,) = manifests.workloads
    assert (workload.replicas, workload.pod.termination_grace_period_s) == (3, DEFAULT_GRACE_S)
    assert workload.pod.container("app").command == ("serve", "--port", "8080")
    assert manifests.services_of(workload) == manifests.services != ()


def test_the_port_that_is_named_stands_in_the_command_and_under_ports() -> None:
    (workload,) = read_text(made_up(port=5000), "made up").workloads
    container = workload.pod.container("app")
    assert container.command == ("serve", "--port", "5000")
    assert [port.number for port in container.ports] == [5000]


def test_without_a_port_it_is_a_worker_that_no_service_selects() -> None:
    manifests = read_text(made_up(port=None, pre_stop="5"), "made up")
    (workload,) = manifests.workloads
    container = workload.pod.container("app")
    assert (container.ports, container.readiness, manifests.services) == ((), None, ())


@pytest.mark.parametrize("text", ["5", "5s", "sleep:5"])
def test_a_number_is_a_sleep_hook(text: str) -> None:
    (workload,) = read_text(made_up(pre_stop=text), "made up").workloads
    assert isinstance(hook := workload.pod.container("app").pre_stop, Sleep)
    assert hook.seconds == 5


def test_an_exec_hook_is_split_into_words() -> None:
    (workload,) = read_text(made_up(pre_stop="exec:sh -c 'sleep 1; echo done'"), "made up").workloads
    assert isinstance(hook := workload.pod.container("app").pre_stop, Exec)
    assert hook.command == ("sh", "-c", "sleep 1; echo done")


def test_an_http_hook_asks_the_port_of_the_command() -> None:
    (workload,) = read_text(made_up(pre_stop="http:/drain"), "made up").workloads
    assert isinstance(hook := workload.pod.container("app").pre_stop, HttpGet)
    assert (hook.url_path, hook.port) == ("/drain", "http")


@pytest.mark.parametrize("text", ["", "soon", "sleep:1.5", "exec:", "exec:'", "http:drain", "tcp:80"])
def test_what_is_no_hook_is_named(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a preStop hook\. Write"):
        made_up(pre_stop=text)
