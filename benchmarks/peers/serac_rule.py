"""SERAC's own rule for scope: a dual encoder, and a threshold of one half.

Mitchell et al., "Memory-Based Model Editing at Scale", ICML 2022. The edit nearest to the query is
in scope if exp(-d²) is at least 0.5, for the distance d of the two vectors; then the
counterfactual model answers from the edit, and the base model otherwise. As in the paper's code,
no vector of an edit is kept: every edit is encoded again whenever queries come. Where ours departs:
the encoder is the embedded one, which was trained for likeness of meaning and not, as theirs, for
scope, and its vectors have length one; the counterfactual model is this project's, not one trained
on the same edits; and the edits are encoded once for all queries of a batch, which gives the same
answers.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.baselines import SERAC_COSINE
from benchmarks.peers.editor import EditedModel
from benchmarks.peers.routed import Asked, TextEditor
from memory_store import Encoder
from serac.counterfactual.prompt import STOP, counterfactual_prompt


class SeracRule(TextEditor):
    """Asks the counterfactual model where the nearest edit is near enough; fits ``Editor``.

    Args:
        model: Answers out of scope; it is never changed.
        counterfactual: Answers in scope.
        encoder: Measures nearness.
    """

    name = "SERAC's rule"

    def __init__(self, model: EditedModel, counterfactual: EditedModel, encoder: Encoder) -> None:
        super().__init__(model)
        self.counterfactual, self.encoder = counterfactual, encoder

    def chosen(self, queries: Sequence[str]) -> list[Asked]:
        """Return who answers each query: the counterfactual model where an edit is near enough."""
        vectors = self.encoder.encode([edit.text for edit in self.kept.edits])
        likeness = self.encoder.encode(queries) @ vectors.T
        asked = []
        for query, row in zip(queries, likeness, strict=True):
            place = int(row.argmax())
            if float(row[place]) < SERAC_COSINE:
                asked.append(Asked(self.model, query))
            else:
                prompt = counterfactual_prompt(query, [self.kept.edits[place].text])
                asked.append(Asked(self.counterfactual, prompt, (STOP,)))
        return asked
