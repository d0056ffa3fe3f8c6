"""The findings' pages as Markdown: what `explain` prints and docs/findings.md holds.

`python -m lameduck.findings.pages` writes docs/findings.md; a test compares it with the catalogue.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lameduck.ending.behaviour import Behaviour
from lameduck.findings.catalogue import FINDINGS, RETIRED
from lameduck.findings.examples import behaviours, case, manifest, sysctl_file, witness
from lameduck.findings.finding import Example, Finding, Found, Witness
from lameduck.findings.looking import look, look_into, look_into_settings
from lameduck.findings.words import command, seconds

__all__ = ["PAGES", "all_pages", "page_of"]

PAGES = Path("docs/findings.md")

_HEAD = """# Findings

What lameduck says about an ending, one page for each code. A code is never used again for something else. Facts in
parentheses (T54, B11) are explained in [facts.md](facts.md). This file is generated from `src/lameduck/findings/`:
change a page there and run `python -m lameduck.findings.pages`.

| code | finding | severity |
|---|---|---|
"""


def page_of(code: str) -> str:
    """The page of one finding, with its examples. Raises KeyError for a code that never was given."""
    for finding in FINDINGS:
        if finding.code == code:
            return "\n".join(_page(finding)) + "\n"
    return f"# {code}\n\n{code} is retired since {RETIRED[code]}.\n"


def all_pages() -> str:
    """docs/findings.md: the list, then every page, one heading deeper."""
    rows = "".join(
        f"| [{each.code}](#{each.code.lower()}-{each.title}) | {each.title} | {each.severity.value} |\n"
        for each in FINDINGS
    )
    pages = "".join("\n" + re.sub(r"^#", "##", page_of(each.code), flags=re.MULTILINE) for each in FINDINGS)
    retired = "".join(f"- {code}: retired since {since}\n" for code, since in RETIRED.items())
    return _HEAD + rows + _comments_kept(pages) + (f"\n## Retired\n\n{retired}" if retired else "")


def _comments_kept(pages: str) -> str:
    """Comments and shebangs in code begin with # as headings do; they are not to get one more."""
    blocks = pages.split("```")
    blocks[1::2] = [re.sub(r"^##", "#", block, flags=re.MULTILINE) for block in blocks[1::2]]
    return "```".join(blocks)


def _page(finding: Finding) -> Iterator[str]:
    yield f"# {finding.code} {finding.title}"
    yield ""
    yield from _spaced(finding.page.strip().splitlines())
    yield ""
    yield "## Examples"
    for example in finding.bad:
        yield from _example(finding, example, f"Seen: {example.story}")
    for example in finding.good:
        yield from _example(finding, example, f"Not seen: {example.story}", without=finding.code)


def _spaced(lines: list[str]) -> Iterator[str]:
    """Headings with an empty line on both sides, code with one before and after, as Markdown linters want them."""
    in_code = False
    for number, line in enumerate(lines):
        if line.startswith("## ") and not in_code:
            yield from ("", line, "") if number else (line, "")
        elif line.startswith("```"):
            in_code = not in_code
            yield from ("", line) if in_code else (line, "")
        else:
            yield line


def _example(finding: Finding, example: Example, heading: str, *, without: str | None = None) -> Iterator[str]:
    yield from ("", f"### {heading}", "")
    if example.settings:
        yield from ("```ini", example.settings.rstrip(), "```", "")
        found = look_into_settings(sysctl_file(example), example.kubernetes)
        yield from _found("`lameduck check`", found, without)
        return
    yield from ("```yaml", manifest(example).rstrip(), "```", "")
    if finding.seen_by(Witness.FILES) and example.only is not Witness.ENDING:
        yield from _found("`lameduck check`", look_into(case(example)), without)
    if finding.seen_by(Witness.ENDING) and example.only is not Witness.FILES:
        yield from ("",) if finding.seen_by(Witness.FILES) and example.only is None else ()
        yield from _played(example)
        yield from _found("`lameduck rehearse`", look(witness(example)), without)


def _found(witness_name: str, found: tuple[Found, ...], without: str | None) -> Iterator[str]:
    if not found:
        yield f"{witness_name} finds nothing."
    else:
        yield from (f"{witness_name} finds:", "")
    for each in found:
        at = "" if each.place is None else f"{each.place}: "
        doubt = " (uncertain)" if each.uncertain else ""
        yield f"- {each.severity.value} {each.code} {at}{each.message}{doubt}. **{each.mend}.**"
    assert without is None or all(each.code != without for each in found)


def _played(example: Example) -> Iterator[str]:
    grace = "" if example.grace_s is None else f", with a grace of {example.grace_s} s"
    yield f"One pod is deleted{grace}. Endpoint lag {seconds(example.lag_s)}."
    for name, behaviour in behaviours(example).items():
        yield f"{name}: {'; '.join(_in_words(behaviour, example))}."
    if example.requests:
        fates = Counter(each.fate for each in example.requests)
        yield "Requests: " + ", ".join(f"{count} {fate.value}" for fate, count in fates.items()) + "."
    yield ""


def _in_words(does: Behaviour, example: Example) -> Iterator[str]:
    below = f" with {command(does.below[-1])} below it" if does.below else ""
    if does.main:
        yield f"runs {command(does.main)}{below}"
    if does.hook_failure is not None:
        yield f"its hook fails after {seconds(does.hook_s)} ({does.hook_failure.value.replace('-', ' ')})"
    elif does.hook_s:
        yield f"its hook takes {seconds(does.hook_s)}"
    if does.exits_in_hook_s is not None:
        yield f"it exits by itself {seconds(does.exits_in_hook_s)} after the hook began"
        return
    signal = example.image_stop_signal or "SIGTERM"
    yield {
        "default": f"it has no handler for {signal}",
        "unknown": f"what becomes of {signal} is unknown",
    }.get(does.reception, f"{signal} is {does.reception}")
    if does.drain_s is None:
        yield "it never exits by itself"
    else:
        yield f"it exits with {does.exit_code} {seconds(does.drain_s)} after the signal"


def main() -> None:
    """Write docs/findings.md, from the root of the repository."""
    PAGES.write_text(all_pages(), encoding="utf-8")
    sys.stdout.write(f"{PAGES}: {len(FINDINGS)} findings\n")


if __name__ == "__main__":
    main()
