"""Prompt stuffing: every edit stands before every query, until the context is full.

Of no paper: it is what a long context invites to. The edits stand one a line, the newest last and
nearest to the query; where they don't all fit, the oldest are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from benchmarks.peers.editor import EditedModel, PeerEdit
from benchmarks.peers.routed import Asked, KeptText, RoutedModel
from serac.prompts import sentence

ROOM = 256
"""Tokens left for the query and what follows it."""


class CountingModel(EditedModel, Protocol):
    """A model that says how much it holds."""

    @property
    def positions(self) -> int:
        """How many tokens the model can hold, prompt and continuation together."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has."""
        ...


class Stuffing:
    """Puts all edits that fit before every query; fits ``Editor``.

    Args:
        model: Continues the prompts; it is never changed.
        room: Tokens left for the query and what follows it.
    """

    name = "prompt stuffing"

    def __init__(self, model: CountingModel, room: int = ROOM) -> None:
        self.model, self.room = model, room
        self.kept = KeptText()

    def apply(self, edits: Sequence[PeerEdit]) -> EditedModel:
        """Keep the edits, and return the model with prompts over all that fit."""
        self.kept.keep(edits)
        facts = self._that_fit()
        return RoutedModel(
            lambda queries: [Asked(self.model, with_facts(facts, query)) for query in queries]
        )

    def undo(self) -> None:
        """Forget all edits."""
        self.kept.undo()

    def bytes_kept(self) -> int:
        """Return how many bytes are kept for the edits."""
        return self.kept.bytes_kept()

    def _that_fit(self) -> list[str]:
        left = self.model.positions - self.room
        fitting: list[str] = []
        for edit in reversed(self.kept.edits):
            fact = sentence(edit.text)
            left -= self.model.count_tokens(f"{fact}\n")
            if left < 0:
                break
            fitting.append(fact)
        return fitting[::-1]


def with_facts(facts: Sequence[str], query: str) -> str:
    """Return a prompt of facts, one a line, and the query after an empty line."""
    return "\n".join([*facts, "", query]) if facts else query
