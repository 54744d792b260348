"""The readings of a query: what its last turn asks, made to stand on its own.

A turn may refer back ("Who designed it?", "And the capital?", "And Oslo?"). Then it is read as the
query of its own that a rewriter makes of the conversation. That is a guess; the scope classifier
tells whether an edit answers it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Protocol

from memory_store.errors import ErrataError, InvalidQueryError
from serac.conversation import Turn, as_turns

LONGEST_FOLLOW_UP = 300
"""Characters of a turn above which it is read as it was written alone."""

_REFERENCE = re.compile(
    r"\b(?:[Ii]ts?|[Hh]e|[Ss]he|[Hh]im|[Hh]is|[Hh]er|[Tt]hey|[Tt]hem|[Tt]heir)\b"  # not IT
)
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"[.:?!]\s+")


class Rewriter(Protocol):
    """Writes the last turns of conversations as queries of their own."""

    def rewrite_all(self, conversations: Sequence[Sequence[Turn]]) -> list[str | None]:
        """Return what each last turn asks; ``None`` where it can be understood as it is.

        Args:
            conversations: The conversations, each with the user's turn last.

        Returns:
            One query, or ``None``, for each of them.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a turn asks.

    Attributes:
        text: The turn, standing on its own.
        rewritten: Whether it was made to, with what was said before.
    """

    text: str
    rewritten: bool = False


def as_written(turns: Sequence[Turn]) -> Reading:
    """Return the last turn as it was written."""
    return Reading(turns[-1].content.strip())


def may_refer_back(turns: Sequence[Turn]) -> bool:
    """Say whether the last turn may have to be understood with those before it."""
    before = any(turn.role != "system" and turn.content.strip() for turn in turns[:-1])
    return before and len(turns[-1].content.strip()) <= LONGEST_FOLLOW_UP


def has_pronoun(text: str) -> bool:
    """Say whether a text has a pronoun, that may refer to something outside of it."""
    return _REFERENCE.search(text) is not None


def has_lost_a_name(turn: str, query: str) -> bool:
    """Say whether a turn has a name that a query made of it lacks.

    It may have to: "I thought it was Berlin. Where is it?" asks nothing about Berlin.
    """
    return any(
        word[0].isupper() and word.casefold() not in query.casefold()
        for word in words_within_sentences(turn)
    )


def words_within_sentences(text: str) -> list[str]:
    """Return the words of a text but for the first of each sentence, which has a capital anyhow."""
    sentences = _SENTENCE_END.split(text.strip())
    return [word for sentence in sentences for word in _WORD.findall(sentence)[1:]]


def rewritten_readings(
    conversations: Sequence[Sequence[Turn]], rewriter: Rewriter | None
) -> list[Reading | None]:
    """Return each last turn made to stand on its own; ``None`` where it does as it is.

    Args:
        conversations: The conversations, each with the user's turn last.
        rewriter: Is shown those whose last turn may refer back, all at once; without one nothing
            is rewritten. What can't be asked counts as no query.

    Raises:
        ErrataError: It returned something else than a query or ``None`` for each.
    """
    found: list[Reading | None] = [None] * len(conversations)
    places = [n for n, turns in enumerate(conversations) if may_refer_back(turns)]
    if rewriter is None or not places:
        return found
    returned: object = rewriter.rewrite_all([conversations[n] for n in places])
    queries = list(returned) if isinstance(returned, (list, tuple)) else []
    if len(queries) != len(places) or not all(isinstance(q, (str, NoneType)) for q in queries):
        raise ErrataError("a rewriter has to return a query, or None, for each conversation")
    for place, query in zip(places, queries, strict=True):
        text = (query or "").strip()
        if _can_be_asked(text) and text != conversations[place][-1].content.strip():
            found[place] = Reading(text, rewritten=True)
    return found


def _can_be_asked(text: str) -> bool:
    try:
        as_turns(text)
    except InvalidQueryError:
        return False
    return True
