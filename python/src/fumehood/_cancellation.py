"""How one thread tells another that nobody waits for its command any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Cancellation:
    """A request to end one command. It can't be taken back. Safe to use from several threads."""

    def __init__(self) -> None:
        self._requested = threading.Event()
        self._lock = threading.Lock()  # guards _callbacks, and that each is called once
        self._callbacks: list[Callable[[], None]] = []

    @property
    def requested(self) -> bool:
        return self._requested.is_set()

    def cancel(self) -> None:
        """Calls what waits for it, in this thread; a second time it does nothing."""
        with self._lock:
            if self._requested.is_set():
                return
            self._requested.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def wait(self, seconds: float) -> bool:
        """Waits that long, or until it is requested; says whether it is."""
        return self._requested.wait(seconds)

    @contextmanager
    def calls(self, callback: Callable[[], None]) -> Iterator[None]:
        """Within it a cancellation calls `callback`, which must return soon; also one that came before."""
        with self._lock:
            came_before = self._requested.is_set()
            self._callbacks.append(callback)
        try:
            if came_before:
                callback()
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)
