"""What a remedy would rather not write."""

import pytest

from lameduck.pod.handlers import Exec
from lameduck.pod.programs.sound_hooks import is_sound


@pytest.mark.parametrize(
    ("script", "sound"),
    [
        ("sleep 5 && /app/flush", True),
        ("/app/drain", True),
        ("echo leaving", False),
        ("sleep 30", False),
        ("sleep 5sec; /app/flush", False),
        ("/app/flush & sleep 5", False),
        ("sleep 5; nginx -s quit", False),
    ],
)
def test_a_hook_is_sound_that_may_wait_and_has_no_fault_that_can_be_read(script: str, sound: bool) -> None:
    assert is_sound(Exec(("sh", "-c", script), ("exec",)), 30) is sound
