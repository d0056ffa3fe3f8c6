"""What well-known servers do at stop signals that do not let them finish their work, and which signal does."""

from collections.abc import Mapping

from lameduck.pod.records import dataclass

__all__ = ["AT_SIGNAL", "Manner"]


@dataclass(frozen=True, slots=True)
class Manner:
    """What a server does at a signal, and at which one it stops as one would wish.

    `what` and `then` end sentences: "nginx gets SIGTERM, `what`", "at SIGQUIT nginx `then`".
    """

    what: str
    graceful: str
    then: str = "finishes its requests"
    waits: bool = False
    """It does not cut at once: it may wait for too long."""


_FAST = "its fast stop: it cuts what it is answering"

# nginx(8); httpd's "Stopping and Restarting"; haproxy's management guide, chapter 4; php-fpm(8); gunicorn's "Signal
# Handling"; PostgreSQL's "Shutting Down the Server". Those with G were recorded in pods.
AT_SIGNAL: Mapping[tuple[str, str], Manner] = {
    ("nginx", "SIGTERM"): Manner(_FAST, "SIGQUIT"),  # G nginx-term
    ("nginx", "SIGINT"): Manner(_FAST, "SIGQUIT"),
    ("httpd", "SIGTERM"): Manner(_FAST, "SIGWINCH"),  # G app-apache-term
    ("haproxy", "SIGTERM"): Manner(_FAST, "SIGUSR1"),  # G app-haproxy-term
    ("haproxy", "SIGINT"): Manner(_FAST, "SIGUSR1"),
    ("php-fpm", "SIGTERM"): Manner(_FAST, "SIGQUIT"),  # G app-php-fpm-term
    ("php-fpm", "SIGINT"): Manner(_FAST, "SIGQUIT"),
    ("gunicorn", "SIGQUIT"): Manner(_FAST, "SIGTERM"),  # G app-gunicorn-quit
    ("gunicorn", "SIGINT"): Manner(_FAST, "SIGTERM"),
    ("postgres", "SIGTERM"): Manner(
        "its smart stop: it waits until all clients have gone, and then dies by SIGKILL and must recover",
        "SIGINT",
        "closes connections and ends in order",
        waits=True,
    ),
    ("postgres", "SIGQUIT"): Manner(
        "its immediate stop: it aborts, and must recover when it starts again",
        "SIGINT",
        "closes connections and ends in order",
    ),
}
