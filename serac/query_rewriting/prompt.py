"""What the query rewriter reads and writes: a conversation, and what its last turn asks.

The task is that of CANARD (Elgohary et al., EMNLP 2019): the last turn is written again so that it
can be understood without the turns before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from serac.conversation import Turn

STANDS = "same"
"""What is written for a turn that can be understood as it is."""

STOP = "\n"

EARLIER = 20
"""Turns before the last one that are shown."""

EARLIER_CHARACTERS = 160
"""Characters of each that are shown: its beginning, where names are."""

LAST_CHARACTERS = 300
"""Characters of the last turn that are shown: its end, where the question is."""

_SPEAKERS = {"user": "User", "assistant": "Assistant"}


def rewriting_prompt(turns: Sequence[Turn]) -> str:
    """Return the prompt; the query continues it.

    Args:
        turns: The conversation, the user's turn last; a system prompt in it is not shown.
    """
    spoken = [turn for turn in turns if turn.role in _SPEAKERS]
    shown = [
        f"{_SPEAKERS[turn.role]}: {_line(turn.content)[:EARLIER_CHARACTERS]}"
        for turn in spoken[:-1][-EARLIER:]
    ]
    last = _line(spoken[-1].content)[-LAST_CHARACTERS:]
    return "\n".join([*shown, f"User: {last}", "Query:"])


def write_rewritten(query: str | None) -> str:
    """Return a query as it continues the prompt; ``None`` is that of a turn that stands alone."""
    return f" {query or STANDS}"


def read_rewritten(text: str) -> str | None:
    """Return the query that a model wrote, or ``None`` where the turn stands as it is."""
    query = text.partition(STOP)[0].strip()
    return None if not query or query.casefold().rstrip(".") == STANDS else query


def _line(text: str) -> str:
    return " ".join(text.split())
