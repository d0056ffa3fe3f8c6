"""How far a pod has come on its node, and what moves it on. The containers' own steps: `container_kill.TRANSITIONS`."""

from collections.abc import Mapping
from enum import Enum

__all__ = ["STAGES", "FlowError", "Stage", "Turn"]


class FlowError(Exception):
    """A happening that cannot be: named with its container and that container's state."""


class Stage(Enum):
    """Where the pod is."""

    SERVING = "serving"
    ENDING = "ending"  # its containers are being stopped
    ENDED = "ended"  # all are down; the API learns it
    GONE = "gone"  # and the object is removed


class Turn(Enum):
    """What moves the pod on."""

    BEGIN = "the worker takes up the termination"
    ALL_DOWN = "all containers have stopped"
    STARTED = "a container that was being started is there"
    KUBELET_LOST = "the kubelet stopped"
    OBJECT_GONE = "the object is removed"


STAGES: Mapping[Stage, Mapping[Turn, Stage]] = {
    Stage.SERVING: {
        Turn.BEGIN: Stage.ENDING,
        Turn.OBJECT_GONE: Stage.GONE,  # no node yet, or a terminal phase before (T3)
    },
    Stage.ENDING: {
        Turn.ALL_DOWN: Stage.ENDED,  # T40
        Turn.STARTED: Stage.ENDING,  # killed at once (T11)
        Turn.KUBELET_LOST: Stage.SERVING,  # all over again (T13)
    },
    Stage.ENDED: {
        Turn.STARTED: Stage.ENDING,
        Turn.KUBELET_LOST: Stage.SERVING,
        Turn.OBJECT_GONE: Stage.GONE,  # T14
    },
    Stage.GONE: {},
}
