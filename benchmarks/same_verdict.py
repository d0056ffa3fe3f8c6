"""Does the same rehearsal give the same verdict? Each form many times, some at a time: `same_verdict.py [RUNS]`.

Prints how often each verdict came, and the spread of the losses. Exit code 1 if a form was judged in two ways.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FORMS = Path(__file__).parent.parent / "examples" / "broken-forms"
AT_ONCE = 3
SLOW = ("--mix", "new=40,keepalive=40,slow=20@/slow?seconds=2")
"""Twenty slow requests a second: of those that come before the endpoints are updated some meet the pod for certain."""

ALL: tuple[tuple[str, Sequence[str]], ...] = (
    ("no-delay", ()),
    ("no-delay-mended", ()),
    ("exits-at-once", SLOW),
    ("exits-at-once-mended", SLOW),
)


def rehearse(form: str, words: Sequence[str]) -> tuple[str, int, str]:
    """The verdict, the number of lost requests, and why."""
    command = [sys.executable, "-m", "lameduck", "rehearse", "-q", "--format", "json", str(FORMS / f"{form}.yaml")]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = subprocess.run([*command, *words], env={**os.environ, "PATH": path}, capture_output=True, check=False)
    if ended.returncode not in (0, 1):
        return ended.stderr.decode().strip(), 0, ""
    answer = json.loads(ended.stdout)
    return answer["verdict"], answer["requests"]["lost"], "; ".join(answer["reasons"])


def main() -> int:
    """Rehearse, print, compare."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    same = True
    for form, words in ALL:
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = list(pool.map(lambda _, form=form, words=words: rehearse(form, words), range(runs)))
        verdicts = Counter(verdict for verdict, _, _ in outcomes)
        lost = [number for _, number, _ in outcomes]
        same = same and len(verdicts) == 1
        print(
            f"{form:22} {', '.join(f'{number} x {verdict}' for verdict, number in verdicts.most_common())}; "
            f"lost {min(lost)}-{max(lost)}, median {statistics.median(lost):g}; {time.monotonic() - began:.0f} s"
        )
        if len(verdicts) > 1:
            for verdict, _, reasons in outcomes:
                print(f"  {verdict}: {reasons}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
