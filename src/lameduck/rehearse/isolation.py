"""Which isolation this machine allows, found out by trying.

Sysctls, security modules, seccomp filters and masked /proc are too many to ask one by one.
"""

import functools
import os
import socket
import subprocess
import sys

from lameduck.pod.place import InputError
from lameduck.rehearse.engine import Isolation
from lameduck.rehearse.launching import launcher_command, pack, read_message

__all__ = ["choose", "why_impossible"]

_TRIAL_S = 10.0  # bounds a start that takes about 0.02
_TRIAL = "/nonexistent/program"


def choose(prefer: Isolation | None = None) -> Isolation:
    """The truest isolation that is possible here, or the preferred one.

    Takes some 20 ms at the first call, and remembers. Raises InputError if the preferred one is not possible.
    """
    if prefer is None:
        return next(one for one in Isolation if why_impossible(one) is None)
    reason = why_impossible(prefer)
    if reason is not None:
        raise InputError(
            f"This machine does not allow it ({prefer.value}): {reason}.",
            at="isolation",
            do="Leave the choice to lameduck, or run it where namespaces are allowed.",
        )
    return prefer


@functools.cache
def why_impossible(isolation: Isolation) -> str | None:
    """Why containers cannot be isolated in that way here; None if they can."""
    if isolation is Isolation.EMULATED:
        return None
    if sys.platform != "linux":
        return "namespaces are Linux'"
    ours, theirs = socket.socketpair()
    hello, theirs_too = socket.socketpair()
    with ours, hello:
        with theirs, theirs_too:
            launcher = subprocess.Popen(
                launcher_command(isolation, theirs.fileno(), theirs_too.fileno()),
                pass_fds=(theirs.fileno(), theirs_too.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        ours.settimeout(_TRIAL_S)
        try:
            ours.sendall(pack("start", [os.fsencode(_TRIAL)], {}, None))
            message = read_message(ours)
        except TimeoutError:
            launcher.kill()
            return f"the launcher did not answer within {_TRIAL_S:g} s"
        except ConnectionError:  # it ended without having read all
            message = None
        finally:
            _, complaint = launcher.communicate()
    # All is well if nothing but the program was missing: the namespaces and their /proc stood by then.
    match message:
        case ("failed", "program", _):
            return None
        case ("failed", "proc", int(number)):
            return f"/proc cannot be mounted in a namespace of its own: {os.strerror(number)}"
        case ("failed", str(stage), int(number)):
            return f"{stage}: {os.strerror(number)}"
        case _:
            return complaint.decode(errors="replace").strip().rpartition("\n")[2] or "the launcher ended without a word"
