"""The overlay itself behind the seam of the other editors.

The scope classifier decides at its default threshold, with ``auto`` as the answerer: the
counterfactual model for a short query about one edit, the base model under IKE for any other.
Classifier and model were trained beforehand, on CounterFact's and zsRE's train files among others;
none of the edits here is in those. As everywhere in the comparison, prompts are plain text: out of
scope the base model continues the query as it is, a task that would be put to the chat model goes
to IKE's plain prompt, and questions are not taken apart into hops.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from benchmarks.peers.editor import EditedModel, PeerEdit
from benchmarks.peers.routed import Asked, RoutedModel
from memory_store import EditDraft
from serac.answerers import STOPS, PromptAnswerer
from serac.counterfactual.prompt import STOP, counterfactual_prompt
from serac.decision import Decision
from serac.overlay import FactOverlay
from serac.prompts import MAX_EDITS


class Overlay:
    """Keeps edits in the memory of a :class:`serac.FactOverlay`; fits ``Editor``.

    Args:
        overlay: The overlay, its memory empty.
        model: Continues the base model's prompts; it is never changed.
        counterfactual: Continues the counterfactual model's.
    """

    name = "overlay"

    def __init__(
        self, overlay: FactOverlay, model: EditedModel, counterfactual: EditedModel
    ) -> None:
        self.overlay, self.model, self.counterfactual = overlay, model, counterfactual
        self._ids: list[str] = []

    def apply(self, edits: Sequence[PeerEdit]) -> EditedModel:
        """Add the edits to the memory, durably, and return who answers under all in it."""
        drafts = [EditDraft(edit.text, subject=edit.subject) for edit in edits]
        self._ids += [edit.id for edit in self.overlay.memory.add_many(drafts)]
        return RoutedModel(self._choose)

    def undo(self) -> None:
        """Remove the edits from the memory, one by one."""
        for id in self._ids:
            self.overlay.remove(id)
        self._ids.clear()

    def bytes_kept(self) -> int:
        """Return the size of the memory's file; what was removed stays in its history."""
        file = Path(self.overlay.memory.path)
        return file.stat().st_size if file.is_file() else 0

    def _choose(self, queries: Sequence[str]) -> list[Asked]:
        decided = self.overlay.decide_many(list(queries))
        return [self._asked(q, decision) for q, decision in zip(queries, decided, strict=True)]

    def _asked(self, query: str, decision: Decision) -> Asked:
        edits = decision.edits[:MAX_EDITS]
        if not decision.in_scope:
            return Asked(self.model, query)
        if decision.route == "counterfactual":
            told = [edit.text for edit in reversed(edits)]
            prompt = counterfactual_prompt(decision.reading, told)
            return Asked(self.counterfactual, prompt, (STOP,))
        ike = cast(PromptAnswerer, self.overlay.answerer("ike"))
        return Asked(self.model, ike.prompt(decision.reading, edits), STOPS)
