"""Stand-ins for what a test does not care about."""

from lameduck.pod.place import FieldPath, Place

__all__ = ["NowhereDocument"]


class NowhereDocument:
    """A document for workloads that no file states."""

    file = "nowhere.yaml"

    def place(self, at: FieldPath) -> Place:
        return Place(self.file, 1, 1)
