"""The kustomize pen, against kustomize itself where it is installed."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lameduck.pod.entry import Span
from lameduck.pod.source import Source
from lameduck.remedies.amending import amended
from lameduck.remedies.kustomize import kustomize_patch
from lameduck.remedies.remedy import Change, EditText, FieldChange, Json, RemoveField, SetField
from tests.remedies.merging import without_nulls

_POD = ("spec", "template", "spec")


def _deployment(**more: Any) -> dict[str, Json]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "template": {
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "initContainers": [{"name": "setup", "image": "setup"}],
                    "containers": [
                        {"name": "web", "image": "web", "lifecycle": {"preStop": {"exec": {"command": ["true"]}}}},
                        {"name": "side", "image": "side", "args": ["a", "b"], "env": [{"name": "A", "value": "1"}]},
                    ],
                }
            }
        },
        **more,
    }


_CHANGES: tuple[FieldChange, ...] = (
    SetField((*_POD, "terminationGracePeriodSeconds"), 60, "because"),
    SetField((*_POD, "containers", 0, "lifecycle", "preStop"), {"sleep": {"seconds": 5}}, "because"),
    SetField((*_POD, "containers", 1, "args"), ["c"], "because"),
    RemoveField((*_POD, "containers", 1, "env", 0), "because"),
    SetField(("spec", "strategy"), {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}}, "because"),
)


def test_several_remedies_of_one_workload_stand_in_one_patch() -> None:
    assert (
        kustomize_patch(_deployment(), _CHANGES).text
        == """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 60
      containers:
        - name: web
          lifecycle:
            preStop:
              exec: null
              sleep:
                seconds: 5
        - name: side
          args: [c]
          env:
            - $patch: delete
              name: A
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
"""
    )


@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is missing: https://kubernetes.io/docs/tasks/tools"
)
@pytest.mark.parametrize(
    "command",
    [
        ["kustomize", "."],
        ["patch", "--local", "--type=strategic", "--filename=base.yaml", "--patch-file=patch.yaml", "--output=yaml"],
    ],
    ids=["kustomize", "kubectl patch"],
)
def test_the_tools_make_of_it_the_object_that_was_meant(tmp_path: Path, command: list[str]) -> None:
    workload = _deployment()
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(workload))
    (tmp_path / "patch.yaml").write_text(kustomize_patch(workload, _CHANGES).text or "")
    (tmp_path / "kustomization.yaml").write_text("resources: [base.yaml]\npatches: [{path: patch.yaml}]\n")
    made = subprocess.run(["kubectl", *command], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert yaml.safe_load(made.stdout) == without_nulls(amended(workload, _CHANGES))


def test_nothing_to_change_is_no_patch() -> None:
    assert kustomize_patch(_deployment(), [RemoveField(("spec", "nothing"), "because")]).text is None


_EDIT = EditText(Span(Source("run.sh", "app\n"), 0, 3), "exec app", "because")
_NEW: Json = {"name": "new", "image": "new"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_EDIT, "kustomize does not reach scripts and Dockerfiles"),
        (
            SetField((*_POD, "initContainers", 1), _NEW, "because"),
            "kustomize puts new items of spec.template.spec.initContainers first, other tools last",
        ),
        (SetField(("metadata", "name"), "other", "because"), "a patch cannot rename an object"),
        (SetField(("kind",), "Pod", "because"), "a patch cannot change what an object is"),
        (
            SetField((*_POD, "containers", 1, "name"), "other", "because"),
            "kustomize puts new items of spec.template.spec.containers first, other tools last",
        ),
        (SetField(("kind", "x"), 1, "because"), "kind is no mapping, so that it cannot hold x"),
    ],
    ids=["a script", "a new item", "another name", "another kind", "an item's name", "no place"],
)
def test_what_a_patch_cannot_say_is_left_out_with_a_reason_and_the_rest_stays(change: Change, reason: str) -> None:
    patch = kustomize_patch(_deployment(), [change, _CHANGES[0]])
    assert patch.left_out == ((change, reason),)
    assert "terminationGracePeriodSeconds: 60" in (patch.text or "")


def test_a_kind_that_kustomize_does_not_know_would_lose_its_lists() -> None:
    rollout = _deployment(apiVersion="argoproj.io/v1alpha1", kind="Rollout")
    patch = kustomize_patch(rollout, _CHANGES[:2])
    assert patch.left_out == (
        (
            _CHANGES[1],
            "kustomize knows no key of spec.template.spec.containers in this kind, and would replace the whole list",
        ),
    )


def test_an_object_without_a_name_is_not_found_by_kustomize() -> None:
    patch = kustomize_patch(_deployment(metadata={"generateName": "web-"}), _CHANGES[:1])
    assert patch.text is None
    assert len(patch.left_out) == 1
