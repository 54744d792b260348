"""View, retrieve, judge, decide: from a query to a decision. The answer is never seen here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from memory_store.errors import ErrataError
from serac.contradictions import without_contradictions
from serac.conversation import Turn
from serac.decision import Candidate, Decision, Route
from serac.second_scope import SecondScope
from serac.turn_scope import LEAST, TurnScope, view_of
from serac.view import (
    Reading,
    Rewriter,
    as_written,
    has_lost_a_name,
    may_refer_back,
    rewritten_readings,
)

TURN_THRESHOLD = 0.7
"""Probability that a turn made to stand on its own must reach at least, where nothing was measured
for the scorer. Chosen for one reading; the mean over several reaches it less often."""

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


@dataclass(frozen=True, slots=True)
class Near:
    """An edit to be judged, with the part of a query that it is near to."""

    listed: Listed
    edit: Edit

    def candidate(self, probability: float) -> Candidate:
        """Return it with what was found."""
        similarity = float(self.listed.similarity)
        return Candidate(self.edit, similarity, probability, self.listed.shown)


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
        rewriter: Makes turns that are only understood with those before them stand on their own.
        turn_threshold: Probability that turns that were made to must reach, if the threshold is
            lower: a rewriter errs too. When ``None``, what was measured for the rewriter, or else
            for the scorer, or else :data:`TURN_THRESHOLD`.
        second: Asked too about an edit that the scorer puts in scope, which is if both say so.
        turn_scope: Asked too about later turns, which it reads with those before them. Then both
            count, and its threshold holds, if the usual one and ``turn_threshold``, where that is
            given, are lower. It goes with no second classifier.

    Raises:
        ErrataError: There are a second classifier and one of turns.
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
        rewriter: Rewriter | None = None,
        turn_threshold: float | None = None,
        second: SecondScope | None = None,
        turn_scope: TurnScope | None = None,
    ) -> None:
        if second is not None and turn_scope is not None:
            raise ErrataError("a second classifier judges no turns; leave it or turn_scope out")
        self.rewriter, self.second, self.turn_scope = rewriter, second, turn_scope
        self._least_of_turns = turn_threshold or 0.0
        for measured in (rewriter, scorer):
            if turn_threshold is None:
                turn_threshold = getattr(measured, "turn_threshold", None)
        self.turn_threshold = TURN_THRESHOLD if turn_threshold is None else turn_threshold
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

    def decide(self, turns: Sequence[Turn], trusted: frozenset[str] = frozenset()) -> Decision:
        """Return the decision about the last user turn; see :meth:`decide_many`."""
        return self.decide_many([turns], trusted)[0]

    def decide_many(
        self, conversations: Sequence[Sequence[Turn]], trusted: frozenset[str] = frozenset()
    ) -> list[Decision]:
        """Return a decision for each conversation; lookups and judgements are done in one batch.

        A turn that the rewriter makes stand on its own is judged as it does so, in each of the ways
        that it has, any other as it was written; and so is one that had a name which was lost,
        where an edit answers it like that. The turn classifier, where there is one, then has its
        say about all later turns.

        Args:
            conversations: The conversations.
            trusted: Ids of edits about which the second classifier isn't asked.
        """
        threshold = self.threshold
        written = list(map(as_written, conversations))
        rewritten = self.rewritten_readings(conversations)
        readings = [found or (own,) for found, own in zip(rewritten, written, strict=True)]
        judged = self._judged_in_all(readings, threshold, trusted)
        lost = [
            n for n, (kept, _) in enumerate(judged) if has_lost_a_name(written[n].text, kept.text)
        ]
        as_they_were = self._judged_in_all([(written[n],) for n in lost], threshold, trusted)
        for place, (own, found) in zip(lost, as_they_were, strict=True):
            if any(self._fires(candidate, threshold) for candidate in found):
                judged[place] = own, found
        if self.turn_scope is not None:
            judged = self._in_conversation(
                self.turn_scope, conversations, readings, judged, threshold
            )
        return [
            self._decided(turns, reading, found, threshold)
            for turns, (reading, found) in zip(conversations, judged, strict=True)
        ]

    def rewritten_readings(
        self, conversations: Sequence[Sequence[Turn]]
    ) -> list[tuple[Reading, ...]]:
        """Return the ways to make each last turn stand on its own; none where it does as it is."""
        return rewritten_readings(conversations, self.rewriter if len(self.memory) else None)

    def _judged_in_all(
        self,
        readings: Sequence[tuple[Reading, ...]],
        threshold: float,
        trusted: frozenset[str],
    ) -> list[tuple[Reading, list[Candidate]]]:
        """Return for each turn the reading to keep, and what all of its readings say of edits.

        Of several readings the likeliest is kept where the turn classifier has its say later.
        """
        limits = [
            math.inf
            if self.turn_scope is not None and len(own) > 1
            else self._threshold_of(own[0], threshold)
            for own in readings
        ]
        flat = iter(self._judged([reading for own in readings for reading in own]))
        combined = [
            _combined(own, list(islice(flat, len(own))), limit)
            for own, limit in zip(readings, limits, strict=True)
        ]
        again = self._judged_again([found for _, found in combined], limits, trusted)
        return [(kept, found) for (kept, _), found in zip(combined, again, strict=True)]

    def _in_conversation(
        self,
        scope: TurnScope,
        conversations: Sequence[Sequence[Turn]],
        readings: Sequence[tuple[Reading, ...]],
        judged: Sequence[tuple[Reading, list[Candidate]]],
        threshold: float,
    ) -> list[tuple[Reading, list[Candidate]]]:
        """Return what is said of later turns by both classifiers, and of others by the one.

        Args:
            scope: The turn classifier.
            conversations: The conversations.
            readings: The readings of each last turn.
            judged: The reading that is kept, and what the scope classifier says in all of them.
            threshold: The usual one.
        """
        found = list(judged)
        later = [n for n, one in enumerate(conversations) if may_refer_back(one)]
        views = {n: view_of(conversations[n]) for n in later}
        asked = {n: [one for one in judged[n][1] if one.probability >= LEAST] for n in later}
        pairs = [(views[n], one.edit.text) for n in later for one in asked[n]]
        scores = iter(scope.scorer.score(pairs) if pairs else ())
        for n in later:
            kept, alone = judged[n]
            both = [
                replace(one, probability=scope.together(float(next(scores)), one.probability))
                for one in asked[n]
            ]
            candidates = [*both, *(one for one in alone if not one.probability >= LEAST)]
            read = (replace(one, in_conversation=True) for one in (*readings[n], kept))
            found[n] = self._kept(tuple(dict.fromkeys(read)), candidates, threshold)
        return found

    def _kept(
        self, readings: tuple[Reading, ...], candidates: list[Candidate], threshold: float
    ) -> tuple[Reading, list[Candidate]]:
        """Return the reading to keep, and the edits that it leaves in scope, as :func:`_combined`.

        Args:
            readings: The readings, the likeliest first.
            candidates: What is said of edits in all of them, with the turn classifier's say.
            threshold: The usual one.
        """
        limit = self._threshold_of(readings[0], threshold)
        first, *others = _best_of_each(candidates) or (None,)
        if first is None or not first.probability >= limit:
            return readings[0], candidates
        scores = self.scorer.score([(one.text, first.edit.text) for one in readings])
        kept = readings[int(scores.argmax())]
        rivals = [place for place, one in enumerate(others) if one.probability >= limit]
        pairs = [(kept.text, others[place].edit.text) for place in rivals]
        for place, score in zip(rivals, self.scorer.score(pairs) if pairs else (), strict=True):
            if score < threshold / 2:
                one = others[place]
                others[place] = replace(one, probability=min(one.probability, float(score)))
        return kept, [first, *others]

    def _hits(self, viewed: Sequence[tuple[str, ...]]) -> dict[str, list[SearchHit]]:
        """Return the edits near each of the views."""
        flat = list(dict.fromkeys(view for views in viewed for view in views))
        if not flat:
            return {}
        return dict(zip(flat, self.memory.search_many(flat, self.found), strict=True))

    def _judged(self, readings: Sequence[Reading]) -> list[list[Candidate]]:
        """Return for each reading the edits near to it, with what is said of them."""
        viewed = {one.text: text_views(one.text) for one in readings}
        hits = self._hits(list(viewed.values()))
        near = [self._near(one.text, viewed[one.text], hits) for one in readings]
        flat_near = [one for found in near for one in found]
        pairs = [(one.listed.shown, one.edit.text) for one in flat_near]
        scored = zip(flat_near, self.scorer.score(pairs) if pairs else (), strict=True)
        judged = iter([one.candidate(float(probability)) for one, probability in scored])
        return [list(islice(judged, len(found))) for found in near]

    def _judged_again(
        self, judged: list[list[Candidate]], limits: Sequence[float], trusted: frozenset[str]
    ) -> list[list[Candidate]]:
        """Return them with what the second classifier says of those above the limits."""
        if self.second is None:
            return judged

        def wanted(candidate: Candidate, limit: float) -> bool:
            return candidate.probability >= limit and candidate.edit.id not in trusted

        limited = list(zip(judged, limits, strict=True))
        asked = {
            (one.view, one.edit.text): None
            for found, limit in limited
            for one in found
            if wanted(one, limit)
        }
        scored = self.second.scorer.score(list(asked)) if asked else ()
        said = dict(zip(asked, map(float, scored), strict=True))
        return [
            [
                replace(one, second=said[one.view, one.edit.text]) if wanted(one, limit) else one
                for one in found
            ]
            for found, limit in limited
        ]

    def _fires(self, candidate: Candidate, threshold: float) -> bool:
        """Say whether an edit is in scope: the second classifier, where it was asked, agrees."""
        if not candidate.probability >= threshold:
            return False
        if self.second is None or candidate.second is None:
            return True
        return candidate.second >= self.second.threshold

    def _threshold_of(self, reading: Reading, threshold: float) -> float:
        """Return the threshold that a reading is held to, of which the usual one is given."""
        if reading.in_conversation and self.turn_scope is not None:
            return max(threshold, self.turn_scope.threshold, self._least_of_turns)
        return max(threshold, self.turn_threshold) if reading.rewritten else threshold

    def _near(
        self, whole: str, views: Sequence[str], hits: dict[str, list[SearchHit]]
    ) -> list[Near]:
        """Return the edits to judge, each with the part of a reading to judge it by."""
        found = [(view, hit) for view in views for hit in hits[view]]
        edits = list({hit.edit.id: hit.edit for _, hit in found}.values())
        place_of = {edit.id: place for place, edit in enumerate(edits)}
        listed = shortlist(
            whole,
            ((place_of[hit.edit.id], hit.edit.text, view, hit.similarity) for view, hit in found),
            most=self.judged,
            floor=self.recall_floor,
        )
        if not getattr(self.scorer, "reads_context", True):
            listed = [replace(one, shown=window(one.view, one.view)) for one in listed]
        return [Near(one, edits[one.place]) for one in listed]

    def _decided(
        self,
        turns: Sequence[Turn],
        read: Reading,
        judged: Sequence[Candidate],
        threshold: float,
    ) -> Decision:
        query = turns[-1].content
        threshold = self._threshold_of(read, threshold)
        candidates = _best_of_each(judged, lambda one: self._fires(one, threshold))
        firing = [one for one in candidates if self._fires(one, threshold)]
        refused = [one.second for one in candidates if one.second is not None]
        edits, set_aside = without_contradictions(
            [candidate.edit for candidate in firing],
            self.scorer,
            read.text,
        )
        route: Route = "base"
        reading = read.text if edits else query.strip()
        if edits:
            route = self._route(reading, query, edits)
            reason = f"in the scope of {', '.join(edit.id for edit in edits[:3])}"
            reason += f" (threshold {threshold:.3f})"
        elif self.second is not None and refused:
            reason = f"the likeliest edit reaches {refused[0]:.3f} with the second classifier"
            reason += f" (threshold {self.second.threshold:.3f})"
        elif candidates:
            reason = f"the likeliest edit reaches {candidates[0].probability:.3f}"
            reason += f" (threshold {threshold:.3f})"
        else:
            reason = "no edit in memory is near"
        if set_aside:
            reason += f"; newer than {', '.join(edit.id for edit in set_aside[:3])}"
        return Decision(
            query,
            route,
            edits,
            candidates,
            threshold,
            reason,
            reading,
            set_aside,
            rewritten=read.text if read.rewritten else None,
        )

    def _route(self, reading: str, query: str, edits: Sequence[Edit]) -> Route:
        """Return who answers: a turn that is a task stays one however it was rewritten."""
        if isinstance(self.route, str):
            return self.route
        routes = {self.route(text, edits) for text in {reading, query.strip()}}
        return "ike" if "ike" in routes else routes.pop()


def _combined(
    readings: Sequence[Reading], judged: Sequence[list[Candidate]], limit: float
) -> tuple[Reading, list[Candidate]]:
    """Return the reading of a turn to keep, and what all of its readings say of the edits near it.

    The probability that an edit answers the turn is the mean over the readings, each weighted with
    the square root of its own probability: rarer ones are often the same in plainer words. The
    reading that says most for the likeliest edit is kept where that edit is in scope, the likeliest
    reading otherwise. Another edit that the kept one hardly speaks for (with less than half of the
    limit) is believed no more than that: the turn was meant as one of them.

    Args:
        readings: The readings, the likeliest first.
        judged: For each, the edits near to it.
        limit: Probability from which on an edit is in scope.
    """
    if len(readings) == 1:
        return readings[0], judged[0]
    weights = [math.sqrt(one.probability) for one in readings]
    shares = [weight / (sum(weights) or 1.0) for weight in weights]
    said = [{one.edit.id: one for one in _best_of_each(found)} for found in judged]
    candidates, says_most = [], {}
    for edit in dict.fromkeys(edit for own in said for edit in own):
        parts = {
            place: share * own[edit].probability
            for place, (share, own) in enumerate(zip(shares, said, strict=True))
            if edit in own
        }
        says_most[edit] = max(parts, key=lambda place: parts[place])
        mean = sum(parts.values())
        candidates.append(replace(said[says_most[edit]][edit], probability=mean))
    first, *others = _best_of_each(candidates) or (None,)
    if first is None or not first.probability >= limit:
        return readings[0], candidates
    kept = says_most[first.edit.id]
    for place, one in enumerate(others):
        alone = said[kept].get(one.edit.id)
        most = alone.probability if alone else 0.0
        if most < limit / 2:
            others[place] = replace(one, probability=min(one.probability, most))
    return readings[kept], [first, *others]


def _best_of_each(
    judged: Sequence[Candidate], fires: Callable[[Candidate], bool] = lambda _: False
) -> tuple[Candidate, ...]:
    """Return the best candidate of each edit over all views: in scope first, then by score.

    What is no number comes last.
    """
    order = sorted(
        judged, key=lambda c: (not fires(c), math.isnan(c.score), -c.score, -c.similarity)
    )
    best: dict[str, Candidate] = {}
    for candidate in order:
        best.setdefault(candidate.edit.id, candidate)
    return tuple(best.values())
