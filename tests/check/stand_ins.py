"""What stands in, on this machine, for the files of an example's images: programs under the same names and paths.

They lie in a folder of their own: those that are found by name in `bin`, those with a path of the image's below `root`.
Shells, inits and wrappers are this machine's own, and so is nginx; an image that is known to hold little holds little
here, too. A second of the example may be shorter here: for the server, for `sleep`, and for whatever else takes time.
"""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Manners", "StandIns"]

_SERVER = Path(__file__).with_name("stand_in_server.py")
_REAL = frozenset({"sleep", "tail", "cat"})
"""Services that are this machine's own."""
_IN_IMAGE = re.compile(r"(?<![\w/.-])/(app/|data|drain\.sh|opt/My App/|tmp/leaving|tmp/uploads)")
"""Paths in the words of examples that lead into the image."""
_QUICK = ("app/deregister", "app/flush")
_SLOW = ("app/upload-logs", "drain.sh", "opt/My App/stop")
"""Errands of hooks: how long the slow ones take is for the story to say."""
_HOLDS = {
    "gcr.io/distroless/static": (),
    "gcr.io/distroless/base:debug": ("busybox", "sh", "sleep"),
    "nginx:1.27-alpine": ("busybox", "nginx", "sh", "sleep"),
}
"""Images of which this machine's programs would hide what they lack: what hooks find in them."""
_NGINX = """
worker_processes 1;
user root;
pid @FOLDER@/@REPLICA@.pid;
error_log stderr warn;
@SETTINGS@
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path @FOLDER@; proxy_temp_path @FOLDER@; fastcgi_temp_path @FOLDER@;
  uwsgi_temp_path @FOLDER@; scgi_temp_path @FOLDER@;
  server {
    listen 127.0.0.1:@PORT@;
    root @FOLDER@;
    location = /slow { limit_rate 10k; default_type application/octet-stream; }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Manners:
    """How the stand-ins behave. `second_s`: how long a second of the example is here; the others as in the server."""

    second_s: float = 1.0
    serves_on_s: float = 0.0
    clean_up_s: float = 0.0
    errands_s: float = 5.0
    """How long a hook's script, or its answer, takes; in seconds of the example."""
    hasty: bool = False
    sick: bool = False


@dataclass(frozen=True, slots=True)
class StandIns:
    """The programs of one example in a folder. `asks_s`: how long nginx' slow answer takes."""

    folder: Path
    manners: Manners
    asks_s: float
    nginx_settings: str = ""

    def path(self, service: tuple[str, ...], image: str | None) -> str:
        """Lay them out; the PATH with which they are found. Whatever runs before the service does nothing."""
        binaries = self.folder / "bin"
        for errand in _QUICK:
            _write(self.folder / "root" / errand, "exit 0")
        for errand in _SLOW:
            _write(self.folder / "root" / errand, f"exec /bin/sleep {self.manners.errands_s * self.manners.second_s}")
        for name in ("data", "tmp/uploads"):
            (self.folder / "root" / name).mkdir(parents=True)
        (self.folder / "root/tmp/uploads/part").write_text("half\n")
        if self.manners.second_s != 1.0:
            _write(binaries / "sleep", self._sleep())
        self._service(binaries, service)
        holds = _HOLDS.get(image or "")
        if holds is None:
            here = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin"
            return f"{binaries}:{here}"
        held = self.folder / "held"
        held.mkdir()
        for name in {*holds, service[0].rpartition("/")[2]}:
            program = shutil.which(name, path=f"{binaries}:{os.environ['PATH']}")
            assert program is not None, f"{name} is not on this machine"
            (held / name).symlink_to(program)
        return str(held)

    def lay(self, path: str, text: str, mode: int) -> None:
        """Lay down a file that is mounted there."""
        file = Path(f"{self.folder}/root{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def here(self, word: str) -> str:
        """A word of a command with the image's paths led into the folder."""
        led = Path(f"{self.folder}/root{word}") if word.startswith("/") else self.folder / word
        if "/" in word and led.exists():
            return str(led)
        word = _IN_IMAGE.sub(lambda found: f"{self.folder}/root{found[0]}", word)
        # nginx needs a configuration of ours; of bash it matters whether the image has it.
        return {"/usr/sbin/nginx": "nginx", "/bin/bash": "bash"}.get(word, word)

    def _service(self, binaries: Path, service: tuple[str, ...]) -> None:
        program = service[0].rpartition("/")[2]
        if program in _REAL:
            return
        if program == "nginx":
            self._nginx(binaries)
            return
        if service[1:3] == ("-m", "http.server"):  # Python's own: it has no handler for SIGTERM
            _write(binaries / program, f'exec {sys.executable} -m http.server --bind 127.0.0.1 "$PORT"')
            return
        manners = json.dumps(
            {
                "second_s": self.manners.second_s,
                "serves_on_s": self.manners.serves_on_s,
                "clean_up_s": self.manners.clean_up_s,
                "answers_s": self.manners.errands_s,
                "hasty": self.manners.hasty,
                "sick": self.manners.sick,
                "deaf": program == "flask",
            }
        )
        script = f'exec {shlex.join([sys.executable, "-I", "-S", str(_SERVER), manners, program])} "$@"'
        for path in self._places(binaries, service[0]):
            _write(path, script)

    def _places(self, binaries: Path, program: str) -> Iterator[Path]:
        yield binaries / program.rpartition("/")[2]
        if program.startswith("/"):
            yield self.folder / f"root{program}"
        elif "/" in program:
            yield self.folder / program

    def _nginx(self, binaries: Path) -> None:
        settings = self.folder / "nginx"
        settings.mkdir(parents=True)
        (settings / "slow").write_bytes(b"x" * int(10_240 * self.asks_s))
        (settings / "index.html").write_text("hello\n")
        (settings / "conf").write_text(
            _NGINX.replace("@FOLDER@", str(settings)).replace("@SETTINGS@", self.nginx_settings)
        )
        conf = f"{settings}/$REPLICA.conf"
        binaries.mkdir(parents=True, exist_ok=True)
        _write(
            binaries / "nginx",
            f'[ "$1" = -s ] || /bin/sed "s/@PORT@/$PORT/; s/@REPLICA@/$REPLICA/" {settings}/conf > "{conf}"\n'
            f'exec {shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")} -e stderr -c "{conf}" "$@"',
        )

    def _sleep(self) -> str:
        """`sleep`, with whole seconds that are shorter; what else it is told is for the real one to take or refuse."""
        return (
            'case "$#:${1%s}" in\n'
            '1:*[!0-9]* | 1: | [!1]:*) exec /bin/sleep "$@" ;;\n'
            "esac\n"
            f"ms=$((${{1%s}} * {round(self.manners.second_s * 1000)}))\n"
            'exec /bin/sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"'
        )


def _write(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
