"""The SQLite file: how it is opened, created, recognised, locked, and how it fails.

==================  ==============================================================
application_id      ``0x45525254``, which tells our files from others'
user_version        version of the format, `FORMAT_VERSION`
meta                name, value: the encoder's fingerprint and dimension; settings
edits               what holds now, one row an edit, with a digest of the row
vectors             key of an edit, its vector (float32, little endian), a digest
history             the versions that no longer hold: when, why, replaced by what
changes             the log by which the handles of other processes catch up
==================  ==============================================================

An edit and its vector are committed together, so the index, which lives in memory alone,
can always be built from the file.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from memory_store.errors import (
    DamagedMemoryError,
    ErrataError,
    InvalidQueryError,
    MemoryBusyError,
    MemoryStoreError,
    NewerMemoryError,
    NotAMemoryError,
)
from memory_store.transfer import SQLITE_MAGIC

logger = logging.getLogger(__name__)

_WRONG_VALUES = (
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    UnicodeEncodeError,
    OverflowError,
)
"""What sqlite3 raises for values that it can't bind, such as a lone surrogate."""

_REFUSALS = (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError, OverflowError)

APPLICATION_ID = 0x45525254  # "ERRT"
FORMAT_VERSION = 1
IN_MEMORY = ":memory:"

_FIELDS = """
    namespace TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL,
    subject TEXT, relation TEXT, source TEXT, created_at TEXT NOT NULL,
    valid_from TEXT, valid_to TEXT, supersedes TEXT, digest BLOB NOT NULL
"""
_SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    f"CREATE TABLE edits (key INTEGER PRIMARY KEY AUTOINCREMENT, {_FIELDS},"
    " UNIQUE (namespace, id))",
    "CREATE INDEX edits_by_relation ON edits (namespace, subject, relation)"
    " WHERE subject IS NOT NULL AND relation IS NOT NULL",
    "CREATE TABLE vectors (key INTEGER PRIMARY KEY, vector BLOB NOT NULL, digest BLOB NOT NULL)",
    f"CREATE TABLE history (key INTEGER PRIMARY KEY, {_FIELDS}, ended_at TEXT NOT NULL,"
    " ended_by TEXT NOT NULL CHECK (ended_by IN ('superseded', 'removed')),"
    " superseded_by TEXT, UNIQUE (namespace, id))",
    "CREATE INDEX history_by_successor ON history (namespace, superseded_by)",
    "CREATE TABLE changes (seq INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL,"
    " op TEXT NOT NULL CHECK (op IN ('add', 'end', 'reset')), key INTEGER NOT NULL)",
)


class Database:
    """One connection to a memory file. Not thread-safe: its owner holds a lock."""

    def __init__(self, connection: sqlite3.Connection, path: str, busy_timeout: float) -> None:
        self._connection = connection
        self._absolute = Path(path).absolute()  # the working directory may change
        self._file = None if path == IN_MEMORY else _file_at(self._absolute)
        self.path = path
        self._busy_timeout = busy_timeout

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, create: bool = True, busy_timeout: float = 5.0
    ) -> Database:
        """Open the memory at ``path``; a missing or empty file is made one.

        Args:
            path: The file, or ``":memory:"``.
            create: Whether to make a memory where there is none.
            busy_timeout: Seconds to wait for another process that is writing.

        Raises:
            NotAMemoryError: The path is something else; it is left untouched.
            NewerMemoryError: The file was written by a newer version.
            DamagedMemoryError: SQLite can't make sense of the file.
            MemoryBusyError: Another process kept writing for too long.
            MemoryStoreError: The file can't be opened or made.
        """
        name = os.fspath(path)
        if name != IN_MEMORY:
            _inspect(Path(name), create)
        with translated(name, busy_timeout):
            connection = sqlite3.connect(
                name, timeout=busy_timeout, isolation_level=None, check_same_thread=False
            )
        database = cls(connection, name, busy_timeout)
        try:
            database._prepare()
        except BaseException:
            connection.close()
            raise
        return database

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement, with SQLite's errors turned into ours."""
        try:
            return self._connection.execute(sql, values)
        except _REFUSALS as error:
            raise translate(error, self.path, self._busy_timeout) from error

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many rows."""
        with translated(self.path, self._busy_timeout):
            self._connection.executemany(sql, rows)

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with translated(self.path, self._busy_timeout):
            return self._connection.execute(sql, values).fetchall()

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query that may be too large to hold; to be read to its end.

        While rows are left, this connection goes on seeing the state that it began with.
        """
        with translated(self.path, self._busy_timeout):
            # Not yield from: that would close the cursor of a reader who stopped early, which
            # fails once the connection is closed.
            for row in self._connection.execute(sql, values):  # noqa: UP028
                yield row

    def first(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """Return the first row of a query, or ``None``."""
        with translated(self.path, self._busy_timeout):
            row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return row

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See one state of the file until the block ends, whatever others write."""
        if self._in_transaction():
            yield
            return
        self.execute("BEGIN")
        try:
            self._still_there()
            yield
        finally:
            # A failed statement may have ended the transaction already.
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to write; all of the block is stored durably at its end, or nothing."""
        self.execute("BEGIN IMMEDIATE")
        try:
            self._still_there()
            yield
            self.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _still_there(self) -> None:
        """Raise if the file was moved or deleted: what is written would go nowhere."""
        if self._file is not None and _file_at(self._absolute) != self._file:
            raise MemoryStoreError(
                f"{self.path}: was moved, deleted or replaced while it was open; open it again"
            )

    def get_meta(self, name: str) -> str | None:
        """Return a value of the table ``meta``."""
        row = self.first("SELECT value FROM meta WHERE name = ?", (name,))
        return None if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        """Set a value of the table ``meta``; to be called while writing."""
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def remove_meta(self, name: str) -> None:
        """Remove a value of the table ``meta``, if it is there; to be called while writing."""
        self.execute("DELETE FROM meta WHERE name = ?", (name,))

    def close(self) -> None:
        """Close the file; closing it again does nothing."""
        with translated(self.path, self._busy_timeout):
            self._connection.close()

    def _in_transaction(self) -> bool:
        with translated(self.path, self._busy_timeout):
            return self._connection.in_transaction

    def _prepare(self) -> None:
        """Set what has to be set for each connection, and create the tables of a new file."""
        # Undecodable bytes are damage to be reported for the one edit, not an error here.
        self._connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        with translated(self.path, self._busy_timeout):
            self._connection.create_function(
                "folded_contains",
                2,
                lambda text, part: part.casefold() in str(text).casefold(),
                deterministic=True,
            )
        if self._pragma("application_id") == 0 and not self._has_tables():
            self._create()
        self._check_format()
        self.execute("PRAGMA synchronous = FULL")
        self.execute("PRAGMA secure_delete = ON")
        self._use_wal()

    def _create(self) -> None:
        """Create the tables, unless another process has done so by now.

        This happens before the switch to WAL, so that the first page of the file itself,
        which `_inspect` reads, says whose the file is.
        """
        self.execute("PRAGMA synchronous = FULL")
        with self.writing():
            if self._has_tables():
                return
            for statement in _SCHEMA:
                self.execute(statement)
            self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self.execute(f"PRAGMA user_version = {FORMAT_VERSION}")

    def _check_format(self) -> None:
        if self._pragma("application_id") != APPLICATION_ID:
            raise _not_a_memory(self.path)
        _check_version(self.path, self._pragma("user_version"))

    def _use_wal(self) -> None:
        """Let readers go on while one process writes.

        The switch needs the file alone and does not wait by itself.
        """
        deadline = time.monotonic() + self._busy_timeout
        while True:
            try:
                row = self.first("PRAGMA journal_mode = WAL")
                break
            except MemoryBusyError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)
        if self.path != IN_MEMORY and (row is None or row[0] != "wal"):
            logger.warning("%s: no write-ahead log here; readers will wait for writers", self.path)

    def _has_tables(self) -> bool:
        return self.first("SELECT 1 FROM sqlite_master LIMIT 1") is not None

    def _pragma(self, name: str) -> int:
        row = self.first(f"PRAGMA {name}")
        return int(row[0]) if row else 0


def _file_at(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at a path from any other."""
    with suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def translate(error: Exception, path: str, busy_timeout: float = 5.0) -> ErrataError:
    """Return our error for one of SQLite's."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return MemoryBusyError(
            f"{path}: another process is writing to this memory and did not finish within "
            f"{busy_timeout:g} s; try again, or raise busy_timeout"
        )
    if primary == sqlite3.SQLITE_NOTADB:
        return _not_a_memory(path)
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return MemoryStoreError(
            f"{path}: can't be opened for writing ({error}); check the permissions of the file "
            "and of its folder"
        )
    if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return MemoryStoreError(
            f"{path}: the disk refused ({error}); nothing was stored, check space and disk"
        )
    if "closed database" in str(error):
        return MemoryStoreError(f"{path}: this memory is closed; open it again")
    if isinstance(error, _WRONG_VALUES):
        return InvalidQueryError(f"a value that can't be looked up ({error}); give another")
    return DamagedMemoryError(
        f"{path}: the file is damaged ({error}); restore it from a backup or an export"
    )


@contextmanager
def translated(path: str, busy_timeout: float = 5.0) -> Iterator[None]:
    """Turn SQLite's errors inside the block into ours."""
    try:
        yield
    except _REFUSALS as error:
        raise translate(error, path, busy_timeout) from error


def _inspect(path: Path, create: bool) -> None:
    """Refuse what is not ours by reading the file's first bytes, without touching it."""
    if "\0" in str(path):
        raise MemoryStoreError(f"{str(path)!r}: is no path (it holds a NUL); name another file")
    try:
        if path.is_dir():
            raise NotAMemoryError(f"{path}: is a folder; name a file, such as {path / 'facts.db'}")
        if not path.parent.is_dir():
            raise MemoryStoreError(
                f"{path}: the folder {path.parent} does not exist; create it first"
            )
        if not path.exists() or path.stat().st_size == 0:
            if not create and not path.exists():
                raise MemoryStoreError(f"{path}: no such memory; check the path")
            return
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise MemoryStoreError(
            f"{path}: can't be read ({error.strerror}); check the path and its permissions"
        ) from error
    if not header.startswith(SQLITE_MAGIC):
        # A crash while the file was being created leaves a journal that SQLite rolls back.
        if Path(f"{path}-journal").exists() and not header.strip(b"\x00"):
            return
        raise _not_a_memory(str(path))
    if len(header) < 100:
        raise DamagedMemoryError(
            f"{path}: the file is damaged (cut off after {len(header)} bytes); restore it from "
            "a backup or an export"
        )
    (version,) = struct.unpack(">I", header[60:64])
    (application,) = struct.unpack(">I", header[68:72])
    if application != APPLICATION_ID:
        raise _not_a_memory(str(path))
    _check_version(str(path), version)


def _check_version(path: str, version: int) -> None:
    if version > FORMAT_VERSION:
        raise NewerMemoryError(
            f"{path}: was written by a newer version (format {version}, this one reads up to "
            f"{FORMAT_VERSION}); update errata"
        )
    if version < 1:
        raise DamagedMemoryError(
            f"{path}: the file is damaged (format {version} never existed); restore it from a "
            "backup or an export"
        )


def _not_a_memory(path: str) -> NotAMemoryError:
    return NotAMemoryError(
        f"{path}: is not a memory of edits; name another file, this one was left as it is"
    )
