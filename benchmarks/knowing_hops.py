"""A base that knows the hops of decompositions, however a step words them.

Half of MuSiQue's hops name nothing that is written as a name, or write it otherwise than the
question does; so a question that no fact is found for by a name is compared as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from benchmarks.knowing import KnowingBase, KnownFact
from memory_store import Encoder
from memory_store.encoder import Vectors

NAMED_FLOOR = 0.65
"""Cosine from which on a fact about what is named answers, what is named taken out."""

UNNAMED_FLOOR = 0.75
"""Cosine of the whole questions from which on a fact without a name answers."""

WHOLE_FLOOR = 0.9
"""The same for a fact with a name, which the question must have in other letters."""


class KnowingHops(KnowingBase):
    """Answers the steps of plans from the hops of decompositions.

    The floors were chosen on 192 steps, read by eye, of 150 records that no figure is reported on.

    Args:
        facts: The hops.
        encoder: Measures nearness.
    """

    def __init__(self, facts: Sequence[KnownFact], encoder: Encoder) -> None:
        super().__init__(facts, encoder, NAMED_FLOOR)
        self._floors = np.array([WHOLE_FLOOR if f.subjects else UNNAMED_FLOOR for f in facts])

    def nearest(self, question: str) -> tuple[KnownFact | None, float]:
        """Return the fact that answers a question, and its cosine.

        Where none does it is the one that comes nearest to its floor.
        """
        fact, cosine = super().nearest(question)
        if fact is not None or not self.facts:
            return fact, cosine
        near = self._questions @ self.encoder.encode([question])[0]
        place = int(np.argmax(near - self._floors))
        reached = float(near[place])
        return (self.facts[place] if reached >= self._floors[place] else None), reached

    @cached_property
    def _questions(self) -> Vectors:
        """(n, d) vectors of the facts' questions."""
        return self.encoder.encode([fact.question for fact in self.facts])
