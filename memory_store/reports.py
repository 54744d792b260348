"""What an import and a check of a memory report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did.

    Attributes:
        added: Edits that were stored.
        unchanged: Lines whose edit was there already.
        superseded: Edits that stopped holding because a line replaced them, lines of the
            same file included.
    """

    added: int
    unchanged: int
    superseded: int


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check of a memory found.

    Edits of other namespaces are written ``namespace:id``.

    Attributes:
        edits: Number of edits in the namespace.
        vectors: Number of stored vectors in the namespace.
        index_size: Number of vectors in the index of this handle.
        damaged_edits: Ids of edits whose stored text or fields are not what was written.
        damaged_history: Ids of versions that no longer hold and are damaged likewise.
        damaged_vectors: Ids of edits whose vector is not what was written.
        missing_vectors: Ids of edits without a vector.
        stray_vectors: Number of vectors that belong to no edit.
        integrity: What SQLite's own check says, ``ok`` when all is well.
    """

    edits: int
    vectors: int
    index_size: int
    damaged_edits: tuple[str, ...] = ()
    damaged_history: tuple[str, ...] = ()
    damaged_vectors: tuple[str, ...] = ()
    missing_vectors: tuple[str, ...] = ()
    stray_vectors: int = 0
    integrity: str = "ok"

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that is damaged and that no answer depends on."""
        if not self.damaged_history:
            return ()
        return (
            f"damaged versions in the history: {', '.join(self.damaged_history)}; restore the "
            "file from a backup if the history is needed",
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each thing that is wrong, saying what to do."""
        found = []
        if self.integrity != "ok":
            found.append(f"SQLite reports: {self.integrity}; restore the file from a backup")
        if self.damaged_edits:
            found.append(
                f"damaged edits: {', '.join(self.damaged_edits)}; restore the file from a "
                "backup, or remove them and add them again"
            )
        if self.damaged_vectors or self.missing_vectors or self.stray_vectors:
            found.append(
                f"{len(self.damaged_vectors)} damaged, {len(self.missing_vectors)} missing and "
                f"{self.stray_vectors} stray vectors; rebuild the memory"
            )
        if self.index_size != self.edits:
            found.append(
                f"the index holds {self.index_size} of {self.edits} edits; rebuild the memory"
            )
        return tuple(found)
