"""Looking: everything that makes an ending ungraceful has one finding that speaks for it, and no other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.ending.happenings import HookFailure
from lameduck.ending.kills import KillCause, explain_kills
from lameduck.ending.losses import Cause, Loss
from lameduck.ending.playing import Behaviour, play
from lameduck.ending.requests import Fate
from lameduck.ending.timeline import Timeline
from lameduck.ending.verdict import judge
from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.examples import REPLACEMENT, case, manifest, request, witness
from lameduck.findings.finding import Example, Found, Severity, Witness, Witnessed
from lameduck.findings.looking import look, look_into
from lameduck.pod.durations import Seconds
from lameduck.pod.place import Place
from lameduck.pod.reading import read_text

_EXAMPLES = tuple(example for finding in FINDINGS for example in (*finding.bad, *finding.good))


def _codes(witnessed: Witnessed) -> list[str]:
    return [found.code for found in look(witnessed)]


def test_what_was_found_carries_code_words_workload_container_and_place() -> None:
    example = Example(
        "no preStop",
        requests=(request(Fate.REFUSED, 0.2), request(Fate.REFUSED, 0.9)),
    )
    assert look(witness(example)) == (
        Found(
            code="LD201",
            title="no-delay-before-stop",
            severity=Severity.ERROR,
            message="2 requests came 0.2-0.9 s after the deletion to a pod that accepted no more: nothing delays its "
            "stop, and the endpoints were updated after 1 s",
            mend="Write lifecycle: {preStop: {sleep: {seconds: 2}}}",
            workload="Deployment/web",
            container="app",
            place=Place("web.yaml", 14, 11),
        ),
    )


def test_the_gravest_comes_first_then_the_lowest_code() -> None:
    example = Example(
        "much at once",
        container="lifecycle: {preStop: {sleep: {seconds: 20}}}",
        pod="initContainers: [{name: proxy, image: p, restartPolicy: Always}]",
        behaviour={"app": Behaviour(drain_s=Seconds(8.5)), "proxy": Behaviour(drain_s=Seconds(1))},
        requests=(request(Fate.SERVER_ERROR, 21.0, reused=True), request(Fate.RESET, 20.1, reused=True)),
    )
    assert [(each.severity, each.code) for each in look(witness(example))] == [
        (Severity.ERROR, "LD901"),
        (Severity.ERROR, "LD904"),
        (Severity.WARNING, "LD501"),
        (Severity.INFO, "LD903"),
    ]


def test_a_quiet_ending_has_no_findings() -> None:
    assert look(witness(Example("two seconds of delay", container="lifecycle: {preStop: {sleep: {seconds: 2}}}"))) == ()


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (Cause.BEFORE_ENDPOINTS, "LD201"),
        (Cause.NO_ENDPOINT, "LD401"),
        (Cause.KEEPALIVE_RACE, "LD904"),
        (Cause.CUT_BY_STOP, "LD104"),
        (Cause.CUT_BY_EXIT, "LD104"),
        (Cause.CUT_BY_KILL, "LD901"),
        (Cause.NEVER_ANSWERED, "LD901"),
        (Cause.ANSWERED_5XX, "LD901"),
        (Cause.NOT_LISTENING_YET, "LD402"),
        (Cause.NOT_THE_ENDING, None),
    ],
)
def test_each_cause_of_a_loss_has_one_finding(cause: Cause, code: str | None) -> None:
    seen = witness(Example("an ending without losses"))
    loss = Loss(request(Fate.RESET, 0.4), cause, "stopping")
    seen = replace(seen, verdict=replace(seen.verdict, losses=(loss,)))
    assert _codes(seen) == ([] if code is None else [code])


def test_every_cause_of_a_loss_is_in_the_table_above() -> None:
    marks = test_each_cause_of_a_loss_has_one_finding.pytestmark  # type: ignore[attr-defined]
    assert {cause for cause, _ in marks[0].args[1]} == set(Cause)


_SPEAKERS = {
    KillCause.NOT_PASSED_ON: "LD101",
    KillCause.TRAP_WAITED: "LD102",
    KillCause.NOT_HANDLED: "LD103",
    KillCause.LATE_TURN: "LD501",
    KillCause.HOOK_TOOK_ALL: "LD204",
    KillCause.TOO_SLOW: "LD301",
    KillCause.CANNOT_TELL: "LD902",
}


@pytest.mark.parametrize("cause", list(KillCause))
def test_each_cause_of_a_kill_has_one_finding_with_an_example_of_it(cause: KillCause) -> None:
    speakers = set()
    for finding in FINDINGS:
        for example in finding.bad:
            seen = witness(example)
            kills = [k for e in seen.verdict.endings for k in explain_kills(seen.timeline, e, seen.workload.pod)]
            if [kill.cause for kill in kills] == [cause]:
                speakers |= set(_codes(seen))
    assert speakers == {_SPEAKERS[cause]}


@pytest.mark.parametrize("example", _EXAMPLES, ids=lambda example: example.story)
def test_an_ending_is_ungraceful_exactly_when_an_error_is_found(example: Example) -> None:
    seen = witness(example)
    errors = [found for found in look(seen) if found.severity is Severity.ERROR]
    assert seen.verdict.graceful == (not errors), (seen.verdict.reasons, errors)


# One kind of ending in each strategy, so that the examples together are every kind of ending.
_HOOKS = st.sampled_from(
    [
        ("", None),
        ("sleep: {seconds: 0}", None),
        ("sleep: {seconds: 3}", None),
        ("sleep: {seconds: 12}", None),
        ("exec: {command: [/drain.sh]}", None),
        ("exec: {command: [/drain.sh]}", HookFailure.EXIT_STATUS),
        ("exec: {command: [/drain.sh]}", HookFailure.NO_SUCH_PROGRAM),
        ("exec: {command: [sleep, '5']}", HookFailure.NOT_EXECUTABLE),
        ("httpGet: {port: 8080}", None),
        ("httpGet: {port: 8080}", HookFailure.CONNECTION),
        ("tcpSocket: {port: 8080}", None),
    ]
)
_TIMES = st.floats(min_value=0, max_value=20).map(lambda t_s: Seconds(round(t_s, 2)))


@st.composite
def _behaviours(draw: st.DrawFn, failure: HookFailure | None = None) -> Behaviour:
    reception = draw(st.sampled_from(["caught", "caught", "discarded", "ignored", "default", "blocked", "unknown"]))
    never = reception in ("discarded", "ignored")
    return Behaviour(
        drain_s=None if never else draw(st.none() | _TIMES),
        exit_code=draw(st.sampled_from([0, 1, 143])),
        hook_s=draw(_TIMES),
        hook_failure=failure,
        exits_in_hook_s=draw(st.none() | _TIMES),
        reception=reception,
        main=draw(st.sampled_from(["app", "sh /start.sh", "npm start", "tini -- app", "nginx: master process", ""])),
        below=draw(st.sampled_from([(), ("python server.py",), ("sh -c app", "app")])),
    )


@st.composite
def _examples(draw: st.DrawFn) -> Example:
    hook, failure = draw(_HOOKS)
    sidecar = draw(st.booleans())
    requests = draw(
        st.lists(
            st.builds(
                lambda fate, sent_s, for_s, pod, reused: request(
                    fate, sent_s, sent_s + for_s, pod=pod, reused=reused and fate is not Fate.REFUSED
                ),
                st.sampled_from(list(Fate)),
                st.floats(min_value=-2, max_value=20),
                st.floats(min_value=0.001, max_value=8),
                st.sampled_from(["web-a1", "web-a1", "web-a2", REPLACEMENT, None]),
                st.booleans(),
            ),
            max_size=6,
        )
    )
    return Example(
        "any",
        container=f"lifecycle: {{preStop: {{{hook}}}}}" if hook else "",
        pod=f"terminationGracePeriodSeconds: {draw(st.integers(min_value=1, max_value=15))}\n"
        + ("initContainers: [{name: proxy, image: p, restartPolicy: Always}]" if sidecar else ""),
        behaviour={"app": draw(_behaviours(failure)), "proxy": draw(_behaviours())},
        replicas=draw(st.integers(min_value=1, max_value=3)),
        lag_s=draw(_TIMES),
        replacement_ready_s=draw(st.none() | _TIMES),
        grace_s=draw(st.none() | st.integers(min_value=1, max_value=20)),
        requests=tuple(each for each in requests if each.fate is not Fate.REFUSED or not each.reused),
    )


@given(_examples())
def test_whatever_happens_an_ending_is_ungraceful_exactly_when_an_error_is_found(example: Example) -> None:
    seen = witness(example)
    found = look(seen)
    errors = [each for each in found if each.severity is Severity.ERROR]
    assert seen.verdict.graceful == (not errors), (seen.verdict.reasons, errors)
    told = [(each.code, each.container) for each in found]
    assert len(told) == len(set(told)), "one finding says the same thing twice"


def _rollout(example: Example, pods: int) -> Witnessed:
    """The example's ending in several pods, a minute apart, as one rollout."""
    (workload,) = read_text(manifest(example), "web.yaml").workloads
    assert isinstance(example.behaviour, Behaviour)
    names = [f"web-a{number}" for number in range(1, pods + 1)]
    events = []
    containers = {}
    requests = []
    for number, name in enumerate(names):
        zero = Seconds(-60.0 * number)
        played = play(workload.pod, {"app": example.behaviour}, pod=name, others=("web-b1",), lag_s=example.lag_s)
        events += [replace(event, t_s=Seconds(event.t_s - zero)) for event in played.timeline.events]
        containers[name] = tuple(ending.since(zero) for ending in played.containers)
        requests += [replace(each.since(zero), pod=name) for each in example.requests]
    timeline = Timeline(tuple(events))
    verdict = judge(timeline, containers, tuple(requests), rtt_s=Seconds(0.0))
    return Witnessed(workload, timeline, verdict, replicas=pods)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("LD101", "killed 30 s after the deletion (in 3 pods)"),
        ("LD104", "nginx cuts 6 requests in flight, 5 s after the deletion"),
        ("LD201", "6 requests came 0.3-0.7 s after the deletion"),
        ("LD202", "the stop signal follows at once (in 3 pods); 3 requests came before the endpoints were updated"),
        ("LD204", "app is left with 2 s for its stop (in 3 pods)"),
        ("LD903", "19 s of the wait before the stop signal are idle"),
    ],
)
def test_what_all_pods_of_a_rollout_do_is_said_once(code: str, words: str) -> None:
    finding = next(finding for finding in FINDINGS if finding.code == code)
    found = look(_rollout(finding.bad[0], 3))
    assert [each.code for each in found] == [code]
    assert words in found[0].message


@pytest.mark.parametrize("code", ["LD201", "LD203"])
def test_the_sleep_action_is_advised_only_where_the_cluster_has_it(code: str) -> None:
    finding = next(finding for finding in FINDINGS if finding.code == code)
    for example in (each for each in finding.bad if each.only is not Witness.ENDING):
        old = look_into(replace(case(example), kubernetes=(1, 29)), (finding,))
        assert old, example.story
        assert not any("sleep: {" in found.mend for found in old), example.story
