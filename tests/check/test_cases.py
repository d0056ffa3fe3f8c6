"""What stands beside a workload: in its own folder, or nearest to it."""

from pathlib import Path

import pytest

from lameduck.check.cases import case_of
from lameduck.check.surveying import Holds, holds, survey
from lameduck.pod.case import Case
from lameduck.pod.reading import read_paths
from tests.check.fakes import deployment, files, write

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
BUDGET = (
    "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: %s}\n"
    "spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}\n"
)


def case(root: Path, name: str = "web.yaml") -> Case:
    """The case of the first workload in that file, with everything below the root around it."""
    (workload,) = read_paths([str(root / name)]).workloads
    return case_of(workload, survey(files(root), {}), (1, 36))


def test_objects_of_one_folder_are_judged_together(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment(more="          envFrom: [{configMapRef: {name: conf}}]\n"))
    write(tmp_path, "service.yaml", SERVICE % "web")
    write(tmp_path, "budget.yaml", BUDGET % "web")
    write(
        tmp_path,
        "rest.yaml",
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n"
        "spec: {scaleTargetRef: {kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 4}\n---\n"
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\n"
        "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}\n---\n"
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {A: one}\n",
    )
    found = case(tmp_path)
    assert [each.name for each in found.services] == ["web"]
    assert [each.min_available for each in found.budgets] == [1]
    assert [each.min_replicas for each in found.autoscalers] == [2]
    assert [each.name for each in found.ingresses] == ["web"]
    assert found.config_maps["conf"].data == (("A", "one"),)


def test_what_is_kept_knows_its_place_when_asked(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment())
    write(tmp_path, "all.yaml", f"# first\n{SERVICE % 'other'}---\n{BUDGET % 'web'}")
    (budget,) = case(tmp_path).budgets
    place = budget.place((*budget.at, "spec", "minAvailable"))
    assert (Path(place.file).name, place.line, place.column) == ("all.yaml", 10, 22)


def test_the_nearest_variant_counts(tmp_path: Path) -> None:
    for variant in ("dev", "prod"):
        write(tmp_path, f"{variant}/web.yaml", deployment())
        write(tmp_path, f"{variant}/service.yaml", SERVICE % f"web-{variant}")
    assert [each.name for each in case(tmp_path, "dev/web.yaml").services] == ["web-dev"]
    assert [each.name for each in case(tmp_path, "prod/web.yaml").services] == ["web-prod"]


def test_folders_by_kind_are_looked_through(tmp_path: Path) -> None:
    write(tmp_path, "deployments/web.yaml", deployment())
    write(tmp_path, "services/web.yaml", SERVICE % "web")
    assert [each.name for each in case(tmp_path, "deployments/web.yaml").services] == ["web"]


def test_a_service_of_another_example_is_not_the_workloads(tmp_path: Path) -> None:
    # Seen in repositories of samples: half of them label their pods `app: nginx`, and each is deployed alone.
    write(tmp_path, "samples/bootstrap/web.yaml", deployment())
    write(tmp_path, "samples/hello/web.yaml", SERVICE % "web")
    assert case(tmp_path, "samples/bootstrap/web.yaml").services == ()


def test_in_one_namespace_that_both_name_the_folders_do_not_matter(tmp_path: Path) -> None:
    write(tmp_path, "shop/cart/web.yaml", deployment(namespace="shop"))
    write(tmp_path, "shop/edge/web.yaml", SERVICE % "web, namespace: shop")
    assert [each.name for each in case(tmp_path, "shop/cart/web.yaml").services] == ["web"]


def test_a_service_in_a_folder_above_leads_to_what_stands_below(tmp_path: Path) -> None:
    write(tmp_path, "all.yaml", SERVICE % "web")
    write(tmp_path, "v1/gray/web.yaml", deployment())
    assert [each.name for each in case(tmp_path, "v1/gray/web.yaml").services] == ["web"]


def test_parts_that_an_operators_scaffold_lays_out_belong_together(tmp_path: Path) -> None:
    write(tmp_path, "config/manager/web.yaml", deployment(more="          ports: [{containerPort: 9443}]\n"))
    write(tmp_path, "config/webhook/web.yaml", SERVICE % "webhook")
    assert [each.name for each in case(tmp_path, "config/manager/web.yaml").services] == ["webhook"]


def test_a_scaffolds_webhook_is_none_of_a_manager_that_has_no_port_for_it(tmp_path: Path) -> None:
    # Every operator of one generator has config/webhook/service.yaml; a patch opens the port where it is in use.
    write(tmp_path, "config/manager/web.yaml", deployment(namespace="system"))
    write(tmp_path, "config/webhook/web.yaml", SERVICE % "webhook, namespace: system")
    assert case(tmp_path, "config/manager/web.yaml").services == ()


def test_of_two_with_one_name_the_one_in_the_same_file_counts(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", SERVICE % "web")
    write(tmp_path, "web.yaml", deployment() + "---\n" + SERVICE % "web")
    (service,) = case_services(tmp_path)
    assert service == "web.yaml"


def case_services(root: Path) -> list[str]:
    return [Path(each.document.file).name for each in case(root).services]


def test_another_namespace_is_another_world(tmp_path: Path) -> None:
    write(tmp_path, "web.yaml", deployment(namespace="prod"))
    write(tmp_path, "service.yaml", SERVICE % "web")
    write(tmp_path, "own.yaml", (SERVICE % "own, namespace: prod"))
    assert [each.name for each in case(tmp_path).services] == ["own"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (deployment(), Holds.PODS),
        ("kind: Job\nspec: {template: {spec: {initContainers: []}}}", Holds.PODS),
        ("kind: InferenceService\nspec: {}", Holds.PODS),
        ('kind: "Service"\nspec: {}', Holds.SURROUNDINGS),
        ("apiVersion: serving.knative.dev/v1\nkind: Service\nspec: {template: {spec: {containers: []}}}", Holds.PODS),
        ("kind: CustomResourceDefinition\nspec: {containers: []}", Holds.NOTHING),
        ("kind: Role\nrules: []", Holds.NOTHING),
        ("image: web", Holds.NOTHING),
        ('{"kind": "Deployment"}', Holds.PERHAPS_BOTH),
        ("kind: List\nitems: []", Holds.PERHAPS_BOTH),
        ("kind: Service\n...\nkind: Deployment\n", Holds.PERHAPS_BOTH),
        ("", Holds.NOTHING),
    ],
)
def test_what_a_document_holds_is_told_from_a_look(text: str, what: Holds) -> None:
    assert holds(text) is what
