"""From vectors of queries to the edits that hold."""

# ruff: noqa: S608 - statements are put together from constants alone, values are always bound

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from memory_store.database import Database
from memory_store.edit import Edit, Moment, SearchHit
from memory_store.encoder import Vectors
from memory_store.errors import DamagedMemoryError, InvalidEditError, InvalidQueryError
from memory_store.indexes import EditIndex
from memory_store.records import COLUMNS, row_to_edit
from memory_store.validation import clean_moment, clean_query


def checked_queries(
    queries: Sequence[str], k: int, at: Moment | None
) -> tuple[list[str], datetime]:
    """Return the queries and the moment to search at.

    Raises:
        InvalidQueryError: One of them, or ``k``, can't be used.
    """
    if isinstance(queries, str):
        raise InvalidQueryError("queries must be a list of strings, not one string; use [query]")
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise InvalidQueryError(f"k must be a whole number of at least 1, not {k!r}; change it")
    try:
        moment = clean_moment(at, "at")
    except InvalidEditError as error:
        raise InvalidQueryError(str(error)) from error
    return [clean_query(query) for query in queries], moment or datetime.now(UTC)


class Searcher:
    """One search in one state of the file: remembers the edits that it has read.

    Args:
        database: The database, being read.
        index: The index of the same state.
        moment: When the edits must hold (aware).
    """

    def __init__(self, database: Database, index: EditIndex, moment: datetime) -> None:
        self._database = database
        self._index = index
        self._moment = moment
        self._edits: dict[int, Edit] = {}

    def nearest(self, vectors: Vectors, k: int) -> list[list[SearchHit]]:
        """Return for each of the vectors (m, d) the k nearest edits that hold.

        Raises:
            DamagedMemoryError: One of them is damaged.
        """
        width = min(int(k), len(self._index))
        if not width:
            return [[] for _ in vectors]
        similarities, keys = self._index.search(vectors, width)
        found = []
        for place in range(len(vectors)):
            hits = self._holding(keys[place], similarities[place], width)
            fetched = width
            # Edits that do not hold at the moment took places: look further.
            while len(hits) < width and fetched < len(self._index):
                fetched = min(2 * fetched, len(self._index))
                more, others = self._index.search(vectors[place : place + 1], fetched)
                hits = self._holding(others[0], more[0], width)
            found.append(hits)
        return found

    def _holding(self, keys: Any, similarities: Any, k: int) -> list[SearchHit]:
        """Return the first k of the keys (n,), nearest first, whose edits hold."""
        hits: list[SearchHit] = []
        for key, similarity in zip(keys.tolist(), similarities.tolist(), strict=True):
            if len(hits) == k or key == -1:
                break
            edit = self._edits.get(key) or self._read(key)
            if edit.holds_at(self._moment):
                hits.append(SearchHit(edit, similarity))
        return hits

    def _read(self, key: int) -> Edit:
        row = self._database.first(f"SELECT {COLUMNS} FROM edits WHERE key = ?", (key,))
        if row is None:
            raise DamagedMemoryError(
                f"{self._database.path}: an edit is missing from the file; restore it from a "
                "backup or an export"
            )
        edit = self._edits[key] = row_to_edit(row)
        return edit
