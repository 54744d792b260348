"""View, retrieve, judge, decide: from a query to a decision. The answer is never seen here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol

from classifiers import (
    FOUND,
    JUDGED,
    Listed,
    ScopeScorer,
    Threshold,
    shortlist,
    text_views,
    window,
)
from memory_store import Edit, SearchHit
from serac.contradictions import without_contradictions
from serac.conversation import Turn
from serac.decision import Candidate, Decision, Route
from serac.view import Reading, readings

GUESSED_THRESHOLD = 0.7
"""Probability that a reading with a guessed name must reach at least; chosen on conversations."""

ChooseRoute = Callable[[str, Sequence[Edit]], Route]
"""From the reading of a query and the edits in whose scope it is, to who answers."""


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
        route: Who answers in scope, ``counterfactual`` or ``ike``, or what chooses.
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
        route: Route | ChooseRoute = "ike",
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
        read = [readings(turns) for turns in conversations]
        viewed = {one.text: text_views(one.text) for found in read for one in found}
        flat = list(dict.fromkeys(view for texts in viewed.values() for view in texts))
        hits = (
            dict(zip(flat, self.memory.search_many(flat, self.found), strict=True)) if flat else {}
        )
        near = [
            [(one, *pair) for one in found for pair in self._near(one.text, viewed, hits)]
            for found in read
        ]
        judged = iter(self._judge([listed for found in near for listed in found]))
        threshold = self.threshold
        return [
            self._decided(turns, list(islice(judged, len(found))), threshold)
            for turns, found in zip(conversations, near, strict=True)
        ]

    def _near(
        self, whole: str, viewed: dict[str, tuple[str, ...]], hits: dict[str, list[SearchHit]]
    ) -> list[tuple[Listed, Edit]]:
        """Return the edits to judge, each with the part of a reading to judge it by."""
        found = [(view, hit) for view in viewed[whole] for hit in hits[view]]
        edits = list({hit.edit.id: hit.edit for _, hit in found}.values())
        place_of = {edit.id: place for place, edit in enumerate(edits)}
        listed = shortlist(
            whole,
            ((place_of[hit.edit.id], hit.edit.text, view, hit.similarity) for view, hit in found),
            most=self.judged,
            floor=self.recall_floor,
        )
        in_context = getattr(self.scorer, "reads_context", True)
        return [
            (
                one if in_context else replace(one, shown=window(one.view, one.view)),
                edits[one.place],
            )
            for one in listed
        ]

    def _judge(self, near: Sequence[tuple[Reading, Listed, Edit]]) -> list[Candidate]:
        if not near:
            return []
        probabilities = self.scorer.score([(one.shown, edit.text) for _, one, edit in near])
        return [
            Candidate(edit, float(one.similarity), float(probability), one.shown, reading)
            for (reading, one, edit), probability in zip(near, probabilities, strict=True)
        ]

    def _decided(
        self, turns: Sequence[Turn], judged: Sequence[Candidate], threshold: float
    ) -> Decision:
        query = turns[-1].content
        candidates = _best_of_each(judged, threshold)
        firing = [c for c in candidates if c.probability >= _needed(c, threshold)]
        edits, set_aside = without_contradictions(
            [candidate.edit for candidate in firing],
            self.scorer,
            firing[0].reading.text if firing else "",
        )
        route: Route = "base"
        reading = next((c.reading.text for c in firing if c.edit in edits), query.strip())
        if edits:
            route = self.route if isinstance(self.route, str) else self.route(reading, edits)
            reason = f"in the scope of {', '.join(edit.id for edit in edits[:3])}"
        elif candidates:
            reason = f"the likeliest edit reaches {candidates[0].probability:.3f}"
        else:
            reason = "no edit in memory is near"
        if candidates:
            reason += f" (threshold {_needed(candidates[0], threshold):.3f})"
        if set_aside:
            reason += f"; newer than {', '.join(edit.id for edit in set_aside[:3])}"
        return Decision(query, route, edits, candidates, threshold, reason, reading, set_aside)


def _needed(candidate: Candidate, threshold: float) -> float:
    """Return the probability from which on a candidate's edit is in scope."""
    return max(threshold, GUESSED_THRESHOLD) if candidate.reading.guessed else threshold


def _best_of_each(judged: Sequence[Candidate], threshold: float) -> tuple[Candidate, ...]:
    """Return the best candidate of each edit over all readings, the most probable first.

    One that is in scope comes before one that isn't: a guessed reading has to reach more.
    """
    order = sorted(
        judged,
        key=lambda c: (not c.probability >= _needed(c, threshold), -c.probability, -c.similarity),
    )
    best: dict[str, Candidate] = {}
    for candidate in order:
        best.setdefault(candidate.edit.id, candidate)
    return tuple(best.values())
