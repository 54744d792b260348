"""Pairs of turns and edits, of conversations that were written one by one.

They have edits, with the turns that need each of them: so what an edit doesn't answer is mostly
another property of its subject, or the same of another.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from classifiers.haste import in_haste
from classifiers.training_pairs import Pair
from classifiers.written_conversations import edited_conversations

FAR = 0.2
"""Share of the pairs without a common name that is trained on: they are easy."""

NEEDED, OTHER = "turn that needs the edit", "another turn of the conversation"


@dataclass(frozen=True, slots=True)
class JudgedTurn:
    """A turn as a query of its own, with the edits of its conversation.

    Attributes:
        query: What it asks.
        rewritten: Whether it had to be made to stand on its own.
        edits: The edits.
        right: Whether it needs each of them.
        near: Whether it has a name in common with each of them.
        conversation: Number of its conversation.
    """

    query: str
    rewritten: bool
    edits: tuple[str, ...]
    right: tuple[bool, ...]
    near: tuple[bool, ...]
    conversation: int = 0

    def pairs(self) -> list[Pair]:
        """Return it with each of the edits."""
        return [
            Pair(self.query, edit, right, NEEDED if right else OTHER)
            for edit, right in zip(self.edits, self.right, strict=True)
        ]


def judged_turns(part: str, seed: int = 0, draws: int = 1) -> list[JudgedTurn]:
    """Return the turns of all conversations that have edits, in a fixed order.

    Args:
        part: ``fit`` to train on, ``dev`` to choose by.
        seed: Decides every random choice.
        draws: How often names are drawn for each conversation.
    """
    chance = random.Random(f"{seed} {part} pairs")  # noqa: S311
    found = []
    for number, conversation in list(enumerate(edited_conversations(part))) * draws:
        drawn = conversation.named(chance)
        edits = tuple(edit.text for edit in drawn.edits)
        for place, exchange in enumerate(drawn.exchanges):
            query = exchange.query or exchange.user
            found.append(
                JudgedTurn(
                    in_haste(query, chance),
                    exchange.query is not None,
                    edits,
                    tuple(place in edit.answers for edit in drawn.edits),
                    tuple(have_common_name(query, edit, drawn.names) for edit in edits),
                    number,
                )
            )
    return found


def have_common_name(query: str, edit: str, names: Sequence[str]) -> bool:
    """Say whether one of the names stands in both, case aside, as whole words."""
    return any(
        all(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.I) for text in (query, edit))
        for name in names
    )


def training_pairs(turns: Sequence[JudgedTurn], seed: int = 0) -> list[Pair]:
    """Return the pairs of turns, each once; of those without a common name only some.

    Args:
        turns: The turns.
        seed: Decides which.
    """
    chance = random.Random(f"{seed} far")  # noqa: S311
    pairs = {
        (pair.query, pair.edit): pair
        for turn in turns
        for pair, near in zip(turn.pairs(), turn.near, strict=True)
        if pair.label or near or chance.random() < FAR
    }
    return list(pairs.values())
