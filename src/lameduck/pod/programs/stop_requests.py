"""Hook steps that make the server stop, so that the container is on its way out before its stop signal comes."""

from lameduck.pod.programs.hook_steps import HookStep
from lameduck.pod.records import dataclass

__all__ = ["StopRequest", "stop_request"]


@dataclass(frozen=True, slots=True)
class StopRequest:
    """What the step asks for: a signal to PID 1 or to the server by its name, or the server's own command."""

    signal: str
    """With SIG; for a server's own command, the signal that means the same to it."""
    to_pid1: bool
    """It goes to PID 1 by its number."""
    server: str | None = None
    """The server that this command or signal is for, where the words name one."""


_NGINX = {"quit": "SIGQUIT", "stop": "SIGTERM"}
_APACHE = {"graceful-stop": "SIGWINCH", "stop": "SIGTERM"}
_NUMBERS = {"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}
_STOPPING = frozenset({"INT", "KILL", "QUIT", "TERM", "USR1", "WINCH"})
_SERVERS = {"apache2": "httpd", "haproxy": "haproxy", "httpd": "httpd", "nginx": "nginx", "php-fpm": "php-fpm"}


def stop_request(step: HookStep) -> StopRequest | None:
    """What this step stops; None: nothing that is known to stop."""
    words = step.words
    match step.program, words[1:]:
        case "nginx", (*_, "-s", ("quit" | "stop") as how):
            return StopRequest(_NGINX[how], to_pid1=False, server="nginx")
        case "apachectl" | "apache2ctl", (("graceful-stop" | "stop") as how,):
            return StopRequest(_APACHE[how], to_pid1=False, server="httpd")
        case "apachectl" | "apache2ctl" | "httpd" | "apache2", ("-k", ("graceful-stop" | "stop") as how):
            return StopRequest(_APACHE[how], to_pid1=False, server="httpd")
        case "kill", operands:
            return _killed(tuple(operands))
        case "killall" | "pkill", operands:
            return _by_name(tuple(operands))
        case _:
            return None


def _killed(operands: tuple[str, ...]) -> StopRequest | None:
    signal, targets = _signal(operands)
    if signal not in _STOPPING or len(targets) != 1:
        return None
    target = targets[0]
    if target == "1":
        return StopRequest(f"SIG{signal}", to_pid1=True)
    server = next((known for name, known in _SERVERS.items() if f"{name}.pid" in target or f" {name}" in target), None)
    return StopRequest(f"SIG{signal}", to_pid1=False, server=server) if server is not None else None


def _by_name(operands: tuple[str, ...]) -> StopRequest | None:
    signal, targets = _signal(operands)
    server = _SERVERS.get(targets[0]) if len(targets) == 1 else None
    return StopRequest(f"SIG{signal}", to_pid1=False, server=server) if server and signal in _STOPPING else None


def _signal(operands: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """The signal's name without SIG, and what follows; None for options that are not followed here."""
    if not operands or not operands[0].startswith("-"):
        return "TERM", operands
    option, rest = operands[0], operands[1:]
    if option in ("-s", "--signal", "-n") and rest:
        option, rest = f"-{rest[0]}", rest[1:]
    elif option == "--":
        return "TERM", rest
    name = option[1:].upper().removeprefix("SIG")
    name = _NUMBERS.get(name, name)
    if rest[:1] == ("--",):
        rest = rest[1:]
    return (name if name in _NUMBERS.values() else None), rest
