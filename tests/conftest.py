"""Options and settings of the whole test run."""

import os
import signal

import hypothesis
import pytest

pytest_plugins = ["pytester"]

# In CI a run tells of the change it runs for; cases that nobody has met before are sought everywhere else.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    hypothesis.settings.load_profile("ci")


# Whoever starts the tests in the background may leave these ignored (sh, nohup), and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """--all-recordings: also rehearse the recordings that the default run leaves out to save time."""
    parser.addoption(
        "--all-recordings",
        action="store_true",
        default=False,
        help="rehearse every recorded ending, in each isolation, not only a selection of each family",
    )
