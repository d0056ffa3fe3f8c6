"""The demo: the example as it is and mended, then the classic broken forms, each beside its mended form.

Every cell of the table is one `lameduck rehearse`, run as a user would run it; its command stands on the index page. A
few run at a time: most of an ending is waiting.
"""

import asyncio
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

HERE = Path(__file__).resolve().parent
REPORT = HERE.parent / "demo-report"
AT_ONCE = 4
"""Rehearsals at a time: each needs some 15 % of a core for its traffic, and its processes' start needs more."""
EXAMPLE = str(HERE / "openapi-web")
BROKEN = HERE / "broken-forms"
# 50 requests a second on connections of their own, as in the recordings, and about one slow download a second.
WITH_DOWNLOADS = ["--rate", "51", "--mix", "new=50,slow=1@/download"]


@dataclass
class Form:
    """One rehearsal: its words after `lameduck rehearse`, and what came of it."""

    name: str
    words: Sequence[str]
    began: float | None = None
    answer: dict[str, Any] | None = None
    failure: str = ""


@dataclass
class Row:
    """A form as it is, and mended."""

    story: str
    mend: str
    as_it_is: Form
    mended: Form | None = None

    @property
    def forms(self) -> tuple[Form, ...]:
        """What there is to rehearse in it."""
        return (self.as_it_is,) if self.mended is None else (self.as_it_is, self.mended)


def rows() -> list[Row]:
    """What is rehearsed; the slow ones first."""
    web, quits = _web(mended=False), _web(mended=True)
    example = [
        Row(
            "openapi-web, rolled out",
            "nothing",
            Form("openapi-web-rollout", [EXAMPLE, *web, "--end", "rollout", *WITH_DOWNLOADS]),
        ),
        Row(
            "openapi-web, its only pod deleted",
            "two replicas, STOPSIGNAL SIGQUIT",
            Form("openapi-web-delete", [EXAMPLE, *web, *WITH_DOWNLOADS]),
            Form("openapi-web-delete-mended", [EXAMPLE, *quits, "--replicas", "2", *WITH_DOWNLOADS]),
        ),
    ]
    broken = [
        ("no-delay", "no preStop: it stops before the endpoints are updated", "preStop sleep 2"),
        ("shell-entrypoint", "entrypoint script without exec", "exec"),
        ("no-handler", "no SIGTERM handler", "a handler that drains"),
        ("grace-too-short", "preStop + clean-up longer than the grace", "grace 10"),
        ("exits-at-once", "a handler that exits at once", "a handler that drains"),
    ]
    slow = ["--mix", "new=40,keepalive=40,slow=8@/slow?seconds=2"]
    return example + [
        Row(
            story,
            mend,
            Form(name, [str(BROKEN / f"{name}.yaml"), *slow]),
            Form(f"{name}-mended", [str(BROKEN / f"{name}-mended.yaml"), *slow]),
        )
        for name, story, mend in broken
    ]


def _web(*, mended: bool) -> list[str]:
    """How the example's container is played: by nginx where it is installed, else by the bundled server."""
    if shutil.which("nginx") or Path("/usr/sbin/nginx").exists():
        command = f"{HERE / 'openapi-web' / 'serve-nginx.sh'} {{port}}"
        return ["--run", f"container-cq9y5p={command}", "--stop-signal", "SIGQUIT" if mended else "SIGTERM"]
    command = f"python3 -m lameduck.rehearse.bundled_server --on-stop {'drain' if mended else 'exit'}"
    return ["--run", f"container-cq9y5p={command}"]


async def play(form: Form, turn: asyncio.Semaphore) -> None:
    """Run one rehearsal and read its JSON."""
    async with turn:
        form.began = time.monotonic()
        page = REPORT / f"{form.name}.html"
        words = [
            sys.executable,
            "-m",
            "lameduck",
            "rehearse",
            *form.words,
            "--format",
            "json",
            "--html",
            str(page),
            "-q",
        ]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
        process = await asyncio.create_subprocess_exec(
            *words, env={**os.environ, "PATH": path}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        if process.returncode in (0, 1):
            form.answer = json.loads(out)
        else:
            form.failure = err.decode(errors="replace").strip() or f"exit code {process.returncode}"


def cell(form: Form) -> Text:
    """What is known of a form by now."""
    if form.failure:
        return Text(form.failure, style="bold red")
    if form.answer is None:
        return Text("waiting" if form.began is None else f"{time.monotonic() - form.began:.0f} s …", style="dim")
    return Text("\n".join(summary(form)), style="green" if form.answer["verdict"] == "graceful" else "red")


def summary(form: Form) -> list[str]:
    """A rehearsed form in a few short lines."""
    assert form.answer is not None
    requests = form.answer["requests"]
    if form.answer["verdict"] == "graceful":
        lines = [f"graceful: 0 of {requests['sent']:,} lost"]
    else:
        lines = [f"{requests['lost']:,} of {requests['sent']:,} lost"]
        lines += [f"{count:,} {cause.replace('-', ' ')}" for cause, count in requests["by_cause"].items()]
        killed = [c for ending in form.answer["endings"] for c in ending["containers"] if c["killed"]]
        lines += [f"killed after {c['kill_s']:.1f} s, exit code {c['exit_code']}" for c in killed[:1]]
    codes = [f["code"] for f in form.answer["findings"] if f["severity"] != "info"]
    return [*lines, " ".join(dict.fromkeys(codes))] if codes else lines


def table(all_rows: Sequence[Row]) -> Table:
    """All forms side by side."""
    drawn = Table(title="How these pods end", show_lines=True, title_justify="left", title_style="bold")
    for heading in ("", "as it is", "mended"):
        drawn.add_column(heading, ratio=1)
    for row in all_rows:
        name = Text.assemble(row.story, "\n", (f"mend: {row.mend}", "dim"))
        drawn.add_row(name, cell(row.as_it_is), cell(row.mended) if row.mended else Text("as it is", style="dim"))
    return drawn


async def perform(all_rows: Sequence[Row], console: Console) -> None:
    """Rehearse everything, showing how far it is."""
    turn = asyncio.Semaphore(AT_ONCE)
    forms = [form for row in all_rows for form in row.forms]
    playing = {asyncio.create_task(play(form, turn)): form for form in forms}
    if console.is_terminal:
        with Live(table(all_rows), console=console, refresh_per_second=2, transient=True) as live:
            while any(not task.done() for task in playing):
                await asyncio.wait(playing, timeout=0.5)
                live.update(table(all_rows))
    else:
        began, pending = time.monotonic(), set(playing)
        while pending:
            done, pending = await asyncio.wait(pending, timeout=10, return_when=asyncio.FIRST_COMPLETED)
            passed = f"{time.monotonic() - began:4.0f} s"
            for task in done:
                form = playing[task]
                said = form.failure or ", ".join(summary(form))
                console.print(f"{passed}  {form.name}: {said}", soft_wrap=True, highlight=False)
            if not done:
                console.print(f"{passed}  {len(pending)} of {len(forms)} still to come", highlight=False)
    for task in playing:
        task.result()


def write_index(all_rows: Sequence[Row]) -> Path:
    """One page that leads to every rehearsal's own."""
    pages = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    page = REPORT / "index.html"
    text = pages.get_template("demo-index.html.j2").render(rows=all_rows, summary=summary, command=command)
    page.write_text(text, encoding="utf-8")
    return page


def command(form: Form) -> str:
    """What a user would type for it."""
    return "lameduck rehearse " + shlex.join(form.words)


def main() -> int:
    """Rehearse, print the table, write the pages."""
    console = Console()
    REPORT.mkdir(exist_ok=True)
    all_rows = rows()
    began = time.monotonic()
    asyncio.run(perform(all_rows, console))
    console.print(table(all_rows))
    forms = [form for row in all_rows for form in row.forms]
    seconds = time.monotonic() - began
    console.print(f"{len(forms)} rehearsals in {seconds:.0f} s; their pages: {write_index(all_rows)}", soft_wrap=True)
    return 2 if any(form.failure for form in forms) else 0


if __name__ == "__main__":
    sys.exit(main())
