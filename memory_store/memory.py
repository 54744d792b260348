"""The memory of edits: what holds now, kept on disk, found by meaning."""

# ruff: noqa: S608 - statements are put together from constants alone, values are always bound

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeAlias

from memory_store import versions
from memory_store.checking import check_database
from memory_store.database import Database
from memory_store.edit import Edit, EditDraft, HistoryEntry, Moment, SearchHit
from memory_store.encoder import Encoder
from memory_store.errors import DamagedMemoryError, InvalidEditError, InvalidQueryError
from memory_store.indexes import FLAT_LIMIT
from memory_store.jsonl import format_line, parse_lines
from memory_store.live import LiveIndex, Progress, encode, reencode, set_fingerprint
from memory_store.records import COLUMNS, is_sound, row_to_edit
from memory_store.reports import CheckReport, ImportResult
from memory_store.searching import Searcher, checked_queries
from memory_store.settings import Settings
from memory_store.storing import Batch
from memory_store.transfer import Source, Target, reading_lines, writing_lines
from memory_store.validation import clean_draft, clean_id
from memory_store.versions import Stored

logger = logging.getLogger(__name__)

# `EditMemory.list` hides the builtin inside the class.
Edits: TypeAlias = list[Edit]
Hits: TypeAlias = list[SearchHit]
HitLists: TypeAlias = list[list[SearchHit]]
Entries: TypeAlias = list[HistoryEntry]

_NO_LIMIT = -1  # SQLite's word for it


class EditMemory(Settings):
    """A memory of edits in one file, seen through one namespace.

    Several threads may use one memory, and several processes one file: one of them writes
    at a time, and what it has committed is seen by the next call in every other. A damaged
    edit is never answered from and never passed over: whatever would read it raises
    `DamagedMemoryError`, and `check` lists it.

    Use `EditMemory.open` to get one.
    """

    def __init__(
        self, database: Database, encoder: Encoder, namespace: str, live: LiveIndex
    ) -> None:
        self._database = database
        self._encoder = encoder
        self._namespace = namespace
        self._live = live
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        encoder: Encoder,
        namespace: str = "default",
        busy_timeout: float = 5.0,
        *,
        create: bool = True,
        rebuild: bool = False,
        progress: Progress | None = None,
        flat_limit: int = FLAT_LIMIT,
    ) -> EditMemory:
        """Open the memory at ``path``, or create it.

        Args:
            path: The file, or ``":memory:"`` for one that is gone when closed.
            encoder: Turns texts into vectors.
            namespace: The group of edits to see and to write to.
            busy_timeout: Seconds to wait for another process that is writing.
            create: Whether to create a memory where there is none.
            rebuild: Whether to make all vectors anew, which another encoder needs.
            progress: Told how many more texts were encoded, when rebuilding.
            flat_limit: Greatest number of edits that are searched exactly.

        Raises:
            NotAMemoryError: The path is something else.
            NewerMemoryError: The file was written by a newer version.
            DamagedMemoryError: The file can't be read.
            EncoderMismatchError: The vectors come from another encoder.
            MemoryBusyError: Another process was writing for too long.
            InvalidEditError: The namespace can't be one.
        """
        namespace = clean_id(namespace, "namespace")
        database = Database.open(path, create=create, busy_timeout=busy_timeout)
        try:
            if database.get_meta("encoder") is None:
                with database.writing():
                    if database.get_meta("encoder") is None:
                        set_fingerprint(database, encoder)
            if rebuild:
                reencode(database, encoder, progress)
            live = LiveIndex(database, encoder, namespace, flat_limit)
            live.load()
            live.save_repairs()
        except BaseException:
            database.close()
            raise
        return cls(database, encoder, namespace, live)

    @property
    def namespace(self) -> str:
        """The group of edits that this memory sees."""
        return self._namespace

    @property
    def path(self) -> str:
        """The file."""
        return self._database.path

    @property
    def encoder(self) -> Encoder:
        """What turns texts into vectors."""
        return self._encoder

    def add(
        self,
        text: str,
        *,
        id: str | None = None,
        subject: str | None = None,
        relation: str | None = None,
        source: str | None = None,
        valid_from: Moment | None = None,
        valid_to: Moment | None = None,
    ) -> Edit:
        """Store an edit durably and return it.

        With subject and relation given, it supersedes the edits with the same subject and
        relation that would hold at a moment at which it holds.

        Args:
            text: The statement, at most 1,000 characters.
            id: Its name; by default a short one is made.
            subject: What the statement is about.
            relation: Which property of the subject it sets.
            source: Where it comes from.
            valid_from: First moment at which it holds.
            valid_to: First moment at which it no longer holds.

        Raises:
            InvalidEditError: Text or a field can't be part of an edit.
            EditExistsError: The id belongs to another edit, now or in the past.
            MemoryBusyError: Another process was writing for too long.
        """
        draft = EditDraft(text, id, subject, relation, source, valid_from, valid_to)
        return self._store([clean_draft(draft)])[0].edit

    def add_many(
        self, drafts: Iterable[EditDraft | str], progress: Progress | None = None
    ) -> Edits:
        """Store edits, all or none, and return them in the same order.

        A later one supersedes an earlier one as if they had been added one by one.

        Args:
            drafts: Drafts, or mere texts.
            progress: Told how many more texts were encoded.

        Raises:
            InvalidEditError: One of them can't be an edit; the message says which.
            EditExistsError: An id belongs to another edit; likewise.
            MemoryBusyError: Another process was writing for too long.
        """
        if isinstance(drafts, str):
            raise InvalidEditError("add_many takes several edits; add takes one text")
        cleaned = []
        for number, draft in enumerate(drafts, start=1):
            try:
                cleaned.append(
                    clean_draft(draft if isinstance(draft, EditDraft) else EditDraft(draft))
                )
            except InvalidEditError as error:
                raise InvalidEditError(f"edit {number}: {error}; nothing was stored") from error
        labels = [f"edit {number}" for number in range(1, len(cleaned) + 1)]
        return [stored.edit for stored in self._store(cleaned, progress, labels=labels)]

    def update(self, id: str, text: str, *, new_id: str | None = None, **fields: Any) -> Edit:
        """Store a new version of an edit, which supersedes it, and return the new version.

        Args:
            id: The edit.
            text: What holds instead.
            new_id: Id of the new version; by default a short one is made.
            **fields: ``subject``, ``relation``, ``source``, ``valid_from`` or ``valid_to``;
                what is not given stays as it was, ``None`` takes it away.

        Raises:
            UnknownEditError: No such edit holds now.
            InvalidEditError: Text or a field can't be part of an edit.
            TypeError: There is no such field.
        """
        wrong = fields.keys() - {"subject", "relation", "source", "valid_from", "valid_to"}
        if wrong:
            raise TypeError(f"update() has no field {', '.join(sorted(wrong))}")
        old = self.get(id)
        draft = EditDraft(
            text,
            id=new_id,
            subject=old.subject,
            relation=old.relation,
            source=old.source,
            valid_from=old.valid_from,
            valid_to=old.valid_to,
            supersedes=id,
        )
        return self._store([clean_draft(replace(draft, **fields))], must_hold=id)[0].edit

    def remove(self, id: str) -> Edit:
        """End an edit; the next search in any process no longer finds it.

        What it superseded stays superseded. A damaged edit can be removed too; what is
        returned then holds its id alone, with an empty text.

        Raises:
            UnknownEditError: No such edit holds now.
            MemoryBusyError: Another process was writing for too long.
        """
        with self._lock:
            with self._database.writing():
                row = versions.remove(self._database, self._namespace, id)
            self._catch_up()
        if is_sound(row):
            return row_to_edit(row)
        logger.warning("%s: removed the damaged edit %r", self.path, id)
        return Edit(id=id, text="", namespace=self._namespace)

    def get(self, id: str) -> Edit:
        """Return an edit that holds now.

        Raises:
            UnknownEditError: No such edit holds now.
            DamagedMemoryError: The edit is damaged.
        """
        with self._lock:
            return row_to_edit(versions.held_row(self._database, self._namespace, id))

    def __len__(self) -> int:
        with self._lock:
            row = self._database.first(
                "SELECT count(*) FROM edits WHERE namespace = ?", (self._namespace,)
            )
            return row[0] if row else 0

    def list(self, offset: int = 0, limit: int | None = None, contains: str | None = None) -> Edits:
        """Return edits in the order in which they were stored.

        Args:
            offset: How many to pass over.
            limit: How many to return at most.
            contains: Only those whose text holds this, upper and lower case alike.

        Raises:
            DamagedMemoryError: One of them is damaged.
            InvalidQueryError: Offset or limit is negative, or no whole number.
        """
        for given in (offset, 0 if limit is None else limit):
            if not isinstance(given, int) or given < 0:
                raise InvalidQueryError("offset and limit are whole numbers; give 0 or more")
        if contains is not None and not isinstance(contains, str):
            raise InvalidQueryError(f"contains must be text, not {contains!r}")
        with self._lock:
            rows = self._database.fetch(
                f"SELECT {COLUMNS} FROM edits WHERE namespace = ?1"
                " AND (?2 IS NULL OR folded_contains(text, ?2))"
                " ORDER BY key LIMIT ?3 OFFSET ?4",
                (self._namespace, contains, _NO_LIMIT if limit is None else limit, offset),
            )
            return [row_to_edit(row) for row in rows]

    def search(self, query: str, k: int = 8, at: Moment | None = None) -> Hits:
        """Return the k edits nearest to a query among those that hold, nearest first.

        Args:
            query: What is asked.
            k: How many to return at most.
            at: The moment at which they must hold; by default now.

        Raises:
            InvalidQueryError: The query, ``k`` or ``at`` can't be used.
            DamagedMemoryError: One of the k is damaged.
        """
        return self.search_many([query], k, at)[0]

    def search_many(self, queries: Sequence[str], k: int = 8, at: Moment | None = None) -> HitLists:
        """Return what `search` does, for several queries at once."""
        texts, moment = checked_queries(queries, k, at)
        with self._lock, self._database.reading():
            self._live.catch_up()
            if not len(self._live.index):  # no need to wake the encoder
                return [[] for _ in texts]
        vectors = encode(self._encoder, texts)
        with self._lock:
            with self._database.reading():
                self._live.catch_up()
                found = Searcher(self._database, self._live.index, moment).nearest(vectors, k)
            self._live.save_repairs()
        return found

    def history(self, id: str) -> Entries:
        """Return all versions of the edit that ``id`` is a version of, oldest first.

        Raises:
            UnknownEditError: No version ever had this id.
            DamagedMemoryError: One of them is damaged.
        """
        with self._lock, self._database.reading():
            return versions.chain(self._database, self._namespace, id)

    def export_jsonl(self, file: Target) -> int:
        """Write what holds now as JSON lines; return the number of edits.

        Args:
            file: A path, which is replaced once all is written, or an open text file.

        Raises:
            DamagedMemoryError: An edit is damaged; nothing is written to the path.
        """
        with writing_lines(file) as write, self._lock, self._database.reading():
            edits = self.list()
            for edit in edits:
                write(format_line(edit) + "\n")
        return len(edits)

    def import_jsonl(self, file: Source, progress: Progress | None = None) -> ImportResult:
        """Store the edits of a file of JSON lines, all or none.

        Ids are kept, and a line without one gets an id made from what it says: importing a
        file twice changes nothing. Later lines supersede earlier ones.

        Args:
            file: A path, or an open file.
            progress: Told how many more texts were encoded.

        Raises:
            ImportFormatError: A line can't be read; the message names it.
            EditExistsError: The id of a line belongs to another edit; likewise.
            MemoryBusyError: Another process was writing for too long.
        """
        with reading_lines(file) as (lines, name):
            numbered = parse_lines(lines, name)
        labels = [f"{name}, line {number}" for number, _ in numbered]
        drafts = [draft for _, draft in numbered]
        stored = self._store(drafts, progress, labels=labels, importing=True)
        added = sum(one.is_new for one in stored)
        superseded = sum(one.superseded for one in stored)
        return ImportResult(added, len(stored) - added, superseded)

    def check(self) -> CheckReport:
        """Look for damage in the whole file and compare the index with the edits."""
        with self._lock, self._database.reading():
            try:
                self._live.catch_up()
            except DamagedMemoryError as error:
                logger.warning("%s", error)
            return check_database(self._database, self._namespace, self._live, self._encoder)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Make all vectors, of every namespace, and the index anew; return their number."""
        with self._lock:
            count = reencode(self._database, self._encoder, progress)
            self._catch_up()
            return count

    def close(self) -> None:
        """Close the file; closing it again does nothing."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> EditMemory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _catch_up(self) -> None:
        with self._database.reading():
            self._live.catch_up()
        self._live.save_repairs()

    def _store(
        self,
        drafts: Sequence[EditDraft],
        progress: Progress | None = None,
        *,
        labels: Sequence[str] | None = None,
        importing: bool = False,
        must_hold: str | None = None,
    ) -> Sequence[Stored]:
        batch = Batch(self._database, self._encoder, self._namespace, drafts, labels, importing)
        batch.encode(self._lock, progress)
        with self._lock:
            stored = batch.write(must_hold)
            self._catch_up()
        return stored
