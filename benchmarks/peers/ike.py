"""IKE without a router: the nearest edits stand in every prompt, under demonstrations.

Zheng et al., "Can We Edit Factual Knowledge by In-Context Learning?", EMNLP 2023. In the paper one
fact is edited at a time, and its demonstrations and the fact stand before every query; with many
edits, the k edits nearest to the query are put there, whether or not they concern it, which is how
it is commonly run. Where ours departs: the demonstrations are of our own writing (350 facts, the
paper's come from CounterFact's train split), nearness is measured by the embedded encoder, and the
answer is one line. Number and ratio of the demonstrations are the paper's: 32, as copies, updates
and retains in the ratio 1:3:4; k is 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.peers.editor import EditedModel
from benchmarks.peers.routed import Asked, NearestText, TextEditor
from benchmarks.remembering import RememberingEncoder
from memory_store import Edit, Encoder
from serac.answerers import STOPS
from serac.demonstrations import PAPER, Demonstration, DemonstrationStore, IkeSettings
from serac.prompts import MAX_EDITS, completion_prompt


class Ike(TextEditor):
    """Puts the nearest edits and demonstrations before every query; fits ``Editor``.

    Args:
        model: Continues the prompts; it is never changed.
        encoder: Finds edits and demonstrations.
        settings: Which demonstrations are shown.
        k: How many edits are put before a query.
    """

    name = "IKE, no router"

    def __init__(
        self,
        model: EditedModel,
        encoder: Encoder,
        settings: IkeSettings = PAPER,
        k: int = MAX_EDITS,
    ) -> None:
        super().__init__(model)
        self.settings, self.k = settings, k
        self.kept: NearestText = NearestText(encoder)
        self._encoder = RememberingEncoder(encoder)
        self._store = DemonstrationStore(self._encoder)
        self._shown: dict[str, tuple[Demonstration, ...]] = {}

    def chosen(self, queries: Sequence[str]) -> list[Asked]:
        """Return prompts with demonstrations and the edits nearest to each query."""
        found = self.kept.nearest(queries, self.k)
        self._find({edits[0].text: edits[0] for edits in found})
        return [
            Asked(
                self.model,
                completion_prompt(query, edits, self._shown[edits[0].text]),
                STOPS,
            )
            for query, edits in zip(queries, found, strict=True)
        ]

    def _find(self, edits: Mapping[str, Edit]) -> None:
        """Find the demonstrations of edits, by their texts; they are the same for any query."""
        new = [text for text in edits if text not in self._shown]
        self._encoder.encode(new)  # at once, not one by one
        for text in new:
            self._shown[text] = self._store.nearest(text, [edits[text]], self.settings)
