"""lameduck: make every Kubernetes pod end without dropping work, and prove it.

This package imports nothing when it is imported: what goes into an application's image must stay small.
"""

__all__ = ["__version__"]

__version__ = "0.1.0.dev0"
