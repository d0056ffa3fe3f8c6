"""The local witness: plays a pod's ending on this machine, with real processes and real traffic."""
