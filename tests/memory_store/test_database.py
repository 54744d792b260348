import logging
import os
import sqlite3
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from memory_store import (
    DamagedMemoryError,
    EditMemory,
    InvalidQueryError,
    MemoryBusyError,
    MemoryStoreError,
    NewerMemoryError,
    NotAMemoryError,
    UnknownEditError,
)
from memory_store.database import APPLICATION_ID, Database, translate

FACT = "The Space Needle is located in Paris."


def test_the_file_says_whose_it_is(memory, path, sql):
    assert sql("PRAGMA application_id") == [(APPLICATION_ID,)] == [(0x45525254,)]
    assert sql("PRAGMA user_version") == [(1,)]
    assert sql("PRAGMA journal_mode") == [("wal",)]
    header = path.read_bytes()[:100]
    assert struct.unpack(">I", header[68:72]) == (APPLICATION_ID,)
    connection = memory._database._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_an_empty_file_becomes_a_memory(path, open_memory):
    path.touch()
    open_memory().add(FACT)
    assert len(open_memory()) == 1


def test_paths_that_cannot_be_a_memory(tmp_path, encoder):
    with pytest.raises(NotAMemoryError, match=r"is a folder; name a file"):
        EditMemory.open(tmp_path, encoder)
    with pytest.raises(MemoryStoreError, match=r"does not exist; create it first"):
        EditMemory.open(tmp_path / "no" / "facts.db", encoder)
    with pytest.raises(MemoryStoreError, match=r"no such memory; check the path"):
        EditMemory.open(tmp_path / "facts.db", encoder, create=False)
    with pytest.raises(MemoryStoreError):
        EditMemory.open("a\0b", encoder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_file_that_may_not_be_written_can_be_read(path, open_memory):
    with open_memory() as memory:
        memory.add(FACT)
    path.chmod(0o400)
    memory = open_memory()
    assert memory.search(FACT)[0].edit.text == FACT
    with pytest.raises(MemoryStoreError, match=r"can't be opened for writing.*permissions"):
        memory.add("Another fact.")
    path.chmod(0o000)
    with pytest.raises(MemoryStoreError, match=r"can't be read \(Permission denied\)"):
        open_memory()


@pytest.mark.parametrize(
    "content",
    [b"x", b"not a database at all " * 100, b"\x00" * 4096, b'{"text": "a"}\n', b"SQLite format 2"],
)
def test_another_file_is_refused_and_left_alone(path, encoder, content):
    path.write_bytes(content)
    with pytest.raises(NotAMemoryError, match=r"is not a memory of edits") as caught:
        EditMemory.open(path, encoder)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("setup", ["CREATE TABLE edits (a)", "PRAGMA application_id = 7", "VACUUM"])
def test_the_database_of_another_application_is_left_alone(path, encoder, setup):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(setup)
        connection.commit()
    content = path.read_bytes()
    with pytest.raises(NotAMemoryError):
        EditMemory.open(path, encoder)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_newer_file_is_refused_and_left_alone(path, open_memory, sql, encoder):
    with open_memory() as memory:
        memory.add(FACT)
    sql("PRAGMA user_version = 2")
    content = path.read_bytes()
    with pytest.raises(NewerMemoryError, match=r"format 2, this one reads up to 1.*update errata"):
        EditMemory.open(path, encoder)
    assert path.read_bytes() == content


@pytest.mark.parametrize("size", [20, 99, 100, 1000, 4096, 9000, 20_000, 40_000])
def test_a_file_that_was_cut_off(path, open_memory, encoder, size):
    with open_memory() as memory:
        memory.add_many([f"Fact number {n} is of some length." for n in range(100)])
    content = path.read_bytes()
    assert len(content) > 40_000
    path.write_bytes(content[:size])
    with pytest.raises(DamagedMemoryError) as caught:
        EditMemory.open(path, encoder)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert path.read_bytes() == content[:size]


def test_pages_of_garbage(path, open_memory, encoder):
    with open_memory() as memory:
        memory.add_many([f"Fact number {n} is of some length." for n in range(100)])
    content = path.read_bytes()
    for page in range(1, len(content) // 4096):
        damaged = bytearray(content)
        damaged[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
        path.write_bytes(damaged)
        try:
            with EditMemory.open(path, encoder) as memory:
                assert not memory.check().ok
        except DamagedMemoryError as error:
            assert "\n" not in str(error)


def test_a_missing_table(path, open_memory, sql, encoder):
    open_memory().close()
    sql("DROP TABLE edits")
    with pytest.raises(DamagedMemoryError, match=r"no such table"):
        EditMemory.open(path, encoder)


def test_a_second_writer_waits_then_gives_up(path, open_memory):
    memory = open_memory(busy_timeout=0.05)
    memory.add(FACT, id="a")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for action in (
            lambda: memory.add("Another fact."),
            lambda: memory.remove("a"),
            lambda: memory.update("a", "New."),
            lambda: memory.rebuild(),
        ):
            with pytest.raises(MemoryBusyError, match=r"another process .*0\.05 s; try again"):
                action()
        assert memory.search(FACT)[0].edit.id == "a"  # reading goes on
        reader = open_memory(busy_timeout=0.05)
        assert len(reader) == 1
        other.execute("COMMIT")
    memory.add("Another fact.")
    assert len(reader) == 2 and memory.check().ok


def test_nothing_is_stored_of_a_write_that_fails(path):
    database = Database.open(path)
    with pytest.raises(RuntimeError), database.writing():
        database.set_meta("a", "1")
        raise RuntimeError
    assert database.get_meta("a") is None
    with database.writing():
        database.set_meta("a", "2")
    with database.reading(), database.reading():
        assert database.get_meta("a") == "2"
    with pytest.raises(DamagedMemoryError):
        database.execute("SELECT nonsense FROM nowhere")
    database.close()
    with pytest.raises(MemoryStoreError, match=r"closed"), database.reading():
        pass


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (sqlite3.SQLITE_BUSY, MemoryBusyError, "another process"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, MemoryBusyError, "another process"),
        (sqlite3.SQLITE_CORRUPT, DamagedMemoryError, "damaged"),
        (sqlite3.SQLITE_NOTADB, NotAMemoryError, "not a memory"),
        (sqlite3.SQLITE_READONLY, MemoryStoreError, "permissions"),
        (sqlite3.SQLITE_CANTOPEN, MemoryStoreError, "permissions"),
        (sqlite3.SQLITE_FULL, MemoryStoreError, "disk"),
        (sqlite3.SQLITE_IOERR, MemoryStoreError, "disk"),
    ],
)
def test_errors_of_sqlite_become_ours(code, kind, message):
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    found = translate(error, "facts.db")
    assert type(found) is kind and message in str(found)


def test_several_create_it_at_once(path, encoder):
    def create(number):
        with EditMemory.open(path, encoder) as memory:
            return memory.add(f"Fact {number}.").id

    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(create, range(16)))
    with EditMemory.open(path, encoder) as memory:
        assert {edit.id for edit in memory.list()} == names and len(names) == 16
        assert memory.check().ok


def test_creation_is_quiet(open_memory, caplog):
    caplog.set_level(logging.WARNING)
    open_memory().add(FACT)
    assert not caplog.records


def test_a_reader_who_stops_early_may_let_go_after_the_file_is_closed(path):
    database = Database.open(path)
    rows = database.stream("SELECT 1 UNION SELECT 2")
    assert next(rows) == (1,)

    database.close()

    rows.close()


@pytest.mark.parametrize("gone", ["moved", "deleted", "replaced"])
def test_nothing_is_acknowledged_once_the_file_is_gone(open_memory, path, gone):
    memory = open_memory()
    memory.add("Before.")
    if gone == "moved":
        path.rename(path.with_name("elsewhere.db"))
    else:
        path.unlink()
    if gone == "replaced":
        path.write_bytes(b"something else")
    for use in (lambda: memory.add("After."), lambda: memory.search("Before.")):
        with pytest.raises(MemoryStoreError, match="moved, deleted or replaced"):
            use()


def test_a_change_of_the_working_directory_is_no_move(tmp_path, encoder, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with EditMemory.open("facts.db", encoder) as memory:
        memory.add("Before.")
        monkeypatch.chdir(tmp_path / "elsewhere")
        memory.add("After.")
        assert len(memory.search("After.")) == 2


@pytest.mark.parametrize("value", ["\ud800", [], 3.5, {}])
def test_a_value_that_no_edit_can_have_is_no_damage(memory, value):
    memory.add("Before.")
    for use in (memory.get, memory.remove, lambda id: memory.update(id, "x")):
        with pytest.raises((InvalidQueryError, UnknownEditError)):
            use(value)
    assert memory.check().ok


@pytest.mark.parametrize("asked", [{"limit": 2**70}, {"offset": 2**70}, {"contains": b"x"}])
def test_what_can_t_be_listed_by_is_refused(memory, asked):
    with pytest.raises(InvalidQueryError):
        memory.list(**asked)
