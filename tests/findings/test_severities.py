"""How grave the same fault is in different surroundings: what nobody would act on is said, and is no debt."""

from lameduck.findings.examples import SERVICE, case
from lameduck.findings.finding import Example, Severity
from lameduck.findings.looking import look_into

_WAITS = "lifecycle: {preStop: {sleep: {seconds: 5}}}"
_NO_GRACE = "terminationGracePeriodSeconds: 0"


def _severities(code: str, example: Example) -> list[Severity]:
    return [found.severity for found in look_into(case(example)) if found.code == code]


def test_no_grace_is_a_debt_only_where_the_end_may_cost_somebody_something() -> None:
    claim = "\nvolumes: [{name: data, persistentVolumeClaim: {claimName: data}}]"
    assert _severities("LD302", Example("nobody asks it for anything", pod=_NO_GRACE)) == [Severity.INFO]
    assert _severities("LD302", Example("a Service", pod=_NO_GRACE, objects=SERVICE)) == [Severity.WARNING]
    assert _severities("LD302", Example("a volume", pod=_NO_GRACE + claim)) == [Severity.WARNING]
    assert _severities("LD302", Example("a hook", pod=_NO_GRACE, container=_WAITS)) == [Severity.WARNING]


def test_the_only_pod_of_a_database_is_missed_whatever_a_probe_asks() -> None:
    database = Example("one", replicas=1, container=f"image: postgres:16\n{_WAITS}", objects=SERVICE, bare=True)
    server = Example("one", replicas=1, container=_WAITS, objects=SERVICE, bare=True)
    assert _severities("LD402", database) == [Severity.INFO]
    assert _severities("LD402", server) == [Severity.WARNING]
