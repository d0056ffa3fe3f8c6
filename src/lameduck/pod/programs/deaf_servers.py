"""Servers that are known to have no handler for their stop signal: as PID 1 they never notice it (T54)."""

from itertools import pairwise

from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.programs.main_command import environment

__all__ = ["has_no_handler"]


def has_no_handler(case: Case, container: Container, words: tuple[str, ...]) -> bool:
    """Python's web server and Flask's, seen as PID 1 in pods (app-http-server, app-flask-run): killed at the deadline.

    With its reloader, Flask's has a handler.
    """
    program = words[0].rpartition("/")[2]
    if program.startswith("python"):
        module = next((after for word, after in pairwise(words) if word == "-m"), None)
        if module == "http.server":
            return True
        words = words[words.index("flask") :] if module == "flask" else ()
    elif program != "flask":
        return False
    reloads = {"--debug", "--reload"} & {*words} or {"FLASK_DEBUG", "FLASK_ENV"} & {*environment(case, container)}
    return "run" in words and not reloads
