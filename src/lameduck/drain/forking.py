"""A fork makes two processes of one: the child must not be taken for its parent, nor hear its parent's signals."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Forking"]

HELD = (signal.SIGTERM, signal.SIGINT)


class Forking:
    """Watches over the forks of this process, from the first time that it stands before its signals."""

    def __init__(self, in_child: Callable[[], None], concerned: Callable[[], bool]) -> None:
        self.in_child = in_child
        self.concerned = concerned
        self.masks: dict[int, set[int]] = {}
        """What each forking thread had blocked before."""
        self.pid = os.getpid()
        self.begun = False

    def begin(self) -> None:
        """Once: it cannot be taken back."""
        self.pid = os.getpid()
        if not self.begun:
            self.begun = True
            os.register_at_fork(before=self.before, after_in_parent=self.after, after_in_child=self.after_in_child)

    def before(self) -> None:
        """Until the child has withdrawn, a signal to it would be heard here: the two share a pipe."""
        if self.concerned():
            self.masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)

    def after(self) -> None:
        mask = self.masks.pop(threading.get_ident(), None)
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def after_in_child(self) -> None:
        if self.pid != os.getpid():
            self.pid = os.getpid()
            self.in_child()
        self.after()
        self.masks.clear()
