"""All findings, in the order of their codes. A new finding is its file and its line here."""

from collections.abc import Mapping

from lameduck.findings import (
    ld101_signal_stops_at_shell,
    ld102_trap_waits_for_child,
    ld103_no_stop_signal_handler,
    ld104_stop_cuts_requests,
    ld201_no_delay_before_stop,
    ld202_hook_fails,
    ld203_hook_program_missing,
    ld204_hook_outlasts_grace,
    ld205_hook_syntax_without_shell,
    ld206_hook_quits_server,
    ld207_hook_signals_pid1,
    ld208_hook_held_open,
    ld209_delay_twice,
    ld301_grace_too_short,
    ld302_no_grace,
    ld303_probe_grace_too_short,
    ld304_requests_outlive_grace,
    ld401_no_other_pod,
    ld402_new_pod_not_listening,
    ld501_sidecar_starved,
    ld901_requests_lost,
    ld902_killed_at_deadline,
    ld903_idle_wait,
    ld904_keepalive_reuse,
)
from lameduck.findings.finding import Finding

__all__ = ["FINDINGS", "RETIRED"]

FINDINGS: tuple[Finding, ...] = (
    ld101_signal_stops_at_shell.FINDING,
    ld102_trap_waits_for_child.FINDING,
    ld103_no_stop_signal_handler.FINDING,
    ld104_stop_cuts_requests.FINDING,
    ld201_no_delay_before_stop.FINDING,
    ld202_hook_fails.FINDING,
    ld203_hook_program_missing.FINDING,
    ld204_hook_outlasts_grace.FINDING,
    ld205_hook_syntax_without_shell.FINDING,
    ld206_hook_quits_server.FINDING,
    ld207_hook_signals_pid1.FINDING,
    ld208_hook_held_open.FINDING,
    ld209_delay_twice.FINDING,
    ld301_grace_too_short.FINDING,
    ld302_no_grace.FINDING,
    ld303_probe_grace_too_short.FINDING,
    ld304_requests_outlive_grace.FINDING,
    ld401_no_other_pod.FINDING,
    ld402_new_pod_not_listening.FINDING,
    ld501_sidecar_starved.FINDING,
    ld901_requests_lost.FINDING,
    ld902_killed_at_deadline.FINDING,
    ld903_idle_wait.FINDING,
    ld904_keepalive_reuse.FINDING,
)

RETIRED: Mapping[str, str] = {}
"""Codes that are no longer given, never to be used again, each with the version and what came instead."""
