"""The readings of a query: what its last turn asks, made to stand on its own.

A turn may refer back ("Who designed it?", "And the capital?", "And Oslo?"). Then it is read as the
query of its own that a rewriter makes of the conversation, or as each of several. Those are
guesses; the scope classifier tells whether an edit answers them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from types import NoneType
from typing import Any, Protocol

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
class Guess:
    """A query that a turn may have been meant as.

    Attributes:
        query: The query; ``None`` for the turn as it is.
        probability: How likely it is, from 0 to 1.
    """

    query: str | None
    probability: float = 1.0


class GuessingRewriter(Protocol):
    """Has several guesses at the queries that the last turns of conversations are meant as."""

    def guess_all(self, conversations: Sequence[Sequence[Turn]]) -> list[list[Guess]]:
        """Return the guesses at each last turn.

        Args:
            conversations: The conversations, each with the user's turn last.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a turn asks.

    Attributes:
        text: The turn, standing on its own.
        rewritten: Whether it was made to, with what was said before.
        probability: How likely the rewriter finds it, where the turn has several readings.
        in_conversation: Whether it was judged with what was said before it too.
    """

    text: str
    rewritten: bool = False
    probability: float = 1.0
    in_conversation: bool = False


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
    conversations: Sequence[Sequence[Turn]], rewriter: Rewriter | GuessingRewriter | None
) -> list[tuple[Reading, ...]]:
    """Return the ways to make each last turn stand on its own, the likeliest first.

    Args:
        conversations: The conversations.
        rewriter: Is shown those whose last turn may refer back, all at once; without one nothing
            is rewritten. What can't be asked counts as no query.

    Returns:
        An empty tuple for a turn that most likely stands as it is.

    Raises:
        ErrataError: It returned something else than a query or ``None``, or guesses, for each.
    """
    found: list[tuple[Reading, ...]] = [()] * len(conversations)
    places = [n for n, turns in enumerate(conversations) if may_refer_back(turns)]
    if rewriter is None or not places:
        return found
    guessed = _guesses(rewriter, [conversations[n] for n in places])
    for place, guesses in zip(places, guessed, strict=True):
        found[place] = _readings(conversations[place][-1].content.strip(), guesses)
    return found


def merged(guesses: Sequence[Guess]) -> list[Guess]:
    """Return guesses with equal queries put together, the likeliest first."""
    chances: dict[str | None, float] = {}
    for one in guesses:
        query = one.query.strip() if one.query is not None else None
        chances[query] = chances.get(query, 0.0) + one.probability
    return [Guess(query, chances[query]) for query in sorted(chances, key=lambda q: -chances[q])]


def _readings(turn: str, guesses: Sequence[Guess]) -> tuple[Reading, ...]:
    asked = [one for one in guesses if one.query is None or _can_be_asked(one.query.strip())]
    found = merged([Guess(one.query or turn, one.probability) for one in asked])
    if not found or found[0].query == turn:
        return ()
    return tuple(
        Reading(one.query, True, one.probability) for one in found if one.query not in (turn, None)
    )


def _guesses(
    rewriter: Rewriter | GuessingRewriter, conversations: list[Sequence[Turn]]
) -> list[list[Guess]]:
    """Return what a rewriter makes of each conversation.

    Raises:
        ErrataError: It returned something else.
    """
    guess_all = getattr(rewriter, "guess_all", None)
    write: Any = guess_all or rewriter.rewrite_all  # type: ignore[union-attr]
    returned: object = write(conversations)
    each = list(returned) if isinstance(returned, (list, tuple)) else []
    if guess_all is None:
        each = [[Guess(one)] if isinstance(one, (str, NoneType)) else None for one in each]
    if len(each) != len(conversations) or not all(map(_are_guesses, each)):
        wanted = "a query, or None," if guess_all is None else "a list of Guess, from 0 to 1,"
        raise ErrataError(f"a rewriter has to return {wanted} for each conversation")
    return [list(one) for one in each]


def _are_guesses(given: object) -> bool:
    return isinstance(given, (list, tuple)) and all(
        isinstance(one, Guess)
        and isinstance(one.query, (str, NoneType))
        and isinstance(one.probability, Real)
        and 0 <= one.probability <= 1
        for one in given
    )


def _can_be_asked(text: str) -> bool:
    try:
        as_turns(text)
    except InvalidQueryError:
        return False
    return True
