"""The rules by which edits replace each other, as reads and writes of the database.

An edit never changes: what is called an update is a new edit that supersedes the old one.
Of two edits that name the same subject and the same relation, the newer supersedes the
older if there is a moment at which both would hold. Nothing else is ever superseded
without being named: nothing is guessed from texts, and no case is folded.

Every function here is called while the database is being written.
"""

# ruff: noqa: S608 - statements are put together from constants alone, values are always bound

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from memory_store.database import Database
from memory_store.edit import Edit, EditDraft, HistoryEntry
from memory_store.encoder import Vectors
from memory_store.errors import EditExistsError, UnknownEditError
from memory_store.records import (
    COLUMNS,
    FIELDS,
    Row,
    content_id,
    content_of,
    edit_to_row,
    is_sound,
    moment_to_text,
    row_to_edit,
    row_to_entry,
    vector_to_row,
)

_INSERT_EDIT = f"INSERT INTO edits ({FIELDS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MOVE_TO_HISTORY = (
    f"INSERT INTO history ({COLUMNS}, ended_at, ended_by, superseded_by)"
    f" SELECT {COLUMNS}, ?, ?, ? FROM edits WHERE key = ?"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a draft: its edit, and how many edits it superseded."""

    edit: Edit
    is_new: bool
    superseded: int = 0


class Ids:
    """Finds the id of a draft, and whether the draft is there already.

    Args:
        database: The database.
        namespace: The namespace that ids belong to.
        importing: Whether the drafts are lines of a file. Then a line without an id gets
            one made from what it says, and a line that was superseded since counts as
            there, so that importing a file twice changes nothing.
    """

    def __init__(self, database: Database, namespace: str, importing: bool) -> None:
        self._database = database
        self._namespace = namespace
        self._importing = importing
        self._seen: Counter[tuple[Any, ...]] = Counter()

    def find(self, draft: EditDraft) -> tuple[str, Edit | None]:
        """Return the id that a draft gets, and the edit if it is there already.

        Raises:
            EditExistsError: The id that the draft asks for is taken.
        """
        if draft.id is not None:
            edit, ended_by = self._look_up(draft.id)
            if edit is not None and not self._is_same(draft, edit, ended_by):
                raise _taken(draft.id, ended_by)
            return draft.id, edit
        if self._importing:
            return self._id_from_content(draft)
        while True:
            name = secrets.token_hex(4)
            if self._look_up(name)[0] is None:
                return name, None

    def _id_from_content(self, draft: EditDraft) -> tuple[str, Edit | None]:
        content = content_of(draft)
        number = 0
        if draft.subject is not None and draft.relation is not None:
            # The same statement further down the file is a change back to it.
            number = self._seen[content] * 1000
            self._seen[content] += 1
        while True:
            name = content_id(draft, number)
            edit, ended_by = self._look_up(name)
            if edit is None or self._is_same(draft, edit, ended_by):
                return name, edit
            number += 1  # removed since, or the id of something else

    def _is_same(self, draft: EditDraft, edit: Edit, ended_by: str | None) -> bool:
        holds = ended_by is None or (self._importing and ended_by == "superseded")
        return holds and content_of(draft) == content_of(edit)

    def _look_up(self, name: str) -> tuple[Edit | None, str | None]:
        row = self._database.first(
            f"SELECT {COLUMNS}, NULL FROM edits WHERE namespace = ?1 AND id = ?2"
            f" UNION ALL SELECT {COLUMNS}, ended_by FROM history"
            " WHERE namespace = ?1 AND id = ?2",
            (self._namespace, name),
        )
        return (None, None) if row is None else (row_to_edit(row), row[12])


def store(
    database: Database, namespace: str, draft: EditDraft, name: str, vector: Vectors
) -> Stored:
    """Store a checked draft under an id that is free, and end what it supersedes.

    Args:
        database: The database, being written.
        namespace: The namespace.
        draft: The draft, checked.
        name: Its id.
        vector: The vector (d,) of its text.
    """
    now = datetime.now(UTC)
    replaced = _superseded_by(database, namespace, draft)
    edit = Edit(
        id=name,
        text=draft.text,
        subject=draft.subject,
        relation=draft.relation,
        source=draft.source,
        created_at=draft.created_at if isinstance(draft.created_at, datetime) else now,
        valid_from=draft.valid_from if isinstance(draft.valid_from, datetime) else None,
        valid_to=draft.valid_to if isinstance(draft.valid_to, datetime) else None,
        supersedes=draft.supersedes or (replaced[-1][2] if replaced else None),
        namespace=namespace,
    )
    for old in replaced:
        _end(database, namespace, old[0], now, "superseded", name)
    row = edit_to_row(edit)
    key = database.execute(_INSERT_EDIT, row).lastrowid
    assert key is not None  # noqa: S101 - sqlite3 sets it after every insert
    database.execute("INSERT INTO vectors VALUES (?, ?, ?)", vector_to_row(key, vector, row[-1]))
    _log(database, namespace, "add", key)
    return Stored(edit, True, len(replaced))


def remove(database: Database, namespace: str, name: str) -> Row:
    """End an edit because it was removed, and return its row."""
    row = held_row(database, namespace, name)
    _end(database, namespace, row[0], datetime.now(UTC), "removed", None)
    return row


def held_row(database: Database, namespace: str, name: str) -> Row:
    """Return the row of an edit that holds now.

    Raises:
        UnknownEditError: There is none, with what became of it if there was one.
    """
    row = database.first(
        f"SELECT {COLUMNS} FROM edits WHERE namespace = ? AND id = ?", (namespace, name)
    )
    if row is not None:
        return row
    past = database.first(
        "SELECT ended_by, superseded_by FROM history WHERE namespace = ? AND id = ?",
        (namespace, name),
    )
    if past is None:
        raise UnknownEditError(f"there is no edit {name!r}; list the edits to see their ids")
    if past[0] == "superseded":
        raise UnknownEditError(
            f"edit {name!r} no longer holds, it was superseded by {past[1]!r}; use that id"
        )
    raise UnknownEditError(f"edit {name!r} was removed; add it again to have it hold")


def chain(database: Database, namespace: str, name: str) -> list[HistoryEntry]:
    """Return all versions that are connected by superseding, in the order they were stored.

    Raises:
        UnknownEditError: No version has this id.
        DamagedMemoryError: One of them is damaged.
    """
    rows: dict[int, Row] = {}
    waiting, seen = [name], {name}
    while waiting:
        current = waiting.pop()
        for row in database.fetch(
            f"SELECT {COLUMNS}, NULL, NULL, NULL FROM edits WHERE namespace = ?1 AND id = ?2"
            f" UNION ALL SELECT {COLUMNS}, ended_at, ended_by, superseded_by FROM history"
            " WHERE namespace = ?1 AND (id = ?2 OR superseded_by = ?2)",
            (namespace, current),
        ):
            rows[row[0]] = row
            for other in (row[2], row[14]):
                if other is not None and other not in seen:
                    seen.add(other)
                    waiting.append(other)
    if not rows:
        raise UnknownEditError(f"there is no edit {name!r}; list the edits to see their ids")
    return [row_to_entry(rows[key]) for key in sorted(rows)]


def _superseded_by(database: Database, namespace: str, draft: EditDraft) -> list[Row]:
    """Return the rows that a draft replaces, oldest first; the one it names comes last."""
    found: dict[int, Row] = {}
    if draft.subject is not None and draft.relation is not None:
        for row in database.fetch(
            f"SELECT {COLUMNS} FROM edits WHERE namespace = ? AND subject = ? AND relation = ?"
            " ORDER BY key",
            (namespace, draft.subject, draft.relation),
        ):
            # What a damaged row says about its dates can't be trusted: it stays, to be found.
            if is_sound(row) and _overlap(row_to_edit(row), draft):
                found[row[0]] = row
    if draft.supersedes is not None:
        named = database.first(
            f"SELECT {COLUMNS} FROM edits WHERE namespace = ? AND id = ?",
            (namespace, draft.supersedes),
        )
        if named is not None:
            found.pop(named[0], None)
            found[named[0]] = named
    return list(found.values())


def _overlap(a: Edit, b: EditDraft) -> bool:
    """Say whether there is a moment at which both hold; the end of an interval is open."""
    return _starts_before(a.valid_from, b.valid_to) and _starts_before(b.valid_from, a.valid_to)


def _starts_before(start: Any, end: Any) -> bool:
    return start is None or end is None or bool(start < end)


def _end(
    database: Database, namespace: str, key: int, now: datetime, why: str, successor: str | None
) -> None:
    database.execute(_MOVE_TO_HISTORY, (moment_to_text(now), why, successor, key))
    database.execute("DELETE FROM edits WHERE key = ?", (key,))
    database.execute("DELETE FROM vectors WHERE key = ?", (key,))
    _log(database, namespace, "end", key)


def _log(database: Database, namespace: str, operation: str, key: int) -> None:
    database.execute(
        "INSERT INTO changes (namespace, op, key) VALUES (?, ?, ?)", (namespace, operation, key)
    )


def _taken(name: str, ended_by: str | None) -> EditExistsError:
    if ended_by is None:
        return EditExistsError(
            f"id {name!r} belongs to an edit that says something else; update that edit, or "
            "give another id"
        )
    return EditExistsError(
        f"id {name!r} belongs to an edit that was {ended_by}, and ids are never used again; "
        "give another id, or leave it out"
    )
