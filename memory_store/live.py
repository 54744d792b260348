"""Keeps the index in memory in step with the file, whoever writes to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from memory_store.database import Database
from memory_store.encoder import Encoder, Vectors
from memory_store.errors import EncoderMismatchError, MemoryStoreError, ModelError
from memory_store.indexes import FLAT_LIMIT, EditIndex, build_index, needs_rebuild
from memory_store.records import Row, row_to_vector, vector_to_row

logger = logging.getLogger(__name__)

_ENCODED_AT_ONCE = 1024
_ROWS = (
    "SELECT {key}, edits.text, edits.digest, vectors.vector, vectors.digest"
    " FROM {source} LEFT JOIN vectors ON vectors.key = {key}"
)
_ALL = _ROWS.format(key="edits.key", source="edits") + " WHERE edits.namespace = ?"
_CHANGED = _ROWS.format(
    key="changed.key",
    source="(SELECT DISTINCT key FROM changes WHERE seq > ? AND namespace = ?) AS changed"
    " LEFT JOIN edits ON edits.key = changed.key AND edits.namespace = ?",
)

Progress = Callable[[int], None]


class LiveIndex:
    """The index of one namespace, and the place in the log of changes that it has reached.

    Args:
        database: The database.
        encoder: The encoder, for vectors that are missing or damaged.
        namespace: The namespace.
        flat_limit: Greatest number of edits that are searched exactly.
    """

    def __init__(
        self, database: Database, encoder: Encoder, namespace: str, flat_limit: int = FLAT_LIMIT
    ) -> None:
        self._database = database
        self._encoder = encoder
        self._namespace = namespace
        self._flat_limit = flat_limit
        self._seen = -1
        self._repairs: list[tuple[Row, bytes]] = []
        self.index: EditIndex

    def load(self) -> None:
        """Build the index from the stored vectors."""
        with self._database.reading():
            check_fingerprint(self._database, self._encoder)
            last = self._last_change()
            row = self._database.first(
                "SELECT count(*) FROM edits WHERE namespace = ?", (self._namespace,)
            )
            rows = self._database.stream(_ALL, (self._namespace,))
            keys, vectors = self._usable(rows, row[0] if row else 0)
        self.index = build_index(
            keys, vectors, dimension=self._encoder.dimension, flat_limit=self._flat_limit
        )
        self._seen = last

    def catch_up(self) -> None:
        """Take over what was committed since, by this process or another.

        Called inside ``database.reading()``, so that index and rows are of one state.
        """
        last = self._last_change()
        if last == self._seen:
            return
        if self._was_reset():
            self.load()
            return
        rows = self._database.fetch(_CHANGED, (self._seen, self._namespace, self._namespace))
        gone = [row[0] for row in rows if row[2] is None]
        held = [row for row in rows if row[2] is not None]
        keys, vectors = self._usable(held, len(held))
        self.index.remove(np.array(gone, dtype=np.int64))
        self.index.add(keys, vectors)
        self._seen = last
        if needs_rebuild(self.index, flat_limit=self._flat_limit):
            self.load()

    def save_repairs(self) -> None:
        """Write the vectors that had to be made anew; called outside of ``reading()``."""
        if not self._repairs:
            return
        try:
            with self._database.writing():
                for (key, blob, digest), owner in self._repairs:
                    # Unless the edit ended in the meantime.
                    self._database.execute(
                        "INSERT OR REPLACE INTO vectors SELECT ?1, ?2, ?3"
                        " WHERE EXISTS (SELECT 1 FROM edits WHERE key = ?1 AND digest = ?4)",
                        (key, blob, digest, owner),
                    )
        except MemoryStoreError as error:
            # They serve from memory meanwhile; the next call tries again.
            logger.warning("repaired vectors are not stored yet: %s", error)
            return
        self._repairs.clear()

    def _usable(self, rows: Iterable[Row], count: int) -> tuple[np.ndarray, Vectors]:
        """Return keys (n,) and vectors (n, d), making those anew that can't be used."""
        keys = np.empty(count, dtype=np.int64)
        vectors = np.empty((count, self._encoder.dimension), dtype=np.float32)
        broken: list[tuple[int, int, str, bytes]] = []
        for place, (key, text, digest, blob, found) in enumerate(rows):
            keys[place] = key
            vector = row_to_vector(blob, found, digest, self._encoder.dimension)
            if vector is None:
                # A damaged edit is found by what is left of its text: reading it then fails
                # openly, where leaving it out would hide it.
                broken.append((place, key, str(text), _as_bytes(digest)))
            else:
                vectors[place] = vector
        if broken:
            logger.warning(
                "%s: %d vectors were missing or damaged and are made again from the edits",
                self._database.path,
                len(broken),
            )
            fresh = encode(self._encoder, [_readable(text) for _, _, text, _ in broken])
            for (place, key, _, digest), vector in zip(broken, fresh, strict=True):
                vectors[place] = vector
                self._repairs.append((vector_to_row(key, vector, digest), digest))
        return keys, vectors

    def _last_change(self) -> int:
        row = self._database.first("SELECT max(seq) FROM changes")
        return (row[0] if row else None) or 0

    def _was_reset(self) -> bool:
        found = self._database.first(
            "SELECT 1 FROM changes WHERE seq > ? AND op = 'reset' LIMIT 1", (self._seen,)
        )
        return found is not None


def reencode(database: Database, encoder: Encoder, progress: Progress | None = None) -> int:
    """Make the vectors of all namespaces anew from the edits; return their number.

    The encoder works before the right to write is taken; edits that others stored in the
    meantime are encoded while it is held.
    """
    fresh: dict[int, Row] = {}
    _encode_missing(database, encoder, fresh, progress)
    with database.writing():
        _encode_missing(database, encoder, fresh, progress)
        held = [key for (key,) in database.fetch("SELECT key FROM edits")]
        database.execute("DELETE FROM vectors")
        database.executemany("INSERT INTO vectors VALUES (?, ?, ?)", (fresh[k] for k in held))
        set_fingerprint(database, encoder)
        # Whoever has read less of the log than this starts afresh, so the rest can go.
        cursor = database.execute(
            "INSERT INTO changes (namespace, op, key) VALUES ('', 'reset', 0)"
        )
        database.execute("DELETE FROM changes WHERE seq < ?", (cursor.lastrowid,))
    return len(held)


def _encode_missing(
    database: Database, encoder: Encoder, fresh: dict[int, Row], progress: Progress | None
) -> None:
    rows = [
        row
        for row in database.fetch("SELECT key, text, digest FROM edits ORDER BY key")
        if row[0] not in fresh
    ]
    vectors = encode(encoder, [_readable(str(text)) for _, text, _ in rows], progress)
    for (key, _, digest), vector in zip(rows, vectors, strict=True):
        fresh[key] = vector_to_row(key, vector, _as_bytes(digest))


def check_fingerprint(database: Database, encoder: Encoder) -> None:
    """Raise `EncoderMismatchError` if the stored vectors come from another encoder."""
    stored = database.get_meta("encoder"), database.get_meta("dimension")
    if stored != (encoder.fingerprint, str(encoder.dimension)):
        raise EncoderMismatchError(
            f"{database.path}: its vectors come from encoder {stored[0]} ({stored[1]} "
            f"dimensions), not from {encoder.fingerprint} ({encoder.dimension} dimensions); "
            "open it with the first, or make the vectors anew: errata rebuild (in Python: "
            "EditMemory.open with rebuild=True)"
        )


def set_fingerprint(database: Database, encoder: Encoder) -> None:
    """Note which encoder the vectors come from; to be called while writing."""
    database.set_meta("encoder", encoder.fingerprint)
    database.set_meta("dimension", str(encoder.dimension))


def encode(encoder: Encoder, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
    """Return the vectors (n, d) of texts, batch by batch, checked.

    Raises:
        ModelError: The encoder returned something else than finite (n, d) vectors.
    """
    vectors = np.empty((len(texts), encoder.dimension), dtype=np.float32)
    for start in range(0, len(texts), _ENCODED_AT_ONCE):
        batch = texts[start : start + _ENCODED_AT_ONCE]
        found = np.asarray(encoder.encode(batch), dtype=np.float32)
        if found.shape != (len(batch), encoder.dimension) or not np.isfinite(found).all():
            raise ModelError(
                f"encoder {encoder.fingerprint} returned {found.shape} where finite "
                f"({len(batch)}, {encoder.dimension}) vectors are needed; use another encoder"
            )
        vectors[start : start + len(batch)] = found
        if progress is not None:
            progress(len(batch))
    return vectors


def _readable(text: str) -> str:
    """Return damaged text without the lone surrogates that tokenizers refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _as_bytes(digest: object) -> bytes:
    return digest if isinstance(digest, bytes) else b""
