"""What each dependency of an extra weighs on disk: `python scripts/weigh_dependencies.py [EXTRA]`, cli by default."""

import importlib.metadata as metadata
import re
import sys
from pathlib import Path


def installed_bytes(name: str) -> int:
    """Bytes of all files that the distribution brought."""
    files = metadata.distribution(name).files or []
    return sum(path.stat().st_size for file in files if (path := Path(file.locate())).is_file())


def requirements(name: str, extra: str | None) -> list[str]:
    """Names of what the distribution needs, for that extra or without any."""
    found = []
    for text in metadata.requires(name) or []:
        wanted, _, marker = text.partition(";")
        of_extra = re.search(r"extra == ['\"]([^'\"]+)['\"]", marker)
        if (of_extra.group(1) if of_extra else None) == extra and "sys_platform" not in marker:
            found.append(re.split(r"[\s\[<>=!~(]", wanted.strip(), maxsplit=1)[0])
    return found


def main() -> None:
    """Print each direct dependency with what it pulls in, and the sum."""
    extra = sys.argv[1] if len(sys.argv) > 1 else "cli"
    seen: set[str] = set()
    for direct in requirements("lameduck", extra):
        names = [direct]
        for name in names:
            names += [need for need in requirements(name, None) if need not in names and _is_installed(need)]
        new = [name for name in names if name not in seen]
        seen.update(new)
        print(f"{direct:<12} {sum(map(installed_bytes, new)) / 1e6:6.2f} MB  {' '.join(new[1:])}")
    print(f"{'together':<12} {sum(map(installed_bytes, seen)) / 1e6:6.2f} MB")


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
