"""Conversations written one by one, in which each turn of the user has its query.

Some have edits too, with the turns that each one answers. Names stand for others of their sort,
which are drawn anew each time, so that one conversation makes many examples.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from classifiers.drawn_names import draw_names, with_names
from classifiers.written_files import written_records

FOLDER = Path(__file__).parent / "wordings" / "conversations"

STANDS = "="
"""Stands for the query of a turn that can be understood as it is."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A turn of the user, its query (``None`` where the turn stands alone), and the reply."""

    user: str
    query: str | None
    assistant: str


@dataclass(frozen=True, slots=True)
class WrittenEdit:
    """An edit, and the places of the turns that need it."""

    text: str
    answers: frozenset[int]


@dataclass(frozen=True, slots=True)
class NamedConversation:
    """A conversation with its names in place.

    Attributes:
        exchanges: Its turns.
        edits: Edits about its subjects.
        names: The names in it.
    """

    exchanges: tuple[Exchange, ...]
    edits: tuple[WrittenEdit, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenConversation:
    """A conversation with places for names.

    Attributes:
        exchanges: Its turns, in which ``{A}`` is a name.
        names: For each letter, the names that may stand there.
        edits: Edits about its subjects, with the same places.
    """

    exchanges: tuple[Exchange, ...]
    names: dict[str, tuple[str, ...]]
    edits: tuple[WrittenEdit, ...] = ()

    def named(self, chance: random.Random) -> NamedConversation:
        """Return it with names drawn, no two the same."""
        drawn = draw_names(self.names, chance)

        def fill(text: str) -> str:
            return with_names(text, drawn)

        exchanges = tuple(
            Exchange(fill(one.user), one.query and fill(one.query), fill(one.assistant))
            for one in self.exchanges
        )
        edits = tuple(WrittenEdit(fill(one.text), one.answers) for one in self.edits)
        return NamedConversation(exchanges, edits, tuple(drawn.values()))


def conversations(part: str) -> tuple[WrittenConversation, ...]:
    """Return the conversations of a part.

    Args:
        part: ``fit`` to train on, ``dev`` to choose by.
    """
    return tuple(one for is_dev, one in _all() if is_dev is (part == "dev"))


def edited_conversations(part: str) -> list[WrittenConversation]:
    """Return those of a part that have edits; see :func:`conversations`."""
    return [one for one in conversations(part) if one.edits]


@cache
def _all() -> tuple[tuple[bool, WrittenConversation], ...]:
    """Return all conversations, each after whether it is for dev."""
    found = []
    for is_dev, record in written_records(FOLDER, "conversation"):
        exchanges = tuple(
            Exchange(user, None if query == STANDS else query, reply)
            for user, query, reply in record["turns"]
        )
        names = {letter: tuple(given) for letter, given in record.get("names", {}).items()}
        edits = tuple(
            WrittenEdit(text, frozenset(turn - 1 for turn in answered))
            for text, answered in record.get("edits", ())
        )
        found.append((is_dev, WrittenConversation(exchanges, names, edits)))
    return tuple(found)
