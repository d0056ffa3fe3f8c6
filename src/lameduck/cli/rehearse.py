"""`lameduck rehearse`: how does this workload end, when it runs?"""

import json
import shlex
from collections import deque
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console

from lameduck.cli.choosing import choose_workload
from lameduck.cli.interrupting import run_until_interrupted
from lameduck.cli.progress import Progress
from lameduck.cli.writing import check_writable, write_stdout, write_whole
from lameduck.ending.timeline import Event, OutputLine
from lameduck.pod.durations import Seconds, parse_duration
from lameduck.pod.place import InputError
from lameduck.pod.reading import read_paths, read_text
from lameduck.pod.workloads import Service, Workload
from lameduck.rehearse.casting import Cast, cast_pod
from lameduck.rehearse.endpoints import Lag
from lameduck.rehearse.engine import Isolation
from lameduck.rehearse.making_up import DEFAULT_PORT, made_up_manifest
from lameduck.rehearse.processes import ProcessEngine
from lameduck.rehearse.rehearsal import End, Rehearsed, Settings, rehearse
from lameduck.rehearse.signals import signal_name, signal_number
from lameduck.rehearse.traffic.plan import DEFAULT_MIX, Retry, TrafficPlan, parse_mix
from lameduck.report.answer import Answer
from lameduck.report.answering import answer_of
from lameduck.report.html import render_html
from lameduck.report.junit import junit_xml
from lameduck.report.terminal import render_terminal
from lameduck.report.wording import visible

__all__ = ["rehearse_command"]

_SIDES = 8
"""Client sides over which a range of lags is spread."""

_LAST_OUTPUT = 100
"""Lines of the processes' output that --verbose shows where there is no report."""

_EPILOG = """\b
Examples:
  lameduck rehearse -- python -m http.server {port}
  lameduck rehearse deploy.yaml --run 'web=node server.js' --end rollout
  lameduck rehearse k8s/ --run 'app=gunicorn -b {host}:{port} app:app' --lag 1.5s --html report.html

\b
Exit codes: 0 graceful, 1 ungraceful, 2 input that cannot be used.
"""


def _seconds(_: click.Context, param: click.Parameter, value: str) -> Seconds:
    return parse_duration(value, option=param.opts[0])


@click.command("rehearse", epilog=_EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH...] [-- COMMAND...]")
@click.option(
    "--run", "runs", multiple=True, metavar="CONTAINER=COMMAND", help="Play this container with this command."
)
@click.option("--workload", metavar="KIND/NAME", help="Which workload, when the files hold several.")
@click.option("--replicas", type=click.IntRange(1, 50), help="How many replicas run [default: the manifest's; 2].")
@click.option(
    "--end",
    type=click.Choice([end.value for end in End]),
    default=End.ONE_POD.value,
    show_default=True,
    help="Delete one pod, or roll out all of them.",
)
@click.option("--grace", type=click.IntRange(0, 86_400), metavar="SECONDS", help="End with this grace, not the spec's.")
@click.option(
    "--lag", default="1s", show_default=True, help="Until endpoint changes reach clients: 1.5s or 0.1s..1.1s."
)
@click.option("--rate", type=float, default=100.0, show_default=True, help="Requests per second; 0: no traffic.")
@click.option(
    "--mix",
    default=DEFAULT_MIX,
    show_default=True,
    help="Kinds of clients: new, keepalive, slow, upload, sse, websocket.",
)
@click.option(
    "--rtt", callback=_seconds, default="1ms", show_default=True, help="The clients' distance, there and back."
)
@click.option(
    "--retry",
    type=click.Choice([retry.value for retry in Retry]),
    default="none",
    show_default=True,
    help="What clients do when a reused connection fails.",
)
@click.option(
    "--timeout", callback=_seconds, default="10s", show_default=True, help="How long a client waits for an answer."
)
@click.option("--port", type=click.IntRange(1, 65_535), help="The port that a bare COMMAND listens on.")
@click.option("--pre-stop", metavar="HOOK", help="A preStop hook for a bare COMMAND: 5, exec:CMD or http:/PATH.")
@click.option(
    "--stop-signal", "stop_signals", multiple=True, metavar="[CONTAINER=]SIGNAL", help="The STOPSIGNAL of the image."
)
@click.option(
    "--isolation", type=click.Choice([i.value for i in Isolation]), help="Insist on one [default: the truest possible]."
)
@click.option(
    "--start-within",
    callback=_seconds,
    default="60s",
    show_default=True,
    help="How long a replica may take to get ready.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What is printed to stdout.",
)
@click.option("--html", "html_file", type=click.Path(dir_okay=False), help="Also write a page, in one file.")
@click.option("--junit", "junit_file", type=click.Path(dir_okay=False), help="Also write a JUnit report for CI.")
@click.option("--print-manifest", is_flag=True, help="Print the manifest made up for COMMAND, and end.")
@click.option("-v", "--verbose", is_flag=True, help="Show the output of the processes and every event.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.pass_obj
def rehearse_command(command: tuple[str, ...] | None, /, **options: Any) -> int:
    """How does this workload end, when it runs?

    Starts the replicas as real processes, sends traffic as a Service would, ends a pod exactly as the kubelet would,
    and says which requests were lost, when and why, where the seconds of the grace went, and what to change.
    """
    paths: tuple[str, ...] = options["paths"]
    if command is not None and not command:
        raise InputError("there is no command after --.", at=None, do="Write lameduck rehearse -- COMMAND {port}.")
    if (command is None) == (not paths):
        raise InputError(
            "it needs a manifest or a command." if command is None else "it takes a manifest or a command, not both.",
            at=None,
            do="Write lameduck rehearse FILE, or lameduck rehearse -- COMMAND {port}.",
        )
    if options["print_manifest"]:
        if command is None:
            raise InputError("the manifest is yours already.", at="--print-manifest", do="Use it with -- COMMAND.")
        write_stdout(_made_up(command, options))
        return 0
    for option, path in (("--html", options["html_file"]), ("--junit", options["junit_file"])):
        if path is not None:
            check_writable(path, option=option)
    workload, services, cast = _cast(command, paths, options)
    settings = _settings(workload, options)
    rehearsed = run_until_interrupted(_play(workload, services, cast, settings, options))
    title = workload.title if command is None else shlex.join(command)
    answer = answer_of(workload, settings, rehearsed, title=title, notes=cast.notes)
    _print(answer, options)
    return 0 if answer.verdict.graceful else 1


def _made_up(command: tuple[str, ...], options: dict[str, Any]) -> str:
    port = options["port"]
    if port is None and (options["rate"] > 0 or any("{port}" in word for word in command)):
        port = DEFAULT_PORT
    return made_up_manifest(
        command,
        port=port,
        pre_stop=options["pre_stop"],
        grace_s=options["grace"],
        replicas=options["replicas"] or 2,
    )


def _cast(
    command: tuple[str, ...] | None, paths: tuple[str, ...], options: dict[str, Any]
) -> tuple[Workload, Sequence[Service], Cast]:
    need_port = options["rate"] > 0
    if command is not None:
        if options["runs"]:
            raise InputError("a bare command has no containers to name.", at="--run", do="Leave --run or -- out.")
        if options["workload"]:
            raise InputError("a bare command is the workload.", at="--workload", do="Leave --workload or -- out.")
        manifests = read_text(_made_up(command, options), "the made-up manifest")
        workload = manifests.workloads[0]
        # The words themselves, with their placeholders: the manifest shows them filled in.
        cast = cast_pod(workload, manifests.services, (), words={"app": command})
        return workload, manifests.services, cast
    for option in ("port", "pre_stop"):
        if options[option] is not None:
            raise InputError(
                "it goes with a bare command only.", at=f"--{option.replace('_', '-')}", do="Change the manifest."
            )
    manifests = read_paths(paths)
    workload = choose_workload(manifests, options["workload"], paths)
    services = manifests.services_of(workload)
    cast = cast_pod(workload, services, options["runs"])
    if need_port and (cast.serving is None or not cast.serving.ports):
        raise InputError(
            f"{workload.title} has no port that traffic could go to.",
            at=workload.place(workload.pod.at),
            do="Declare it under ports, or rehearse without traffic: --rate 0.",
        )
    return workload, services, cast


def _settings(workload: Workload, options: dict[str, Any]) -> Settings:
    traffic = None
    if options["rate"] != 0:
        traffic = TrafficPlan(
            rate=options["rate"],
            mix=parse_mix(options["mix"]),
            rtt_s=options["rtt"],
            retry=Retry(options["retry"]),
            request_timeout_s=options["timeout"],
        )
    return Settings(
        replicas=options["replicas"] or workload.replicas,
        lag=_lag(options["lag"]),
        traffic=traffic,
        end=End(options["end"]),
        grace_s=options["grace"],
        start_within_s=options["start_within"],
        image_stop_signals=_stop_signals(workload, options["stop_signals"]),
    )


def _lag(text: str) -> Lag:
    least, dots, most = text.partition("..")
    if not dots:
        lag = parse_duration(text, option="--lag")
        return Lag(lag, lag)
    low, high = parse_duration(least, option="--lag"), parse_duration(most, option="--lag")
    if low > high:
        raise InputError(f"{text!r} ends before it begins.", at="--lag", do="Write the shorter lag first.")
    return Lag(low, high, _SIDES)


def _stop_signals(workload: Workload, texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    signals: dict[str, str] = {}
    for text in texts:
        name, equals, wanted = text.rpartition("=")
        canonical = signal_name(signal_number(wanted, at="--stop-signal"))
        names = [container.name for container in workload.pod.containers]
        if equals and name not in names:
            raise InputError(
                f"there is no container {name!r}.", at="--stop-signal", do=f"The pod has: {', '.join(names)}."
            )
        signals |= dict.fromkeys([name] if equals else names, canonical)
    return tuple(signals.items())


async def _play(
    workload: Workload, services: Sequence[Service], cast: Cast, settings: Settings, options: dict[str, Any]
) -> Rehearsed:
    prefer = Isolation(options["isolation"]) if options["isolation"] else None
    last_output: deque[OutputLine] = deque(maxlen=_LAST_OUTPUT)

    def heard(event: Event) -> None:
        if isinstance(event, OutputLine):
            last_output.append(event)

    try:
        with Progress(quiet=options["quiet"]) as progress:
            async with ProcessEngine(prefer) as engine:
                return await rehearse(workload, services, cast, engine, settings, progress, heard)
    except Exception:
        # There will be no report to find it in.
        for line in last_output if options["verbose"] else ():
            click.echo(f"{line.pod}/{line.container} {line.stream}: {visible(line.line)}", err=True)
        raise


def _print(answer: Answer, options: dict[str, Any]) -> None:
    if options["output_format"] == "json":
        write_stdout(json.dumps(answer.to_json(), indent=1) + "\n")
    else:
        console = Console()
        with console.capture() as text:
            render_terminal(answer, console=console, verbose=options["verbose"])
        write_stdout(text.get())
    if options["html_file"]:
        write_whole(options["html_file"], render_html([answer], title=f"Rehearsal of {answer.title}"), option="--html")
    if options["junit_file"]:
        write_whole(options["junit_file"], junit_xml([answer]), option="--junit")
