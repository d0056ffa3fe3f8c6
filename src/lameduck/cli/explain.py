"""`lameduck explain`: the page of a finding, or the list of all."""

import click

from lameduck.cli.writing import write_stdout
from lameduck.pod.place import InputError

__all__ = ["explain_command"]


_EPILOG = """\b
Examples:
  lameduck explain
  lameduck explain LD201

\b
Exit codes: 0 the page or the list was printed, 1 never, 2 there is no such finding.
"""


@click.command("explain", epilog=_EPILOG)
@click.argument("code", required=False)
def explain_command(code: str | None) -> int:
    """What a finding means: what happens, how to see it, how to mend it, with examples.

    Without a CODE it lists all findings.
    """
    from lameduck.findings.catalogue import FINDINGS, RETIRED

    if code is None:
        width = max(len(finding.title) for finding in FINDINGS)
        rows = [f"{each.code}  {each.title:<{width}}  {each.severity.value}" for each in FINDINGS]
        rows += [f"{retired}  retired since {since}" for retired, since in RETIRED.items()]
        write_stdout("\n".join(rows) + "\n\nlameduck explain CODE prints the page of one.\n")
        return 0
    wanted = code.upper()
    by_name = {finding.title: finding.code for finding in FINDINGS}
    wanted = by_name.get(code.lower(), wanted)
    if wanted not in RETIRED and all(finding.code != wanted for finding in FINDINGS):
        raise InputError(f"{code} is no finding.", at="explain", do="lameduck explain lists them all.")
    from lameduck.findings.pages import page_of  # plays the examples

    write_stdout(page_of(wanted))
    return 0
