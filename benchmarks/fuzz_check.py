"""Damaged manifests, Dockerfiles and scripts against `lameduck check`, for as many seconds as you say [30].

    python benchmarks/fuzz_check.py 600 [SEED]

Prints how many trees were checked and mended, and each promise that was broken, with the folder that shows it.
"""

import faulthandler
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.check.enduring import Broken, endure, laid_out
from tests.check.mutating import mutated
from tests.check.seeds import seeds

_HANGS_S = 300.0
"""After which a tree hangs in code that no signal interrupts."""


def main() -> int:
    """Exit code 1 if a promise was broken."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    every = seeds()
    end = time.monotonic() + seconds
    number, slowest, broken = 0, (0.0, ""), Counter[str]()
    while time.monotonic() < end:
        chance = random.Random(f"{first}-{number}")
        tree = mutated(chance.choice(every), chance)
        faulthandler.dump_traceback_later(_HANGS_S, exit=True)
        began = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            try:
                endure(tree, Path(folder), chance)
            except Broken as error:
                what = str(error)
                key = what[:120]
                broken[key] += 1
                if broken[key] == 1:
                    kept = Path(tempfile.mkdtemp(prefix="fuzz-check-"))
                    laid_out(tree, kept)
                    print(
                        f"{what}\n  {tree.name} as {first}-{number}: cd {kept}; lameduck check {' '.join(tree.words)}"
                    )
        slowest = max(slowest, (time.process_time() - began, f"{tree.name} as {first}-{number}"))
        number += 1
    faulthandler.cancel_dump_traceback_later()
    print(
        f"{number:,} trees from {len(every)} seeds in {seconds:g} s, the slowest {slowest[0]:.1f} s of "
        f"processor time ({slowest[1]}); "
        f"{sum(broken.values())} broke a promise ({len(broken)} kinds)"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
