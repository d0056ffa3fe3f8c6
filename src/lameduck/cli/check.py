"""`lameduck check`: what do the files say about how the pods will end?"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from lameduck.check.baseline import Baseline, baseline_text, read_baseline
from lameduck.check.checking import check, cores, finished
from lameduck.check.configuration import (
    Configuration,
    chosen,
    find_configuration,
    parse_kubernetes,
    read_configuration,
)
from lameduck.check.files import File, the_files
from lameduck.check.judging import Settings
from lameduck.check.linking import RepositoryLinker
from lameduck.check.outcome import Checked, Note
from lameduck.cli.writing import check_writable, say, write_stdout, write_whole
from lameduck.findings.catalogue import FINDINGS, RETIRED
from lameduck.findings.finding import Finding, Severity, Witness
from lameduck.pod.place import InputError
from lameduck.pod.reading import STDIN, content_of
from lameduck.report.checked import CheckAnswer

__all__ = ["check_command"]

_FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")
_FAIL_ON = ("error", "warning", "info", "never")
_NEWEST = (1, 36)

_EPILOG = """\b
Examples:
  lameduck check k8s/
  lameduck check deploy.yaml --diff
  helm template . | lameduck check -
  kustomize build . | lameduck check - --fix-as kustomize > patch.yaml
  lameduck check . --format sarif > lameduck.sarif

\b
Exit codes: 0 nothing found (or nothing as grave as --fail-on), 1 findings, 2 input that cannot be used.
"""


@click.command("check", epilog=_EPILOG)
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--fix", "fix_files", is_flag=True, help="Mend the files: minimal edits, all else stays byte for byte.")
@click.option("--unsafe", is_flag=True, help="Also make changes that somebody must look at.")
@click.option("--diff", "show_diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option(
    "--fix-as",
    type=click.Choice(["text", "json-patch", "kustomize"]),
    default="text",
    show_default=True,
    help="Edit the files, or print patches for YAML that something generates.",
)
@click.option(
    "--format", "output_format", type=click.Choice(_FORMATS), default="text", show_default=True, help="What is printed."
)
@click.option("--select", multiple=True, metavar="CODES", help="Only these: LD201,LD3 [default: all].")
@click.option("--ignore", multiple=True, metavar="CODES", help="Not these.")
@click.option("--severity", multiple=True, metavar="CODE=LEVEL", help="Take a finding as error, warning or info.")
@click.option("--fail-on", type=click.Choice(_FAIL_ON), help="The least severity for exit code 1 [default: warning].")
@click.option("--kubernetes", metavar="VERSION", help="The cluster's version, such as 1.29 [default: 1.36].")
@click.option("--image", "images", multiple=True, metavar="NAME=DIR", help="The folder that this image is built from.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Pass by these files and folders.")
@click.option("--baseline", "baseline_file", metavar="FILE", help="Leave out the findings that this file knows.")
@click.option("--write-baseline", metavar="FILE", help="Write what is found now, so that only new findings count.")
@click.option("--config", "config_file", metavar="FILE", help="Settings [default: lameduck.toml or pyproject.toml].")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes for large trees [default: one for each core].")
@click.option("-v", "--verbose", is_flag=True, help="Also show how the workloads end in which nothing was found.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing where nothing is found.")
@click.pass_obj
def check_command(command: tuple[str, ...] | None, /, **options: Any) -> int:
    """What do the files say about how the pods will end?

    Reads manifests and what they start (Dockerfiles, entrypoint scripts), and says what will be lost when the pods end,
    why, and the smallest change that mends it. A folder is read all the way down; - is standard input.
    """
    paths = (*options["paths"], *(command or ()))
    if not paths:
        raise InputError(
            "it needs files or folders.", at=None, do="Write lameduck check PATH, or - for standard input."
        )
    _refuse_odd_pairs(options)
    configuration = _configuration(options)
    files, empty = the_files(paths, exclude=(*configuration.exclude, *options["exclude"]))
    contents = {STDIN: content_of(None)} if any(file.path is None for file in files) else {}
    settings = _settings(configuration, options, paths, contents)
    if options["images"] or configuration.images:
        settings.linker.prepare()  # a folder that is not there is said before anything else
    baseline = _baseline(configuration, options)
    if options["fix_files"] or options["show_diff"] or options["fix_as"] != "text":
        return _fix(files, contents, settings, baseline, configuration, options, empty)
    checked = check(files, settings, contents, jobs=options["jobs"] or cores())
    checked.notes = sorted({*checked.notes, *empty})
    if options["write_baseline"]:
        write_whole(options["write_baseline"], baseline_text(checked.seen), option="--write-baseline")
        say(f"{len(checked.seen)} findings are known from now on: use --baseline {options['write_baseline']}")
        return 2 if any(note.is_error for note in checked.notes) else 0
    _leave_out_known(checked, baseline)
    return _report(CheckAnswer(checked, _fail_on(configuration, options)), options)


def _refuse_odd_pairs(options: Mapping[str, Any]) -> None:
    if options["unsafe"] and not (options["fix_files"] or options["show_diff"] or options["fix_as"] != "text"):
        raise InputError("it goes with --fix or --diff.", at="--unsafe", do="Add one of them.")
    if options["fix_files"] and options["show_diff"]:
        raise InputError("it shows what --fix would do, and does nothing.", at="--diff", do="Leave one of them out.")
    if options["fix_as"] != "text" and (options["fix_files"] or options["show_diff"]):
        raise InputError("it prints patches instead of editing files.", at="--fix-as", do="Leave --fix and --diff out.")
    if options["write_baseline"]:
        if options["fix_files"] or options["show_diff"]:
            raise InputError("mend first, then write the baseline.", at="--write-baseline", do="Run it without --fix.")
        check_writable(options["write_baseline"], option="--write-baseline")


def _configuration(options: Mapping[str, Any]) -> Configuration:
    if options["config_file"] is not None:
        return read_configuration(Path(options["config_file"])) or Configuration()
    return find_configuration(Path.cwd())


def _settings(
    configuration: Configuration, options: Mapping[str, Any], paths: Sequence[str], contents: Mapping[str, bytes]
) -> Settings:
    select = _codes(options["select"], "--select") or configuration.select
    ignore = (*configuration.ignore, *_codes(options["ignore"], "--ignore"))
    in_files = [finding for finding in FINDINGS if finding.seen_by(Witness.FILES)]
    codes = set(chosen((finding.code for finding in in_files), select, ignore))
    kubernetes = configuration.kubernetes or _NEWEST
    if options["kubernetes"] is not None:
        kubernetes = parse_kubernetes(options["kubernetes"], at="--kubernetes")
    return Settings(
        findings=tuple(finding for finding in in_files if finding.code in codes),
        kubernetes=kubernetes,
        severities={**configuration.severity, **_severities(options["severity"])},
        linker=RepositoryLinker(_folders(paths), _images(configuration, options), contents),
        changes=options["output_format"] in ("text", "json", "sarif"),
    )


def _folders(paths: Sequence[str]) -> tuple[Path, ...]:
    """Where to look for Dockerfiles; for standard input, where we are."""
    return tuple(Path(path) for path in paths if path != "-") or (Path.cwd(),)


def _images(configuration: Configuration, options: Mapping[str, Any]) -> dict[str, Path]:
    images = {name: Path(folder) for name, folder in configuration.images.items()}
    for word in options["images"]:
        name, equals, folder = word.partition("=")
        if not equals or not name or not folder:
            raise InputError(f"{word!r} names no folder.", at="--image", do="Write --image registry.example/web=DIR.")
        images[name] = Path(folder)
    return images


def _codes(words: Sequence[str], option: str) -> tuple[str, ...]:
    codes = tuple(code.strip().upper() for word in words for code in word.split(",") if code.strip())
    known: tuple[str, ...] = (*(finding.code for finding in FINDINGS), *RETIRED)
    for code in codes:
        if not any(each.startswith(code) for each in known):
            raise InputError(f"{code} is no finding.", at=option, do="lameduck explain lists them all.")
    return codes


def _severities(words: Sequence[str]) -> dict[str, Severity]:
    severities: dict[str, Severity] = {}
    for word in words:
        codes, equals, level = word.partition("=")
        if not equals or level not in {severity.value for severity in Severity}:
            raise InputError(f"{word!r} names no severity.", at="--severity", do="Write LD201=warning, say.")
        for beginning in _codes((codes,), "--severity"):
            severities |= {each.code: Severity(level) for each in _beginning_with(beginning)}
    return severities


def _beginning_with(beginning: str) -> list[Finding]:
    return [finding for finding in FINDINGS if finding.code.startswith(beginning)]


def _baseline(configuration: Configuration, options: Mapping[str, Any]) -> Baseline | None:
    if options["baseline_file"] is not None:
        return read_baseline(options["baseline_file"], at="--baseline")
    if configuration.baseline is not None and not options["write_baseline"]:
        return read_baseline(configuration.baseline, at=configuration.file or "baseline")
    return None


def _fail_on(configuration: Configuration, options: Mapping[str, Any]) -> Severity | None:
    wanted = options["fail_on"] or configuration.fail_on or "warning"
    return None if wanted == "never" else Severity(wanted)


def _leave_out_known(checked: Checked, baseline: Baseline | None) -> None:
    if baseline is not None:
        new = baseline.new(checked.seen)
        checked.baselined += len(checked.seen) - len(new)
        checked.seen = new


def _fix(
    files: Sequence[File],
    contents: Mapping[str, bytes],
    settings: Settings,
    baseline: Baseline | None,
    configuration: Configuration,
    options: Mapping[str, Any],
    empty: Sequence[Note],
) -> int:
    from lameduck.cli.fixing import fix_files, print_patches  # the pens: not needed to look

    known = baseline.fingerprints if baseline is not None else frozenset()
    if options["fix_as"] != "text":
        return print_patches(files, contents, settings, known, options["fix_as"], unsafe=options["unsafe"])
    fixed = fix_files(files, contents, settings, known, unsafe=options["unsafe"], only_show=options["show_diff"])
    checked = finished(fixed.judged, settings)
    checked.notes = sorted({*checked.notes, *fixed.notes, *empty})
    _leave_out_known(checked, baseline)
    answer = CheckAnswer(checked, _fail_on(configuration, options))
    if options["show_diff"]:
        write_stdout("".join(file.diff for file in fixed.files))
        before = CheckAnswer(replace(checked, seen=[*fixed.mended, *checked.seen]), answer.fail_on)
        _notes(answer, options)
        return _exit_code(before)
    answer = replace(answer, mended=fixed.mended, mended_files=tuple(file.name for file in fixed.files))
    if any(file.path is None for file in files):
        # Standard output is the mended text, whole, changed or not.
        after = next((file.after for file in fixed.files if file.name == STDIN), contents[STDIN])
        sys.stdout.buffer.write(after)
        sys.stdout.buffer.flush()
        return _report(answer, options, to_stderr=True)
    return _report(answer, options)


def _report(answer: CheckAnswer, options: Mapping[str, Any], *, to_stderr: bool = False) -> int:
    nothing = not answer.checked.seen and not answer.mended
    if not (nothing and options["quiet"] and options["output_format"] == "text"):
        text = _rendered(answer, options, to_stderr=to_stderr)
        if to_stderr:
            sys.stderr.writelines(text)
        else:
            write_stdout(text)
    _notes(answer, options)
    return _exit_code(answer)


def _exit_code(answer: CheckAnswer) -> int:
    if not answer.complete:
        return 2
    return 0 if answer.graceful else 1


def _notes(answer: CheckAnswer, options: Mapping[str, Any]) -> None:
    from lameduck.report.check_text import note_lines

    if answer.checked.notes or answer.checked.templates:
        errors: list[Note] = [note for note in answer.checked.notes if note.is_error]
        for line in (
            note_lines(answer) if not options["quiet"] else (f"{note.place}: {note.message}" for note in errors)
        ):
            say(line)


def _rendered(answer: CheckAnswer, options: Mapping[str, Any], *, to_stderr: bool) -> str | Iterable[str]:
    """Each format is imported when it is asked for: starting is what most checks spend their time with."""
    match options["output_format"]:
        case "json":
            import json

            from lameduck.report.check_json import check_envelope

            return json.dumps(check_envelope(answer), indent=1) + "\n"
        case "sarif":
            import json

            from lameduck.report.sarif import sarif

            return json.dumps(sarif(answer), indent=1) + "\n"
        case "gitlab":
            import json

            from lameduck.report.gitlab import gitlab_report

            return json.dumps(gitlab_report(answer), indent=1) + "\n"
        case "github":
            from lameduck.report.github import github_commands

            return github_commands(answer)
        case "junit":
            from lameduck.report.check_junit import check_junit

            return check_junit(answer)
        case _:
            from lameduck.report.check_text import check_text

            stream = sys.stderr if to_stderr else sys.stdout
            return check_text(
                answer, color=_colored(stream), encoding=stream.encoding or "utf-8", verbose=options["verbose"]
            )


def _colored(stream: Any) -> bool:
    import os

    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or bool(stream.isatty())
