"""View, retrieve, judge, decide: from a query to a decision. The answer is never seen here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol

from classifiers import FOUND, JUDGED, Listed, ScopeScorer, Threshold, shortlist, window
from memory_store import Edit, SearchHit
from serac.conversation import Turn
from serac.decision import Candidate, Decision, Route
from serac.view import views


class Searchable(Protocol):
    """A memory of edits as the router needs it."""

    def search_many(self, queries: Sequence[str], k: int = 8) -> list[list[SearchHit]]:
        """Return, for each query, the k edits nearest to it."""
        ...

    def __len__(self) -> int:
        """Return the number of edits."""
        ...


class Router:
    """Decides whether a query is in the scope of an edit.

    Args:
        memory: Where edits are looked up.
        scorer: Gives the probability that a query is in an edit's scope.
        threshold: Probability from which on an edit is in scope; it may depend on the number of
            edits in memory.
        route: Who answers in scope, ``counterfactual`` or ``ike``.
        found: How many edits are looked up for each view of the query.
        judged: How many of them the scorer judges at most, the closest ones.
        recall_floor: Closeness below which an edit is not judged.
    """

    def __init__(
        self,
        memory: Searchable,
        scorer: ScopeScorer,
        threshold: float | Threshold,
        *,
        route: Route = "ike",
        found: int = FOUND,
        judged: int = JUDGED,
        recall_floor: float = -math.inf,
    ) -> None:
        self.memory = memory
        self.scorer = scorer
        self._threshold = threshold
        self.route = route
        self.found = found
        self.judged = judged
        self.recall_floor = recall_floor

    @property
    def threshold(self) -> float:
        """Probability from which on an edit is in scope, with the edits that are in memory now."""
        if isinstance(self._threshold, Threshold):
            return self._threshold.at(len(self.memory))
        return self._threshold

    def decide(self, turns: Sequence[Turn]) -> Decision:
        """Return the decision about the last user turn."""
        return self.decide_many([turns])[0]

    def decide_many(self, conversations: Sequence[Sequence[Turn]]) -> list[Decision]:
        """Return a decision for each conversation; lookups and judgements are done in one batch."""
        viewed = [views(turns) for turns in conversations]
        flat = [view for texts in viewed for view in texts]
        hits = iter(self.memory.search_many(flat, self.found)) if flat else iter(())
        near = [self._near({view: next(hits) for view in texts}) for texts in viewed]
        judged = iter(self._judge([pair for listed in near for pair in listed]))
        threshold = self.threshold
        return [
            self._decided(turns[-1].content, list(islice(judged, len(listed))), threshold)
            for turns, listed in zip(conversations, near, strict=True)
        ]

    def _near(self, hits: dict[str, list[SearchHit]]) -> list[tuple[Listed, Edit]]:
        """Return the edits to judge, each with the part of the query to judge it by."""
        whole = next(iter(hits))  # the first view is the whole turn, made to stand on its own
        edits = list({hit.edit.id: hit.edit for found in hits.values() for hit in found}.values())
        place_of = {edit.id: place for place, edit in enumerate(edits)}
        listed = shortlist(
            whole,
            (
                (place_of[hit.edit.id], hit.edit.text, view, hit.similarity)
                for view, found in hits.items()
                for hit in found
            ),
            most=self.judged,
            floor=self.recall_floor,
        )
        # A turn that refers back is also looked up as it was written: that is no part of the whole.
        in_context = getattr(self.scorer, "reads_context", True)
        shown = [
            one.shown if in_context and one.view in whole else window(one.view, one.view)
            for one in listed
        ]
        return [
            (replace(one, shown=text), edits[one.place])
            for one, text in zip(listed, shown, strict=True)
        ]

    def _judge(self, near: Sequence[tuple[Listed, Edit]]) -> list[Candidate]:
        if not near:
            return []
        probabilities = self.scorer.score([(one.shown, edit.text) for one, edit in near])
        return [
            Candidate(edit, float(one.similarity), float(probability), one.shown)
            for (one, edit), probability in zip(near, probabilities, strict=True)
        ]

    def _decided(self, query: str, judged: Sequence[Candidate], threshold: float) -> Decision:
        candidates = tuple(sorted(judged, key=lambda c: (-c.probability, -c.similarity)))
        edits = tuple(c.edit for c in candidates if c.probability >= threshold)
        if edits:
            route: Route = self.route
            reason = f"in the scope of {', '.join(edit.id for edit in edits[:3])}"
        elif candidates:
            route = "base"
            reason = f"the likeliest edit reaches {candidates[0].probability:.3f}"
        else:
            route = "base"
            reason = "no edit in memory is near"
        if candidates:
            reason += f" (threshold {threshold:.3f})"
        return Decision(query, route, edits, candidates, threshold, reason)
