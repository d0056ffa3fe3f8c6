"""How fast `lameduck check` is: its start, its workloads per second, its memory, and what bounds them.

Everything is measured on this machine in this run. checkov is measured on the same tree where it is installed: in the
environment that CHECKOV names (a path to its program), or on the PATH.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from lameduck.check.checking import check, cores
from lameduck.check.files import the_files
from lameduck.check.judging import Settings
from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.finding import Witness

REPEATS = 15
FILES = 1_000
CHECKOV_FILES = 100

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{number}
  labels:
    app: web-{number}
spec:
  replicas: 3
  selector:
    matchLabels:
      app: web-{number}
  template:
    metadata:
      labels:
        app: web-{number}
    spec:
      terminationGracePeriodSeconds: 45
      containers:
        - name: app
          image: registry.example/shop/web:1.{number}
          args: ["--port", "8080"]
          env:
            - name: LOG_LEVEL
              value: info
          ports:
            - name: http
              containerPort: 8080
          readinessProbe:
            httpGet:
              path: /healthz
              port: http
          lifecycle:
            preStop:
              sleep:
                seconds: 5
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 128Mi
---
apiVersion: v1
kind: Service
metadata:
  name: web-{number}
spec:
  selector:
    app: web-{number}
  ports:
    - port: 80
      targetPort: http
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        start(root)
        tree = write_tree(root / "tree", FILES)
        size_mb = sum(file.stat().st_size for file in tree.rglob("*.yaml")) / 1e6
        parser_s = bare_parser(tree)
        print(f"\na tree of {FILES:,} files, one Deployment and one Service in each, {size_mb:.1f} MB")
        print("  (goal for one core: 1,500 workloads/s)")
        print(f"  the bare parser alone (libyaml's events)  {rate(FILES, parser_s)}, {size_mb / parser_s:.1f} MB/s")
        for jobs in dict.fromkeys((1, cores())):
            took_s = whole_tree(tree, jobs)
            print(
                f"  check, {jobs} process{'es' if jobs > 1 else ''}{'' if jobs > 1 else '  '}"
                f"                      {rate(FILES, took_s)}, {size_mb / took_s:.1f} MB/s"
            )
        memory(root)
        checkov(root)


def start(root: Path) -> None:
    file = root / "one.yaml"
    file.write_text(MANIFEST.format(number=1))
    python_s = least(lambda: run([sys.executable, "-c", "pass"], root))
    check_s = least(lambda: run([sys.executable, "-m", "lameduck", "check", str(file), "--quiet"], root))
    goal_s = 2.5 * python_s + 0.1
    print(f"start to finish on one small manifest, the fastest of {REPEATS}")
    print(f"  python -c pass   {python_s * 1000:6.0f} ms")
    print(f"  lameduck check   {check_s * 1000:6.0f} ms   (goal: 2.5 times that and 100 ms = {goal_s * 1000:.0f} ms)")


def write_tree(root: Path, files: int) -> Path:
    for number in range(files):
        folder = root / f"team-{number // 25:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"web-{number}.yaml").write_text(MANIFEST.format(number=number))
    return root


def bare_parser(tree: Path) -> float:
    """Nothing but libyaml's events, thrown away: no reader in Python that uses it can be faster."""
    texts = [file.read_text() for file in sorted(tree.rglob("*.yaml"))]

    def parse() -> None:
        for text in texts:
            parser = yaml.CSafeLoader(text)
            while parser.get_event() is not None:
                pass

    return least(parse, repeats=3, clock=time.process_time)


def whole_tree(tree: Path, jobs: int) -> float:
    settings = Settings(tuple(finding for finding in FINDINGS if finding.seen_by(Witness.FILES)))
    files, _ = the_files([str(tree)])
    # One process is measured by its own time on its core, so that nobody else's work counts; several by the clock.
    clock = time.process_time if jobs == 1 else time.perf_counter
    return least(lambda: check(files, settings, {}, jobs=jobs), repeats=5, clock=clock)


def memory(root: Path) -> None:
    print("\nmemory of one process, at its most (a finding in each file, which is kept until it is printed)")
    for files in (250, 1_000, 4_000):
        tree = write_tree(root / f"memory-{files}", files)
        code = (
            "import resource, sys; from lameduck.cli.program import run; run(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "check", str(tree), "--quiet", "--jobs", "1"],
            capture_output=True,
            text=True,
            check=True,
        )
        peak_mb = int(done.stderr.split()[-1]) / (1024 if sys.platform == "linux" else 1024**2)
        print(f"  {files:>5,} files  {peak_mb:6.1f} MB")


def checkov(root: Path) -> None:
    program = os.environ.get("CHECKOV") or shutil.which("checkov")
    if program is None:
        print("\ncheckov is not installed: name its program in CHECKOV to compare")
        return
    tree = write_tree(root / "checkov", CHECKOV_FILES)
    ours_s = timed(lambda: run([sys.executable, "-m", "lameduck", "check", str(tree), "--quiet"]))
    theirs_s = timed(lambda: run([program, "-d", str(tree), "--framework", "kubernetes", "--compact", "--quiet"]))
    print(f"\nthe same {CHECKOV_FILES} files, start to finish")
    print(
        f"  lameduck check  {ours_s:6.2f} s\n"
        f"  checkov         {theirs_s:6.2f} s   ({theirs_s / ours_s:.0f} times as long)"
    )


def rate(workloads: int, took_s: float) -> str:
    return f"{workloads / took_s:6,.0f} workloads/s"


def run(command: Sequence[str], folder: Path | None = None) -> None:
    # As after an installation: not with modules that are compiled anew each time because somebody edits them.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def least(
    work: Callable[[], object], *, repeats: int = REPEATS, clock: Callable[[], float] = time.perf_counter
) -> float:
    return min(timed(work, clock) for _ in range(repeats))


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    begun = clock()
    work()
    return clock() - begun


if __name__ == "__main__":
    main()
