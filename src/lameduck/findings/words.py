"""How findings write counts, times and places in their sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lameduck.findings.finding import KilledContainer
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Link, Shell

if TYPE_CHECKING:
    from lameduck.ending.losses import Loss
    from lameduck.ending.verdict import PodEnding

__all__ = ["after_mark", "brief", "command", "cost", "in_pods", "one_line", "requests", "seconds", "shown", "when"]


def requests(count: int) -> str:
    """`1 request`, `1,200 requests`."""
    return f"{count:,} request" if count == 1 else f"{count:,} requests"


def seconds(t_s: float) -> str:
    """A time or duration: `5 s` for whole seconds, otherwise to a tenth, `0.4 s`; `for ever` without an end."""
    if t_s == float("inf"):
        return "for ever"
    return f"{t_s:.0f} s" if abs(t_s - round(t_s)) < 0.05 else f"{t_s:.1f} s"


def command(line: str) -> str:
    """A command line in backquotes, short enough to read: `python3 -m http.server 80`."""
    return f"`{brief(line)}`"


def brief(line: str) -> str:
    """A command line without the folder of its program, cut where it gets long."""
    program, space, rest = line.partition(" ")
    shown = program.rpartition("/")[2] + space + rest
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def shown(link: Link, behind: Link | None = None) -> str:
    """A program on the signal's way, in backquotes, without what stands behind it: `sh -c`, `npm start`, `tini --`.

    Says which shell `sh` is, because that decides what becomes of the signal (T56).
    """
    words = [*link.words]
    if link.shell is not None:
        option = next((number for number, word in enumerate(words) if word[:1] == "-" and "c" in word), None)
        words = words[: 2 if option is None else option + 1]
        which = f" ({link.shell.value})" if link.program == "sh" and link.shell is not Shell.UNKNOWN else ""
        return f"{command(one_line(words))}{which}"
    if behind is not None and tuple(words[-len(behind.words) :]) == behind.words:
        words = words[: -len(behind.words)]
    return command(one_line(words))


def one_line(words: Iterable[str]) -> str:
    """A command line that can be copied, on one line: quoted where a shell would take a word apart.

    A word that only running the script tells stands as it is written there, with its own quotes and variables.
    """
    return " ".join(_quoted(" ".join(word.split())) for word in words)


def _quoted(word: str) -> str:
    apart = not word or any(sign in word for sign in " ;&|<>()")
    return f"'{word}'" if apart and "'" not in word and '"' not in word and "$" not in word else word


def in_pods(pods: tuple[str, ...]) -> str:
    """Nothing for one pod; ` (in 3 pods)` for more."""
    return f" (in {len(pods)} pods)" if len(pods) > 1 else ""


def cost(killed: KilledContainer) -> str:
    """The end of a sentence about a kill: when it came, and what it cut."""
    cut = f", which cut {requests(killed.cut)}" if killed.cut else ""
    return f"killed {seconds(killed.first.container.kill_s or 0)} after the deletion{cut}{in_pods(killed.pods)}"


def after_mark(losses: Iterable[Loss], endings: tuple[PodEnding, ...]) -> tuple[Seconds, ...]:
    """When each of these requests was lost, counted from the deletion of its pod, or of the last one before."""
    return tuple(Seconds(loss.request.ended_s - _mark_of(loss, endings)) for loss in losses)


def when(times: tuple[Seconds, ...]) -> str:
    """From the first to the last: `0.1-1.4 s after the deletion`."""
    first, last = min(times), max(times)
    span = seconds(last) if seconds(first) == seconds(last) else f"{first:.1f}-{last:.1f} s"
    return f"{span} after the deletion"


def _mark_of(loss: Loss, endings: tuple[PodEnding, ...]) -> float:
    own = [ending.marked_s for ending in endings if ending.pod == loss.request.pod]
    before = [ending.marked_s for ending in endings if ending.marked_s <= loss.request.ended_s]
    return max(own or before, default=0.0)
