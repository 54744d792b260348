"""An edit, the draft it is made from, and what a search or a look at the history returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Moment = str | date | datetime


@dataclass(frozen=True, slots=True)
class Edit:
    """A statement that shall hold from now on: (x_e, y_e) as one text.

    Attributes:
        id: Name of this version of the edit, unique in its namespace.
        text: The statement.
        subject: What the statement is about, if known.
        relation: Which property of the subject it sets, if known.
        source: Where the statement comes from, if known.
        created_at: When it was stored (UTC).
        valid_from: First moment at which it holds; ``None`` is always.
        valid_to: First moment at which it no longer holds; ``None`` is never.
        supersedes: Id of the edit that this one replaced, if any.
        namespace: The group of edits that it belongs to.
    """

    id: str
    text: str
    subject: str | None = None
    relation: str | None = None
    source: str | None = None
    created_at: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    supersedes: str | None = None
    namespace: str = "default"

    def holds_at(self, moment: datetime) -> bool:
        """Say whether the edit is valid at an aware ``moment``."""
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_to is None or moment < self.valid_to
        )


@dataclass(frozen=True, slots=True)
class SearchHit:
    """An edit found by a search, with the cosine similarity of its text to the query."""

    edit: Edit
    similarity: float


@dataclass(frozen=True, slots=True)
class EditDraft:
    """What is asked to be stored: an edit before it has been checked and given an id.

    Attributes:
        text: The statement.
        id: Name that it shall have; ``None`` lets the memory choose one.
        subject: What the statement is about, if known.
        relation: Which property of the subject it sets, if known.
        source: Where the statement comes from, if known.
        valid_from: First moment at which it holds (ISO 8601 or a date); naive means UTC.
        valid_to: First moment at which it no longer holds.
        created_at: When it was first stored; ``None`` is now.
        supersedes: Id of an edit that it replaces, if any.
    """

    text: str
    id: str | None = None
    subject: str | None = None
    relation: str | None = None
    source: str | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    created_at: Moment | None = None
    supersedes: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One version in the history of an edit.

    Attributes:
        edit: The version.
        ended_at: When it stopped holding (UTC); ``None`` while it holds.
        ended_by: Why it stopped: replaced by another edit, or removed.
        superseded_by: Id of the edit that replaced it.
    """

    edit: Edit
    ended_at: datetime | None = None
    ended_by: Literal["superseded", "removed"] | None = None
    superseded_by: str | None = None
