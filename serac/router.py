"""View, retrieve, judge, decide: from a query to a decision. The answer is never seen here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from classifiers import ScopeScorer
from memory_store import SearchHit
from serac.conversation import Turn
from serac.decision import Candidate, Decision, Route
from serac.view import views


class Searchable(Protocol):
    """A memory of edits as the router needs it."""

    def search_many(self, queries: Sequence[str], k: int = 8) -> list[list[SearchHit]]:
        """Return, for each query, the k edits nearest to it."""
        ...


class Router:
    """Decides whether a query is in the scope of an edit.

    Args:
        memory: Where edits are looked up.
        scorer: Gives the probability that a query is in an edit's scope.
        threshold: Probability from which on an edit is in scope.
        route: Who answers in scope, ``counterfactual`` or ``ike``.
        nearest: How many edits are looked up for each view of the query.
    """

    def __init__(
        self,
        memory: Searchable,
        scorer: ScopeScorer,
        threshold: float,
        *,
        route: Route = "ike",
        nearest: int = 8,
    ) -> None:
        self.memory = memory
        self.scorer = scorer
        self.threshold = threshold
        self.route = route
        self.nearest = nearest

    def decide(self, turns: Sequence[Turn]) -> Decision:
        """Return the decision about the last user turn."""
        return self.decide_many([turns])[0]

    def decide_many(self, conversations: Sequence[Sequence[Turn]]) -> list[Decision]:
        """Return a decision for each conversation; lookups are done in one batch."""
        viewed = [views(turns) for turns in conversations]
        flat = [view for texts in viewed for view in texts]
        found = iter(self.memory.search_many(flat, self.nearest)) if flat else iter(())
        decisions = []
        for turns, texts in zip(conversations, viewed, strict=True):
            hits = {view: next(found) for view in texts}
            decisions.append(self._judged(turns[-1].content, hits))
        return decisions

    def _judged(self, query: str, hits: dict[str, list[SearchHit]]) -> Decision:
        best: dict[str, Candidate] = {}
        for view, found in hits.items():
            if not found:
                continue
            probabilities = self.scorer.score(view, [hit.edit.text for hit in found])
            for hit, probability in zip(found, probabilities, strict=True):
                known = best.get(hit.edit.id)
                if known is None or probability > known.probability:
                    best[hit.edit.id] = Candidate(
                        hit.edit, float(hit.similarity), float(probability), view
                    )
        candidates = tuple(sorted(best.values(), key=lambda c: (-c.probability, -c.similarity)))
        return self._decided(query, candidates)

    def _decided(self, query: str, candidates: tuple[Candidate, ...]) -> Decision:
        edits = tuple(c.edit for c in candidates if c.probability >= self.threshold)
        if edits:
            route: Route = self.route
            reason = f"in the scope of {', '.join(edit.id for edit in edits[:3])}"
        elif candidates:
            route = "base"
            reason = f"the likeliest edit reaches {candidates[0].probability:.3f}"
        else:
            route = "base"
            reason = "no edit in memory"
        if candidates:
            reason += f" (threshold {self.threshold:.3f})"
        return Decision(query, route, edits, candidates, self.threshold, reason)
