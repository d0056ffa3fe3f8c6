"""Objects of the Kubernetes API, read from documents: one file for each kind."""
