"""Pod templates by their shape, in kinds that nobody here knows."""

import pytest

from lameduck.pod.objects.manifests import Manifests
from lameduck.pod.reading import read_text

POD = "{metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: app}]}}"


def read(kind: str, spec: str, api_version: str = "example.org/v1") -> Manifests:
    text = f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n"
    return read_text(text, "x.yaml")


@pytest.mark.parametrize(
    "spec",
    [
        f"{{template: {POD}}}",
        f"{{deep: {{er: {{podTemplate: {POD}}}}}}}",
        f"{{jobs: [{{template: {{spec: {{template: {POD}}}}}}}]}}",
        "{podSpec: {containers: [{name: app, image: app}]}}",
        "{server: {podSpec: {containers: [{name: app}]}}}",
    ],
)
def test_a_template_is_found_where_its_shape_is(spec: str) -> None:
    (workload,) = read("Anything", spec).workloads
    assert (workload.title, workload.pod.containers[0].name) == ("Anything/x", "app")


def test_the_labels_are_those_beside_the_spec() -> None:
    (workload,) = read("Anything", f"{{jobs: [{{template: {POD}}}]}}").workloads
    assert workload.pod.labels == (("app", "web"),)
    assert workload.pod.at == ("spec", "jobs", 0, "template", "spec")


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (f"{{tasks: [{{name: ps, template: {POD}}}, {{template: {POD}}}]}}", ["x-ps", "x-1"]),
        (f"{{leader: {{template: {POD}}}, worker: {{template: {POD}}}}}", ["x-leader", "x-worker"]),
        (f"{{headGroupSpec: {{template: {POD}}}, more: [{{template: {POD}}}]}}", ["x-headgroupspec", "x-0"]),
    ],
)
def test_several_templates_of_one_object_are_told_apart(spec: str, names: list[str]) -> None:
    assert [workload.name for workload in read("Anything", spec).workloads] == names


@pytest.mark.parametrize(
    "spec",
    [
        "{containers: [{name: x}]}",  # an operator's overrides, as in Prometheus
        "{template: {spec: {containers: {type: array}}}}",
        "{template: {spec: {containers: [a, b]}}}",
        "{template: {spec: {url: x}}}",
        f"{{metadata: {{template: {POD}}}}}",
        "{" + "a: {" * 20 + f"template: {POD}" + "}" * 21,
        "[1]",
        "text",
    ],
)
def test_what_only_resembles_a_template_is_none(spec: str) -> None:
    manifests = read("Anything", spec)
    assert (manifests.workloads, manifests.problems, manifests.passed_over) == ((), (), 1)


@pytest.mark.parametrize(
    "api_version",
    ["kyverno.io/v1", "templates.gatekeeper.sh/v1", "apiextensions.k8s.io/v1", "helm.toolkit.fluxcd.io/v2"],
)
def test_policies_schemas_and_values_are_no_workloads(api_version: str) -> None:
    assert read("Anything", f"{{template: {POD}}}", api_version).workloads == ()


def test_a_volcano_job_is_a_job_by_name_only() -> None:
    manifests = read("Job", f"{{tasks: [{{name: a, template: {POD}}}]}}", "batch.volcano.sh/v1alpha1")
    assert [workload.title for workload in manifests.workloads] == ["Job/x"]


def test_templates_that_share_one_anchor_are_read_each() -> None:
    manifests = read("Anything", f"{{a: {{template: &t {POD}}}, b: {{template: *t}}}}")
    first, second = manifests.workloads
    assert first.pod.containers[0].image == second.pod.containers[0].image == "app"
    assert first.place(first.pod.at) == second.place(second.pod.at)
