"""An interruption, as a thing that can be caught without importing an event loop."""

import signal

__all__ = ["Interrupted"]


class Interrupted(Exception):
    """A signal asked us to stop, and all that was started has been ended."""

    def __init__(self, signum: signal.Signals) -> None:
        super().__init__(f"interrupted by {signum.name}; everything that was started has been ended")
        self.exit_code = 128 + signum
