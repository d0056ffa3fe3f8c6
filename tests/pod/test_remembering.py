"""Asking once: as often as a case is new, and never with another's answer."""

from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.programs.receivers import receivers
from lameduck.pod.reading import read_text
from lameduck.pod.remembering import once_for_case, once_for_container

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: a, image: x}, {name: b, image: y}]}
"""


def case() -> Case:
    (workload,) = read_text(POD, "web.yaml").workloads
    return Case(workload)


def test_a_case_is_asked_once_until_another_comes() -> None:
    asked: list[Case] = []

    def ask(one: Case) -> int:
        asked.append(one)
        return len(asked)

    remembered = once_for_case(ask)
    first, second = case(), case()
    assert first == second  # equal is not the same: comparing would take longer than asking
    assert [remembered(each) for each in (first, first, second, second, first)] == [1, 1, 2, 2, 3]


def test_each_container_has_its_own_answer_also_if_there_is_none() -> None:
    asked: list[str] = []

    def ask(_: Case, container: Container) -> str | None:
        asked.append(container.name)
        return container.image if container.name == "b" else None

    remembered = once_for_container(ask)
    one, other = case(), case()
    a, b = one.workload.pod.containers
    assert [remembered(one, each) for each in (a, b, a, b)] == [None, "y", None, "y"]
    assert asked == ["a", "b"]
    assert remembered(other, b) == "y"
    assert asked == ["a", "b", "b"]


def test_what_is_remembered_keeps_its_name_and_docstring() -> None:
    assert receivers.__name__ == "receivers"
    assert "through a Service" in (receivers.__doc__ or "")
