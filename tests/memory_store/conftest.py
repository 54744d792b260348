import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hashed_encoder import HashedEncoder

from memory_store import EditMemory


@pytest.fixture
def encoder():
    return HashedEncoder()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "facts.db"


@pytest.fixture
def open_memory(path, encoder):
    """Opens handles on one file and closes them at the end."""
    handles = []

    def open_one(**options):
        options.setdefault("encoder", encoder)
        handle = EditMemory.open(options.pop("path", path), **options)
        handles.append(handle)
        return handle

    yield open_one
    for handle in handles:
        handle.close()


@pytest.fixture
def memory(open_memory):
    return open_memory()


@pytest.fixture
def sql(path):
    """Runs a statement on the file behind the memory's back."""

    def run(statement, *values):
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute(statement, values).fetchall()
            connection.commit()
            return rows

    return run
