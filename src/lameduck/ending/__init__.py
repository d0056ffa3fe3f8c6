"""How a pod ends: the flow (sans-IO), the timeline, the verdict. Nothing here sleeps, reads a clock or does I/O."""
