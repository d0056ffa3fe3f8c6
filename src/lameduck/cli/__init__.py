"""The command line: parse, call, print, exit.

Exit codes: 0 graceful, 1 ungraceful, 2 input that cannot be used, 128+n interrupted by signal n.
"""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run `lameduck` (or `kubectl lameduck`) with these words, the process' own by default, and exit."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] in (["run"], ["prestop"]):
        # An application's image has neither click nor time for it.
        from lameduck.run import main as start
        from lameduck.run import prestop

        sys.exit((start if words[0] == "run" else prestop)(words[1:]))
    try:
        try:
            gc.disable()  # until the command is there (program.py): what is imported stays, and is not worth a look
            from lameduck.cli.program import run
        except ModuleNotFoundError as missing:
            if (missing.name or "").startswith("lameduck"):
                raise
            print(
                f"lameduck: the command line needs {missing.name}, which is not installed: pip install 'lameduck[cli]'",
                file=sys.stderr,
            )
            sys.exit(2)
        code = run(words)
        gc.freeze()  # or the interpreter would look through all that there is once more before it leaves
        sys.exit(code)
    except KeyboardInterrupt:  # nothing has been started yet, or nothing is left: see interrupting.py
        print("lameduck: interrupted", file=sys.stderr)
        sys.exit(130)
    finally:
        gc.enable()
