"""Loading a thing when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def loaded_once(load: Callable[[], T]) -> Callable[[], T]:
    """Return what loads a thing at the first call, and gives the same one to all threads.

    Args:
        load: Loads it; where it fails, the next call tries again.
    """
    lock = threading.Lock()
    loaded: list[T] = []

    def get() -> T:
        with lock:
            if not loaded:
                loaded.append(load())
        return loaded[0]

    return get
