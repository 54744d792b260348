"""What is in memory while a question is asked: all edits or some, and some of them hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from classifiers import Probabilities, ScopeScorer, Threshold
from memory_store import Edit, Encoder, SearchHit
from memory_store.encoder import Vectors
from serac.answerers import auto_route
from serac.conversation import as_turns
from serac.decision import Decision, Route
from serac.router import ChooseRoute, Router, Searchable
from serac.second_scope import SecondScope

JUDGED_AT_ONCE = 256
"""Pairs between two reports of progress."""


@dataclass(frozen=True, slots=True)
class World:
    """What is in memory; what is decided in equal worlds is equal.

    Attributes:
        held: Ids of the edits in memory; all there are when ``None``.
        hidden: Ids of edits in memory that are hidden.
        trusted: Ids of edits about which the second classifier isn't asked.
    """

    held: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()


class HiddenEdits:
    """A memory without some of its edits; fits ``Searchable``.

    Args:
        memory: The memory.
        hidden: Ids of edits in it that are not found.
    """

    def __init__(self, memory: Searchable, hidden: frozenset[str]) -> None:
        self.memory, self.hidden = memory, hidden

    def __len__(self) -> int:
        return len(self.memory) - len(self.hidden)

    def search_many(self, queries: Sequence[str], k: int = 8) -> list[list[SearchHit]]:
        """Return, for each query, the k edits nearest to it among those that aren't hidden."""
        found = self.memory.search_many(queries, k + len(self.hidden))
        return [[hit for hit in hits if hit.edit.id not in self.hidden][:k] for hits in found]


class SomeEdits:
    """Some edits, searched exactly; fits ``Searchable``, and finds what a memory of them would."""

    def __init__(self, edits: Sequence[Edit], encoder: Encoder) -> None:
        self.edits, self.encoder = edits, encoder

    def __len__(self) -> int:
        return len(self.edits)

    @cached_property
    def vectors(self) -> Vectors:
        """(n, d) vectors of the edits."""
        return self.encoder.encode([edit.text for edit in self.edits])

    def search_many(self, queries: Sequence[str], k: int = 8) -> list[list[SearchHit]]:
        """Return, for each query, the k edits nearest to it."""
        if not self.edits:
            return [[] for _ in queries]
        near = self.encoder.encode(list(queries)) @ self.vectors.T
        order = np.argsort(-near, axis=1, kind="stable")[:, :k]
        return [
            [SearchHit(self.edits[place], float(row[place])) for place in places]
            for row, places in zip(near, order, strict=True)
        ]


class GatheringScorer:
    """Fits ``ScopeScorer``; keeps what was judged, and first gathers what is to be.

    Many routers decide in their own memories; their pairs are judged in one batch.

    Args:
        scorer: The scorer.
    """

    def __init__(self, scorer: ScopeScorer) -> None:
        self._scorer = scorer
        self._known: dict[tuple[str, str], float] = {}
        self._wanted: dict[tuple[str, str], None] | None = None
        self.reads_context = getattr(scorer, "reads_context", True)

    def gather(self) -> None:
        """Note pairs from now on instead of judging them; those not known count 0."""
        self._wanted = {}

    def judge(self, progress: Callable[[int], None] = lambda more: None) -> None:
        """Judge what was gathered; pairs are judged at once from now on."""
        pairs, self._wanted = list(self._wanted or ()), None
        for start in range(0, len(pairs), JUDGED_AT_ONCE):
            some = pairs[start : start + JUDGED_AT_ONCE]
            self.score(some)
            progress(len(some))

    def score(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """Return (n,) probabilities that each query is in the scope of the edit beside it."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        if self._wanted is not None:
            self._wanted.update(dict.fromkeys(new))
        elif new:
            self._known.update(zip(new, map(float, self._scorer.score(new)), strict=True))
        return np.array([self._known.get(pair, 0.0) for pair in pairs], dtype=np.float64)


class Worlds:
    """Routers over any part of the edits.

    Args:
        memory: All edits.
        edits: The same.
        encoder: The memory's encoder; should remember, since the worlds share their edits.
        scorer: Gives the probability that a query is in an edit's scope.
        threshold: Probability from which on an edit is in scope.
        recall_floor: Closeness below which an edit is not judged.
        route: Who answers in scope, or what chooses.
        second: Has to agree with the scorer.
    """

    def __init__(
        self,
        memory: Searchable,
        edits: Iterable[Edit],
        encoder: Encoder,
        scorer: ScopeScorer,
        threshold: float | Threshold,
        recall_floor: float = -np.inf,
        route: Route | ChooseRoute = auto_route,
        second: SecondScope | None = None,
    ) -> None:
        self.all, self.encoder, self.threshold = memory, encoder, threshold
        self.edits = {edit.id: edit for edit in edits}
        self.scorer = GatheringScorer(scorer)
        self.recall_floor, self.route = recall_floor, route
        self.second = second
        if second is not None:
            self._gathered = GatheringScorer(second.scorer)
            self.second = replace(second, scorer=self._gathered)
        self._memories: dict[World, Searchable] = {}

    def world(self, held: Iterable[str] | None, hidden: Iterable[str] = ()) -> World:
        """Return a world; what isn't in memory isn't hidden either, so equal ones are equal."""
        kept = None if held is None else frozenset(held)
        there = self.edits.keys() if kept is None else kept
        return World(kept, frozenset(hidden) & frozenset(there))

    def memory(self, world: World) -> Searchable:
        """Return what a router finds edits in."""
        world = replace(world, trusted=frozenset())
        if world not in self._memories:
            whole: Searchable = self.all
            if world.held is not None:
                ids = sorted(world.held, key=int)
                whole = SomeEdits([self.edits[id] for id in ids], self.encoder)
            self._memories[world] = HiddenEdits(whole, world.hidden) if world.hidden else whole
        return self._memories[world]

    def decide(
        self, asked: Sequence[tuple[World, str]], progress: Callable[[int], None]
    ) -> list[Decision]:
        """Return the decision about each question in its world."""
        by_world: dict[World, list[str]] = {}
        for world, question in asked:
            by_world.setdefault(world, []).append(question)
        self.encoder.encode([question for _, question in asked])  # all in one batch
        self.scorer.gather()
        self._decide(by_world)
        self.scorer.judge(progress)
        if self.second is not None:
            self._gathered.gather()
            self._decide(by_world)
            self._gathered.judge(progress)
        decided = self._decide(by_world)
        return [decided[one] for one in asked]

    def _decide(self, by_world: dict[World, list[str]]) -> dict[tuple[World, str], Decision]:
        found: dict[tuple[World, str], Decision] = {}
        for world, questions in by_world.items():
            router = Router(
                self.memory(world),
                self.scorer,
                self.threshold,
                recall_floor=self.recall_floor,
                route=self.route,
                second=self.second,
            )
            turns = [as_turns(question) for question in questions]
            decided = router.decide_many(turns, world.trusted)
            found.update(
                ((world, question), decision)
                for question, decision in zip(questions, decided, strict=True)
            )
        return found
