"""Python imports this at its start where lameduck.drain.instrument has put its directory into PYTHONPATH.

It must never keep a program from starting: whatever fails here is told on stderr, and the program goes on without us.
"""

import importlib
import os
import sys


def begin() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    # A sitecustomize that somebody else has still has its turn.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ModuleNotFoundError as error:
        if error.name != "sitecustomize":
            raise
        if ours is not None:
            sys.modules["sitecustomize"] = ours
    from lameduck.drain.instrument.watching import watch

    watch()


try:
    begin()
except Exception as error:
    sys.stderr.write(f"lameduck: the library is not active in this Python ({type(error).__name__}: {error}).\n")
