"""The guide to check: its settings are settings."""

import re
from pathlib import Path

from lameduck.check.configuration import read_configuration
from lameduck.findings.finding import Severity

ROOT = Path(__file__).resolve().parents[2]


def test_the_settings_in_the_guide_are_read(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "check.md").read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "lameduck.toml"
    file.write_text(block, encoding="utf-8")
    settings = read_configuration(file)
    assert settings is not None
    assert settings.kubernetes == (1, 31)
    assert settings.severity == {"LD401": Severity.INFO}
    assert settings.images == {"registry.example/shop/web": str(tmp_path / "services/web")}
