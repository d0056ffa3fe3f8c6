"""Changes that mend a workload, computed once, and the pens that write them: text edit, JSON patch, kustomize patch."""
