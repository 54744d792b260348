"""Turns drawn from the conversations that were written one by one."""

from __future__ import annotations

import random

from classifiers.written_conversations import WrittenConversation
from serac.conversation import Turn

AFTER_ANOTHER = 0.2
"""How often the beginning of another conversation comes first."""


def draw_turn(
    part: tuple[WrittenConversation, ...], chance: random.Random
) -> tuple[tuple[Turn, ...], str | None, tuple[str, ...]]:
    """Return a conversation up to one of its turns, that turn's query, and the names in it.

    Args:
        part: The conversations to draw from.
        chance: Where chance comes from.
    """
    drawn = chance.choice(part).named(chance)
    at = chance.randrange(1, len(drawn.exchanges))
    before = drawn.exchanges[:at]
    if chance.random() < AFTER_ANOTHER:
        first = chance.choice(part).named(chance).exchanges
        before = (*first[: chance.randint(1, 3)], *before)
    turns = [
        turn
        for one in before
        for turn in (Turn("user", one.user), Turn("assistant", one.assistant))
    ]
    last = drawn.exchanges[at]
    return (*turns, Turn("user", last.user)), last.query, drawn.names
