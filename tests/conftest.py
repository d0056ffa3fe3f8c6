"""Options of the whole test run."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """--all-recordings: also rehearse the recordings that the default run leaves out to save time."""
    parser.addoption(
        "--all-recordings",
        action="store_true",
        default=False,
        help="rehearse every recorded ending, in each isolation, not only a selection of each family",
    )
