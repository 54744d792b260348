"""Looks through a memory for damage."""

# ruff: noqa: S608 - statements are put together from constants alone, values are always bound

from __future__ import annotations

from memory_store.database import Database
from memory_store.encoder import Encoder
from memory_store.errors import MemoryStoreError
from memory_store.live import LiveIndex
from memory_store.records import COLUMNS, is_sound, row_to_vector
from memory_store.reports import CheckReport


def check_database(
    database: Database, namespace: str, live: LiveIndex, encoder: Encoder
) -> CheckReport:
    """Check all rows of the file, and the index of one namespace; nothing is changed.

    Args:
        database: The database, being read.
        namespace: The namespace that is counted.
        live: Its index.
        encoder: Tells the length that a vector has.
    """
    edits = vectors = stray = 0
    damaged: list[str] = []
    past: list[str] = []
    unfit: list[str] = []
    missing: list[str] = []
    integrity = _integrity(database)
    try:
        for row in database.stream(
            f"SELECT {_prefixed()}, vectors.vector, vectors.digest"
            " FROM edits LEFT JOIN vectors ON vectors.key = edits.key ORDER BY edits.key"
        ):
            name = _name(row, namespace)
            edits += row[1] == namespace
            if not is_sound(row):
                damaged.append(name)
            if row[12] is None:
                missing.append(name)
                continue
            vectors += row[1] == namespace
            if row_to_vector(row[12], row[13], row[11], encoder.dimension) is None:
                unfit.append(name)
        for row in database.stream(f"SELECT {COLUMNS} FROM history ORDER BY key"):
            if not is_sound(row):
                past.append(_name(row, namespace))
        found = database.first(
            "SELECT count(*) FROM vectors WHERE key NOT IN (SELECT key FROM edits)"
        )
        stray = found[0] if found else 0
    except MemoryStoreError as error:
        # A page that can't be read ends the count, but not the report.
        integrity = str(error) if integrity == "ok" else integrity
    return CheckReport(
        edits=edits,
        vectors=vectors,
        index_size=len(live.index),
        damaged_edits=tuple(damaged),
        damaged_history=tuple(past),
        damaged_vectors=tuple(unfit),
        missing_vectors=tuple(missing),
        stray_vectors=stray,
        integrity=integrity,
    )


def _integrity(database: Database) -> str:
    try:
        rows = [str(row[0]) for row in database.fetch("PRAGMA integrity_check(10)")]
    except MemoryStoreError as error:
        return str(error)
    return "; ".join(" ".join(row.split()) for row in rows)


def _name(row: tuple[object, ...], namespace: str) -> str:
    return str(row[2]) if row[1] == namespace else f"{row[1]}:{row[2]}"


def _prefixed() -> str:
    return ", ".join(f"edits.{column}" for column in COLUMNS.split(", "))
