"""Remedies that change what stands beside a workload: its budget, its Service; in their own files and patches."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lameduck.check.fixing import Fixed, fix
from lameduck.check.judging import Settings
from lameduck.check.patching import json_patches, kustomize_patches, patchable
from lameduck.findings.catalogue import FINDINGS
from tests.check.fakes import SETTINGS, files, write

_WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: registry.example/app:1
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          readinessProbe: {tcpSocket: {port: 8080}}
"""
_BUDGET = """\
# the budget
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: default}
spec:
  minAvailable: 100%   # all of them
  selector: {matchLabels: {app: web}}
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  publishNotReadyAddresses: true
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
"""


def _mended(root: Path, *, unsafe: bool = True) -> Fixed:
    def settings(_: Mapping[str, bytes]) -> Settings:
        chosen = tuple(finding for finding in FINDINGS if finding.code in ("LD404", "LD406"))
        return replace(SETTINGS, findings=chosen)

    return fix(files(root), settings, {}, unsafe=unsafe)


def _laid_out(root: Path, *workloads: str) -> None:
    for name in workloads:
        write(root, f"{name}.yaml", _WEB % name)
    write(root, "budget.yaml", _BUDGET)
    write(root, "service.yaml", _SERVICE)


def test_a_budget_and_a_service_are_mended_in_their_own_files(tmp_path: Path) -> None:
    _laid_out(tmp_path, "web")
    assert _mended(tmp_path, unsafe=False).files == ()
    fixed = _mended(tmp_path)
    assert fixed.judged.checked.seen == []
    after = {Path(file.name).name: file.after.decode() for file in fixed.files}
    assert after == {
        "budget.yaml": _BUDGET.replace("minAvailable: 100%", "maxUnavailable: 1"),
        "service.yaml": _SERVICE.replace("  publishNotReadyAddresses: true\n", ""),
    }


def test_two_workloads_that_share_a_budget_mend_it_once(tmp_path: Path) -> None:
    _laid_out(tmp_path, "blue", "green")
    fixed = _mended(tmp_path)
    assert fixed.notes == ()
    assert sorted(Path(file.name).name for file in fixed.files) == ["budget.yaml", "service.yaml"]
    assert fixed.judged.checked.seen == []


def test_a_patch_is_for_the_object_that_changes(tmp_path: Path) -> None:
    _laid_out(tmp_path, "web")
    every, notes = patchable(_mended(tmp_path).rounds)
    assert notes == []
    patches: list[dict[str, Any]] = json.loads(json_patches(every).text)
    assert [(each["kind"], each["name"], each["namespace"], Path(each["file"]).name) for each in patches] == [
        ("PodDisruptionBudget", "web", "default", "budget.yaml"),
        ("Service", "web", None, "service.yaml"),
    ]
    assert sorted((each["op"], each["path"]) for each in patches[0]["patch"]) == [
        ("add", "/spec/maxUnavailable"),
        ("remove", "/spec/minAvailable"),
    ]
    assert "kind: PodDisruptionBudget" in kustomize_patches(every).text
    assert "kind: Deployment" not in kustomize_patches(every).text


def test_objects_of_one_list_are_mended_where_they_stand(tmp_path: Path) -> None:
    parts = "".join(
        "  - " + text.replace("# the budget\n", "").replace("\n", "\n    ").rstrip(" ")
        for text in (_WEB % "web", _BUDGET)
    )
    write(tmp_path, "all.yaml", f"apiVersion: v1\nkind: List\nitems:\n{parts}")
    fixed = _mended(tmp_path)
    assert fixed.judged.checked.seen == []
    (file,) = fixed.files
    assert "      maxUnavailable: 1   # all of them\n" in file.after.decode()
    every, _ = patchable(fixed.rounds)
    (patch,) = json.loads(json_patches(every).text)
    assert (patch["kind"], patch["patch"][0]["path"].count("items")) == ("PodDisruptionBudget", 0)
