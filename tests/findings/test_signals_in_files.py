"""LD1 in files, where one example does not tell all: several ways through a script, doubts, and places."""

from dataclasses import replace

from lameduck.findings.examples import case
from lameduck.findings.finding import Example, Found, Severity
from lameduck.findings.looking import look_into
from lameduck.remedies.remedy import Mend
from lameduck.remedies.text_edit import apply

_IMAGE = 'FROM python:3.12-slim\nCOPY start.sh /\nENTRYPOINT ["/start.sh"]\n'
_BRANCHES = """#!/bin/sh
set -e
if [ "$MODE" = debug ]; then
  python -m pdb server.py
else
  gunicorn app:app
fi
"""


def _script(text: str, story: str = "a script") -> Example:
    return Example(story, files={"Dockerfile": _IMAGE, "start.sh": text})


def _signals(example: Example) -> list[Found]:
    return [found for found in look_into(case(example)) if found.code.startswith("LD1")]


def test_each_branch_without_exec_is_shown_and_one_run_mends_them_all() -> None:
    example = _script(_BRANCHES)
    found = _signals(example)
    assert [(each.code, each.place.line if each.place else None, each.uncertain) for each in found] == [
        ("LD101", 4, False),
        ("LD101", 6, False),
    ]
    (mended,) = apply([Mend(each.remedy) for each in found if each.remedy is not None]).files
    assert mended.text == _BRANCHES.replace("python -m", "exec python -m").replace("gunicorn", "exec gunicorn")
    assert _signals(_script(mended.text)) == []


def test_where_only_one_of_two_branches_keeps_the_signal_that_is_said_and_still_safe_to_mend() -> None:
    (found,) = _signals(_script(_BRANCHES.replace("gunicorn", "exec gunicorn")))
    assert found.uncertain
    assert found.severity is Severity.WARNING
    assert found.message.endswith("in doubt, because it depends on a branch that the files do not decide")
    assert found.remedy is not None
    assert found.remedy.safe


def test_a_branch_that_the_container_s_environment_rules_out_is_not_followed() -> None:
    script = _BRANCHES.replace("gunicorn", "exec gunicorn")
    example = replace(_script(script), container="env: [{name: MODE, value: production}]")
    assert _signals(example) == []


def test_what_fails_before_and_and_starts_nothing_and_leaves_no_doubt() -> None:
    (found,) = _signals(_script("#!/bin/sh\npython manage.py migrate && gunicorn app:app\n"))
    assert not found.uncertain


def test_a_sourced_file_that_is_not_there_makes_the_finding_uncertain_and_its_remedy_unsafe() -> None:
    (found,) = _signals(_script("#!/bin/sh\n. /opt/functions\npython server.py\n"))
    assert found.uncertain
    assert found.remedy is not None
    assert not found.remedy.safe


def test_an_unknown_base_image_makes_a_shell_form_uncertain() -> None:
    (found,) = _signals(
        Example("no base", files={"Dockerfile": "FROM registry.example/base\nCMD python server.py; echo ended\n"})
    )
    assert found.uncertain
    assert "base image registry.example/base may have an entrypoint" in found.message


def test_hidden_from_the_host_s_processes_or_not_makes_the_difference_for_a_shell_in_front() -> None:
    example = Example("a shell", container="command: [bash, -c, 'python server.py; echo ended']")
    assert [each.code for each in _signals(example)] == ["LD101"]
    assert [each.code for each in _signals(replace(example, pod="hostPID: true"))] == ["LD105"]


def test_the_command_to_write_can_be_copied() -> None:
    (found,) = _signals(_script("#!/bin/sh\nnginx -g 'daemon off;' -c \"$CONFIG\"\n"))
    assert found.mend == "Write exec before it: exec nginx -g 'daemon off;' -c \"$CONFIG\""


def test_an_errand_in_a_loop_that_sleeps_before_it_is_no_service_that_a_trap_should_tell() -> None:
    # Seen in a chart of Redis: every minute a look at who leads, and a start anew of what does not.
    script = (
        "#!/bin/sh\ntrap 'exit 0' TERM\nwhile true; do\n  sleep 60\n"
        '  if [ "$(redis-cli role)" != master ]; then\n    reinitialize --all\n  fi\ndone\n'
    )
    assert _signals(_script(script)) == []
    assert [found.code for found in _signals(_script(script.replace("sleep 60", "sleep 1")))] == ["LD102"]
