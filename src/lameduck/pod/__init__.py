"""What a pod's files say about its end: workloads, containers, hooks, probes, Services. Pure data and readers."""
