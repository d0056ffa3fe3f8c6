"""Whether a hook that a remedy would write has a fault of its own, so that it had better not be written."""

from lameduck.pod.handlers import Exec
from lameduck.pod.programs.hook_steps import HookStep, hook_steps, hook_wait
from lameduck.pod.programs.stop_requests import stop_request
from lameduck.pod.shells.sleep_words import RefusedSleep, sleep_length

__all__ = ["is_sound"]


def is_sound(handler: Exec, grace_s: int) -> bool:
    """Whether it may wait, does so for less than the grace, and leaves the server and its own output alone."""
    wait = hook_wait(handler)
    return wait.most_s > 0 and wait.least_s < grace_s and not any(_is_faulty(step) for step in hook_steps(handler))


def _is_faulty(step: HookStep) -> bool:
    refused = step.program == "sleep" and isinstance(sleep_length(step.words[1:]), RefusedSleep)
    return refused or step.background or stop_request(step) is not None
