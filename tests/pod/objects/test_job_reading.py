"""What Jobs make of failures, and what else of a workload tells how it is replaced."""

import pytest

from lameduck.pod.reading import read_text
from lameduck.pod.workloads import FailureRules, Workload

_JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: import}
spec:
  %s
  template:
    spec: {restartPolicy: Never, containers: [{name: app, image: app:1}]}
"""
_IGNORE = "podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: %s}]}]}"


def _workload(text: str) -> Workload:
    manifests = read_text(text, "job.yaml")
    assert manifests.problems == ()
    return manifests.workloads[0]


def test_a_job_allows_six_failures_unless_it_says_otherwise() -> None:
    assert _workload(_JOB % "completions: 1").failure_rules == FailureRules(at=("spec",))


def test_what_a_job_says_of_failures_is_read_with_its_place() -> None:
    assert _workload(_JOB % "backoffLimit: 0").failure_rules == FailureRules(
        0, backoff_limit_at=("spec", "backoffLimit"), at=("spec",)
    )


@pytest.mark.parametrize(("condition", "ignores"), [("DisruptionTarget", True), ("ConfigIssue", False)])
def test_only_a_rule_for_disruptions_ignores_them(condition: str, ignores: bool) -> None:
    rules = _workload(_JOB % (_IGNORE % condition)).failure_rules
    assert rules is not None
    assert rules.policy_at == ("spec", "podFailurePolicy")
    assert rules.ignores_disruptions == ignores


def test_an_indexed_job_that_counts_for_each_index_is_passed_over() -> None:
    assert _workload(_JOB % "backoffLimitPerIndex: 0").failure_rules is None


def test_a_cron_job_has_its_rules_in_its_template() -> None:
    text = (
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec:\n  schedule: '@daily'\n  jobTemplate:\n"
        "    spec:\n      backoffLimit: 1\n      template:\n"
        "        spec: {restartPolicy: Never, containers: [{name: a, image: a}]}\n"
    )
    rules = _workload(text).failure_rules
    assert rules is not None
    assert (rules.backoff_limit, rules.at) == (1, ("spec", "jobTemplate", "spec"))


def test_a_deployment_keeps_claims_selector_and_deadline() -> None:
    workload = _workload(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  progressDeadlineSeconds: 90\n"
        "  selector: {matchLabels: {app: d}}\n  template:\n    metadata: {labels: {app: d}}\n    spec:\n"
        "      containers: [{name: a, image: a}]\n"
        "      volumes: [{name: v, persistentVolumeClaim: {claimName: data}}, {name: e, emptyDir: {}}]\n"
    )
    assert workload.progress_deadline_s == 90
    assert workload.pod.claims == ("data",)
    assert workload.selector is not None
    assert workload.selector.labels == (("app", "d"),)
    assert workload.failure_rules is None
    assert workload.replicas_at is None


def test_a_replication_controllers_selector_is_plain() -> None:
    workload = _workload(
        "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: r}\nspec:\n  replicas: 2\n"
        "  selector: {app: r}\n  template:\n    metadata: {labels: {app: r}}\n"
        "    spec: {containers: [{name: a, image: a}]}\n"
    )
    assert workload.selector is not None
    assert workload.selector.labels == (("app", "r"),)
    assert workload.replicas_at == ("spec", "replicas")
