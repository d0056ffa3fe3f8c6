"""Commands that come back by themselves, so that they are not the service; and those that only hold a container open.

Whatever is not here may be the service: the last one of a script is.
"""

import re
from collections.abc import Sequence

from lameduck.pod.shells.words import Value

__all__ = ["ends_by_itself", "holds_open", "starts_daemon"]

# POSIX' special and regular built-ins, and bash's
_BUILTINS = """
    . : [ [[ alias bg break builtin caller cd command complete compopt continue declare dirs disown echo enable eval
    exit export false fc getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read
    readarray readonly return set shift shopt source suspend test times trap true type typeset ulimit umask unalias
    unset wait
"""
# coreutils, findutils, and what else entrypoint scripts prepare with
_UTILITIES = """
    adduser addgroup apk apt apt-get arch awk b2sum base64 basename bc bunzip2 bzip2 chgrp chmod chown
    chpasswd cksum clear cmp comm cp csplit curl cut date dd df dig dirname dnf du envsubst expr file find
    flock free gawk getconf getent git gpg grep egrep fgrep groupadd groupmod groups gunzip gzip head host
    hostname htpasswd id install ip iptables jq ldconfig less link ln locale localedef logger logname ls
    lsb_release lsof lspci mawk md5sum mkdir mkfifo mknod mktemp more mount mountpoint mv nc ncat netstat nl
    nproc nslookup numfmt od openssl patch paste pg_isready pgrep ping pkill killall pathchk pr printenv ps
    pwgen readlink realpath rm rmdir rsync sed seq sha1sum sha256sum sha512sum shred shuf sort split ss
    ssh-keygen ssh-keyscan stat strings stty sum sync sysctl tac tar tee touch tr truncate tsort tty umount
    uname unexpand uniq unlink unxz unzip uptime useradd usermod userdel users uuidgen vdir wc wget which who
    whoami xargs xmllint xz yq yum zcat zip zstd update-ca-certificates update-alternatives update-ca-trust
    trust ssh-add mkcert keytool base32 rev fold fmt column diff sha224sum envdir crudini nvidia-smi
    createdb createuser mysql mysqladmin mysqldump pg_dump pg_restore psql redis-cli
"""
_SHORT = frozenset((_BUILTINS + _UTILITIES).split())
# One word after the program says that it does a thing and ends.
_ERRANDS: dict[str, frozenset[str]] = {
    "manage.py": frozenset(
        {
            "migrate",
            "collectstatic",
            "makemigrations",
            "createsuperuser",
            "loaddata",
            "dumpdata",
            "check",
            "compilemessages",
            "flush",
            "createcachetable",
            "compress",
            "showmigrations",
            "sqlmigrate",
            "clearsessions",
            "rebuild_index",
            "update_index",
        }
    ),
    "alembic": frozenset({"upgrade", "downgrade", "stamp", "current", "history", "check", "revision"}),
    "flask": frozenset({"db"}),
    "artisan": frozenset(
        {
            "migrate",
            "key:generate",
            "config:cache",
            "config:clear",
            "route:cache",
            "view:cache",
            "cache:clear",
            "optimize",
            "storage:link",
            "db:seed",
            "event:cache",
            "package:discover",
            "view:clear",
            "route:clear",
            "optimize:clear",
            "queue:restart",
        }
    ),
    "rails": frozenset({"db:migrate", "db:prepare", "db:setup", "db:create", "db:seed", "assets:precompile"}),
    "rake": frozenset({"db:migrate", "db:prepare", "db:setup", "db:create", "db:seed", "assets:precompile"}),
    "prisma": frozenset({"migrate", "generate", "db"}),
    "npm": frozenset({"ci", "install", "i", "prune", "rebuild", "config", "cache", "version"}),
    "yarn": frozenset({"install", "config", "cache"}),
    "pnpm": frozenset({"install", "i", "config"}),
    "pip": frozenset({"install", "freeze", "list", "check"}),
    "pip3": frozenset({"install", "freeze", "list", "check"}),
    "poetry": frozenset({"install", "config", "lock", "export"}),
    "pipenv": frozenset({"install", "sync", "lock"}),
    "uv": frozenset({"sync", "pip", "lock", "venv"}),
    "composer": frozenset({"install", "update", "dump-autoload", "dumpautoload"}),
    "bundle": frozenset({"install", "check", "config"}),
    "sequelize": frozenset({"db:migrate", "db:seed:all", "db:create"}),
    "knex": frozenset({"migrate:latest", "seed:run"}),
    "nginx": frozenset({"-t", "-T", "-v", "-V"}),
    "aws": frozenset({"s3", "ssm", "secretsmanager", "sts"}),
    "superset": frozenset({"db", "init", "fab", "import-dashboards"}),
    "airflow": frozenset({"db", "users", "connections", "variables", "version"}),
}
_INTERPRETERS = frozenset(
    {"python", "python3", "php", "npx", "bundle", "uv", "poetry", "pipenv", "ruby", "yarn", "pnpm"}
)
_LISTENS = re.compile(r"--listen|-[a-zA-Z]*l[a-zA-Z]*")
_LONG_SLEEP_S = 600
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _texts(words: Sequence[Value]) -> list[str]:
    return [word.text for word in words]


def _program(words: Sequence[Value]) -> str:
    return words[0].text.rpartition("/")[2] if words else ""


def ends_by_itself(words: Sequence[Value]) -> bool:
    """The command does a thing and ends: it is not the service."""
    program, texts = _program(words), _texts(words)
    if program == "sleep":
        return not holds_open(words)
    if program == "tail":
        return not holds_open(words)
    if program == "cat":
        return len(words) > 1
    if program in ("nc", "ncat", "netcat"):
        return not any(_LISTENS.fullmatch(text) for text in texts[1:])
    if program == "env":
        return all("=" in text or text.startswith("-") for text in texts[1:])
    if program in _SHORT or program.startswith(("wait-for", "wait4", "wait_for")):
        return "--" not in texts or not program.startswith("wait")
    if "--version" in texts or "--help" in texts:
        return True
    rest = [text for text in texts[1:] if not text.startswith("-")]
    if program in _INTERPRETERS:
        rest = rest[1:] if rest[:1] in (["run"], ["exec"]) else rest
        while rest and rest[0].rpartition("/")[2].split(".")[0] in _INTERPRETERS:
            rest = rest[1:]
        inner = rest[0].rpartition("/")[2] if rest else ""
        if inner in _ERRANDS and len(rest) > 1 and rest[1] in _ERRANDS[inner]:
            return True
    return program in _ERRANDS and len(texts) > 1 and texts[1] in _ERRANDS[program]


def holds_open(words: Sequence[Value]) -> bool:
    """The command waits for nothing: it keeps a container alive and serves nobody."""
    program, texts = _program(words), _texts(words)
    if program == "sleep":
        return len(texts) == 2 and _sleep_s(texts[1]) >= _LONG_SLEEP_S
    if program == "tail":
        return any(text in ("-f", "-F", "--follow") or (text.startswith("-") and "f" in text) for text in texts[1:])
    return program == "cat" and len(words) == 1


def _sleep_s(text: str) -> float:
    if text.startswith("inf"):
        return float("inf")
    digits, unit = (text[:-1], text[-1]) if text and text[-1] in _UNITS else (text, "s")
    return float(int(digits[:9]) * _UNITS[unit]) if digits.isascii() and digits.isdigit() else 0.0


def starts_daemon(words: Sequence[Value]) -> bool:
    """The command starts a service in the background and ends: for certain, as its documentation has it."""
    program, texts = _program(words), _texts(words)
    if program == "service":
        return len(texts) == 3 and texts[2] in ("start", "restart")
    if words and words[0].text.startswith("/etc/init.d/"):
        return len(texts) == 2 and texts[1] in ("start", "restart")
    if program in ("apachectl", "apache2ctl"):
        return "start" in texts and "-DFOREGROUND" not in texts and "FOREGROUND" not in texts
    if program in ("crond", "cron"):
        return not {"-f", "-n"} & set(texts)
    return program == "pm2" and "start" in texts and "--no-daemon" not in texts
