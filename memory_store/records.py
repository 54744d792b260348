"""How an edit and its vector are written as rows, and how damage to a row is noticed.

Each row of ``edits`` and ``history`` carries a BLAKE2b digest of its fields, each row of
``vectors`` one of its vector together with the digest of its edit. So a vector can be
told apart as sound or not even where the text beside it is damaged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import numpy as np

from memory_store.edit import Edit, EditDraft, HistoryEntry
from memory_store.encoder import Vectors
from memory_store.errors import DamagedMemoryError

FIELDS = (
    "namespace, id, text, subject, relation, source, created_at, valid_from, valid_to, supersedes"
)
COLUMNS = f"key, {FIELDS}, digest"
_FIELD_COUNT = 10

Row = tuple[Any, ...]


def edit_to_row(edit: Edit) -> Row:
    """Return the fields of an edit and their digest, in the order of `FIELDS`."""
    fields = (
        edit.namespace,
        edit.id,
        edit.text,
        edit.subject,
        edit.relation,
        edit.source,
        moment_to_text(edit.created_at),
        moment_to_text(edit.valid_from),
        moment_to_text(edit.valid_to),
        edit.supersedes,
    )
    return (*fields, edit_digest(fields))


def row_to_edit(row: Sequence[Any]) -> Edit:
    """Return the edit in a row of `COLUMNS`.

    Raises:
        DamagedMemoryError: The row is not what was written.
    """
    if not is_sound(row):
        raise DamagedMemoryError(
            f"edit {row[2]!r} is damaged on disk and was not used; restore the file from a "
            "backup, or remove the edit and add it again"
        )
    _, namespace, name, text, subject, relation, source, created, start, end, supersedes = row[:11]
    return Edit(
        id=name,
        text=text,
        subject=subject,
        relation=relation,
        source=source,
        created_at=text_to_moment(created),
        valid_from=text_to_moment(start),
        valid_to=text_to_moment(end),
        supersedes=supersedes,
        namespace=namespace,
    )


def row_to_entry(row: Sequence[Any]) -> HistoryEntry:
    """Return the entry in a row of `COLUMNS`, ended_at, ended_by, superseded_by."""
    edit = row_to_edit(row)
    ended_at, ended_by, superseded_by = row[12:15]
    return HistoryEntry(edit, text_to_moment(ended_at), ended_by, superseded_by)


def is_sound(row: Sequence[Any]) -> bool:
    """Say whether a row of `COLUMNS` is what was written."""
    fields, digest = row[1 : 1 + _FIELD_COUNT], row[1 + _FIELD_COUNT]
    return bool(edit_digest(fields) == digest)


def edit_digest(fields: Sequence[Any]) -> bytes:
    """Return 16 bytes over the fields of an edit as they are stored."""
    # repr stands for what no intact row holds, such as bytes where text should be.
    return blake2b(json.dumps(list(fields), default=repr).encode(), digest_size=16).digest()


def vector_to_row(key: int, vector: Vectors, digest: bytes) -> Row:
    """Return the row of a vector (d,) that belongs to the edit with ``digest``."""
    blob = np.ascontiguousarray(vector, dtype="<f4").tobytes()
    return key, blob, vector_digest(blob, digest)


def row_to_vector(blob: Any, found: Any, digest: Any, dimension: int) -> Vectors | None:
    """Return the vector (d,) of the edit with ``digest``, or ``None`` if it can't be used."""
    if not isinstance(blob, bytes) or not isinstance(digest, bytes):
        return None
    if len(blob) != 4 * dimension or vector_digest(blob, digest) != found:
        return None
    vector = np.frombuffer(blob, dtype="<f4")
    return vector if bool(np.isfinite(vector).all()) else None


def vector_digest(blob: bytes, digest: bytes) -> bytes:
    """Return 16 bytes over a stored vector and the digest of its edit."""
    return blake2b(digest + blob, digest_size=16).digest()


def content_id(draft: EditDraft, number: int) -> str:
    """Return an id made from what a checked draft says, the same each time.

    Args:
        draft: The draft.
        number: Tells apart drafts that say the same.
    """
    content = [*content_of(draft), number]
    return blake2b(json.dumps(content, default=str).encode(), digest_size=4).hexdigest()


def content_of(edit: Edit | EditDraft) -> tuple[Any, ...]:
    """Return what two edits must share to be the same edit."""
    return (
        edit.text,
        edit.subject,
        edit.relation,
        edit.source,
        edit.valid_from,
        edit.valid_to,
    )


def moment_to_text(moment: datetime | None) -> str | None:
    """Return an aware datetime as ISO 8601 text."""
    return None if moment is None else moment.astimezone(UTC).isoformat()


def text_to_moment(text: str | None) -> datetime | None:
    """Return the datetime that `moment_to_text` wrote."""
    return None if text is None else datetime.fromisoformat(text)
