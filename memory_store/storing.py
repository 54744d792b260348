"""Storing a batch of checked drafts: encode first, then all of them in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from memory_store import versions
from memory_store.database import Database
from memory_store.edit import Edit, EditDraft
from memory_store.encoder import Encoder, Vectors
from memory_store.errors import EditExistsError
from memory_store.live import Progress, check_fingerprint, encode


class Batch:
    """Drafts on their way into one namespace.

    Args:
        database: The database.
        encoder: Turns their texts into vectors.
        namespace: The namespace.
        drafts: The drafts, checked.
        labels: What each is called in an error about its id, such as its line in a file.
        importing: Whether they are lines of a file, see `versions.Ids`.
    """

    def __init__(
        self,
        database: Database,
        encoder: Encoder,
        namespace: str,
        drafts: Sequence[EditDraft],
        labels: Sequence[str] | None = None,
        importing: bool = False,
    ) -> None:
        self._database = database
        self._encoder = encoder
        self._namespace = namespace
        self._drafts = drafts
        self._labels = labels
        self._importing = importing
        self._vectors: dict[int, Vectors] = {}

    def encode(
        self, lock: AbstractContextManager[object], progress: Progress | None = None
    ) -> None:
        """Encode the drafts that are not there already.

        Neither the handle's lock nor the right to write is held meanwhile: the encoder is slow.

        Args:
            lock: The lock of the handle, taken while the database is read.
            progress: Told how many more texts were encoded.

        Raises:
            EditExistsError: An id belongs to another edit.
        """
        places = list(range(len(self._drafts)))
        if self._importing or any(draft.id is not None for draft in self._drafts):
            with lock, self._database.reading():
                ids = versions.Ids(self._database, self._namespace, self._importing)
                places = [place for place in places if self._find(ids, place)[1] is None]
        vectors = encode(self._encoder, [self._drafts[place].text for place in places], progress)
        self._vectors = dict(zip(places, vectors, strict=True))

    def write(self, must_hold: str | None = None) -> list[versions.Stored]:
        """Store the drafts durably, all or none; those that are there already stay.

        Args:
            must_hold: Id of an edit without which nothing shall be stored.

        Raises:
            EditExistsError: An id belongs to another edit.
            EncoderMismatchError: Another process rebuilt the file with another encoder.
            UnknownEditError: The edit that must hold does not.
        """
        stored = []
        with self._database.writing():
            check_fingerprint(self._database, self._encoder)
            if must_hold is not None:
                versions.held_row(self._database, self._namespace, must_hold)
            ids = versions.Ids(self._database, self._namespace, self._importing)
            for place, draft in enumerate(self._drafts):
                name, there = self._find(ids, place)
                if there is not None:
                    stored.append(versions.Stored(there, is_new=False))
                    continue
                if place not in self._vectors:  # it was there, and was ended since
                    self._vectors[place] = encode(self._encoder, [draft.text])[0]
                stored.append(
                    versions.store(
                        self._database, self._namespace, draft, name, self._vectors[place]
                    )
                )
        return stored

    def _find(self, ids: versions.Ids, place: int) -> tuple[str, Edit | None]:
        with self._naming(place):
            return ids.find(self._drafts[place])

    @contextmanager
    def _naming(self, place: int) -> Iterator[None]:
        try:
            yield
        except EditExistsError as error:
            if self._labels is None:
                raise
            raise EditExistsError(f"{self._labels[place]}: {error}; nothing was stored") from error
