"""Turns of a conversation, as every part of the overlay sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from memory_store.errors import InvalidQueryError

ROLES = ("system", "user", "assistant")
MAX_QUERY_LENGTH = 100_000
"""Longest turn that is accepted, in characters."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: who speaks (``system``, ``user`` or ``assistant``) and what is said."""

    role: str
    content: str


Query = str | Sequence[Turn | Mapping[str, str]]
"""A question, or a conversation whose last turn is the user's."""


def as_turns(query: Query) -> tuple[Turn, ...]:
    """Return a query as turns that end with the user's.

    Args:
        query: A question, turns, or mappings with the keys ``role`` and ``content``.

    Raises:
        InvalidQueryError: The query is empty, too long, has an unknown role, or does
            not end with a user turn.
    """
    if isinstance(query, str):
        turns: tuple[Turn, ...] = (Turn("user", query),)
    elif isinstance(query, Iterable) and not isinstance(query, (Mapping, bytes)):
        turns = tuple(_as_turn(item) for item in query)
    else:
        raise InvalidQueryError(f"a query is a text or a list of turns, not {type(query).__name__}")
    if not turns or turns[-1].role != "user":
        raise InvalidQueryError("a conversation must end with a turn of the user")
    if not turns[-1].content.strip():
        raise InvalidQueryError("the query is empty; ask something")
    for turn in turns:
        if turn.role not in ROLES:
            raise InvalidQueryError(f"unknown role {turn.role!r}; use one of {', '.join(ROLES)}")
        if len(turn.content) > MAX_QUERY_LENGTH:
            raise InvalidQueryError(
                f"a turn has {len(turn.content):,} characters; the limit is {MAX_QUERY_LENGTH:,}"
            )
        if _LONE_SURROGATE.search(turn.content):
            raise InvalidQueryError("a turn holds a lone surrogate (broken UTF-16); remove it")
    return turns


def _as_turn(item: Turn | Mapping[str, str]) -> Turn:
    if isinstance(item, Turn):
        turn = item
    else:
        try:
            turn = Turn(item["role"], item["content"])
        except (KeyError, TypeError, IndexError):
            raise InvalidQueryError("a turn needs the keys 'role' and 'content'") from None
    if not isinstance(turn.role, str) or not isinstance(turn.content, str):
        raise InvalidQueryError("role and content of a turn must be text")
    return turn
