"""Which program a command line runs."""

import pytest

from lameduck.pod.programs.program_names import GRACEFUL_SIGNALS, INITS, SHELLS, WRAPPERS, program_of


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("", ""),
        ("/bin/sh /start.sh", "sh"),
        ("-bash", "bash"),
        ("nginx: master process nginx -g daemon off;", "nginx"),
        ("php-fpm: master process (/etc/php-fpm.conf)", "php-fpm"),
        ("/usr/sbin/httpd -DFOREGROUND", "httpd"),
        ("npm start", "npm"),
        ("node /usr/local/bin/npm start", "npm"),
        ("node /usr/lib/node_modules/npm/bin/npm-cli.js start", "npm"),
        ("node /opt/yarn/bin/yarn.js start", "yarn"),
        ("node server.js", "node"),
        ("node", "node"),
        ("busybox sh /start.sh", "sh"),
        ("busybox httpd -f", "busybox"),
        ("/usr/bin/env bash /start.sh", "bash"),
        ("python3 manage.py", "python3"),
    ],
)
def test_a_command_line_names_its_program(command: str, program: str) -> None:
    assert program_of(command) == program


def test_no_program_is_of_two_kinds() -> None:
    kinds = [SHELLS, WRAPPERS, INITS, frozenset(GRACEFUL_SIGNALS)]
    assert sum(map(len, kinds)) == len(frozenset().union(*kinds))
