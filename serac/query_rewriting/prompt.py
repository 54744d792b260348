"""What the query rewriter reads and writes: a conversation, and what its last turn asks.

The task is that of CANARD (Elgohary et al., EMNLP 2019): the last turn is written again so that it
can be understood without the turns before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from serac.conversation import Turn
from serac.view import LONGEST_FOLLOW_UP, words_within_sentences

STANDS = "same"
"""What is written for a turn that can be understood as it is."""

STOP = "\n"

EARLIER = 20
"""Turns before the last one that are shown."""

EARLIER_CHARACTERS = 240
"""Characters of each that are shown: its beginning, where names are."""

_SPEAKERS = {"user": "User", "assistant": "Assistant"}


def rewriting_prompt(turns: Sequence[Turn], most: int = EARLIER) -> str:
    """Return the prompt; the query continues it.

    Args:
        turns: The conversation, the user's turn last; a system prompt in it is not shown, nor a
            turn without text, and turns of one speaker after another are shown as one.
        most: Turns before the last one that are shown.
    """
    said = [(t.role, _line(t.content)) for t in turns[:-1] if t.role in _SPEAKERS]
    shown = [
        f"{_SPEAKERS[role]}: {' '.join(text for _, text in same)[:EARLIER_CHARACTERS]}"
        for role, same in groupby((one for one in said if one[1]), lambda one: one[0])
    ]
    last = _line(turns[-1].content)[-LONGEST_FOLLOW_UP:]
    return "\n".join([*shown[max(0, len(shown) - most) :], f"User: {last}", "Query:"])


def write_rewritten(query: str | None) -> str:
    """Return a query as it continues the prompt; ``None`` is that of a turn that stands alone."""
    return f" {query or STANDS}"


def read_rewritten(text: str) -> str | None:
    """Return the query that a model wrote, or ``None`` where the turn stands as it is."""
    query = text.partition(STOP)[0].strip()
    return None if not query or query.casefold().rstrip(".") == STANDS else query


def has_new_names(query: str, turns: Sequence[Turn]) -> bool:
    """Say whether a query has a name or number that nobody has said: the model made it up.

    Args:
        query: What was written.
        turns: The conversation that it was written for.
    """
    said = _line(" ".join(turn.content for turn in turns)).casefold()
    return any(
        (word[0].isupper() or word[0].isdigit()) and word.casefold() not in said
        for word in words_within_sentences(query)
    )


def _line(text: str) -> str:
    return " ".join(text.split())
