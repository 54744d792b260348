import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from serac.lazily import loaded_once


def test_all_threads_get_what_was_loaded_once():
    loaded = []

    def load():
        time.sleep(0.02)
        loaded.append(object())
        return loaded[-1]

    get = loaded_once(load)
    assert loaded == []
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: get(), range(8)))
    assert len(loaded) == 1
    assert all(one is loaded[0] for one in found)


def test_a_failure_is_not_kept():
    found = iter([OSError("gone"), "a model"])

    def load():
        one = next(found)
        if isinstance(one, Exception):
            raise one
        return one

    get = loaded_once(load)
    with pytest.raises(OSError, match="gone"):
        get()
    assert get() == get() == "a model"
