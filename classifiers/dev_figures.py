"""What a scorer does on dev: calibration, recall floor and figures.

Every dev query is asked as the router asks, with all edits of its own data set in memory; two sets
word the same facts too differently to say which edit of another set a query is in the scope of.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.facts import FactBook, read_facts
from classifiers.pairs import (
    ScopeData,
    ScopeQuery,
    folded,
    read_scope_data,
)
from classifiers.shortlist import Listed
from classifiers.thresholds import Threshold, exact_interval
from classifiers.training_pairs import Report, dev_queries, shortlists
from memory_store.encoder import Encoder

HARD_KIND = "counterfact neighborhood"
"""The kind of dev query that is the hardest with many edits in memory."""

BINS = 15
FLOOR_MISSES = 0.001
"""Share of the in-scope dev queries whose edit may fall below the recall floor."""


@dataclass(frozen=True, slots=True)
class DevSet:
    """Dev queries with their shortlists.

    Attributes:
        queries: The queries.
        near: The shortlist of each.
        edits: All edits in memory; a shortlist's places point here.
        right: For each query, the edits in whose scope it is.
        in_memory: For each query, how many edits were in memory when it was asked.
    """

    queries: tuple[ScopeQuery, ...]
    near: tuple[list[Listed], ...]
    edits: tuple[str, ...]
    right: tuple[frozenset[str], ...]
    in_memory: tuple[int, ...]

    def pairs(self) -> list[tuple[str, str]]:
        """Return the pairs to judge, query after query."""
        return [(one.shown, self.edits[one.place]) for near in self.near for one in near]

    def labels(self) -> npt.NDArray[np.bool_]:
        """Return (n,) whether each pair is in scope."""
        return np.array(
            [
                self.edits[one.place] in right
                for near, right in zip(self.near, self.right, strict=True)
                for one in near
            ]
        )

    def closeness(self) -> npt.NDArray[np.float64]:
        """Return (n,) closeness of each pair."""
        return np.array([one.closeness for near in self.near for one in near])

    def query_of(self) -> npt.NDArray[np.int64]:
        """Return (n,) place of each pair's query."""
        return np.repeat(np.arange(len(self.queries)), [len(near) for near in self.near])

    def sample(self, most: int, seed: int) -> DevSet:
        """Return a part of it, half of which is of the kind that is hardest among many edits."""
        chance = random.Random(seed)  # noqa: S311
        by_kind: dict[str, list[int]] = {}
        for place, query in enumerate(self.queries):
            by_kind.setdefault(kind_of(query), []).append(place)
        each = most // (2 * max(1, len(by_kind) - 1))
        drawn = sorted(
            place
            for kind, places in by_kind.items()
            for place in chance.sample(
                places, min(most // 2 if kind == HARD_KIND else each, len(places))
            )
        )
        return DevSet(
            tuple(self.queries[n] for n in drawn),
            tuple(self.near[n] for n in drawn),
            self.edits,
            tuple(self.right[n] for n in drawn),
            tuple(self.in_memory[n] for n in drawn),
        )


def read_dev_set(folder: Path, encoder: Encoder, seed: int, report: Report) -> DevSet:
    """Return the dev queries of the training files with their shortlists."""
    data, book = read_scope_data(folder, seed), read_facts(folder, seed)
    found = dev_queries(folder, data, book, seed)
    queries: list[ScopeQuery] = []
    near: list[list[Listed]] = []
    known: list[str] = []
    in_memory: list[int] = []
    for sources, edits in _edits_by_source(data).items():
        asked = [query for query in found if query.source in sources]
        for listed in shortlists([query.text for query in asked], edits, encoder, report):
            near.append([replace(one, place=one.place + len(known)) for one in listed])
        queries += asked
        known += edits
        in_memory += [len(edits)] * len(asked)
    right = _right_edits(book)
    rights = tuple(right(query.edit) for query in queries)
    return DevSet(tuple(queries), tuple(near), tuple(known), rights, tuple(in_memory))


def _right_edits(book: FactBook) -> Callable[[str | None], frozenset[str]]:
    """Return a function from a query's own edit to all edits of the same subject and relation."""
    about = {fact.edit: (fact.family, fact.relation, folded(fact.subject)) for fact in book.facts}
    same: dict[tuple[str, str, str], set[str]] = {}
    for edit, key in about.items():
        same.setdefault(key, set()).add(edit)
    return lambda own: (
        frozenset()
        if own is None
        else frozenset({own, *same.get(about.get(own, ("", "", "")), ())})
    )


def _edits_by_source(data: ScopeData) -> dict[tuple[str, ...], list[str]]:
    """Return the edits of each set; everyday questions are asked with CounterFact's."""
    found: dict[str, dict[str, None]] = {}
    for query in data.queries:
        for edit in (query.edit, query.against):
            if edit is not None and query.source != "counterfact":
                found.setdefault(query.source, {})[edit] = None
    elsewhere = {edit for edits in found.values() for edit in edits}
    counterfact = [edit for edit in data.edits if edit not in elsewhere]
    return {
        ("counterfact", "everyday"): counterfact,
        **{(source,): list(edits) for source, edits in found.items()},
    }


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores of a dev set.

    Attributes:
        scores: (n,) score of each pair: logits or probabilities.
        labels: (n,) whether it is in scope.
        query_of: (n,) place of its query.
        kinds: (q,) source and kind of each query.
    """

    scores: npt.NDArray[np.float64]
    labels: npt.NDArray[np.bool_]
    query_of: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.str_]

    def highest(self) -> npt.NDArray[np.float64]:
        """Return (q,) the highest score of each query; minus infinity where none was judged."""
        found = np.full(len(self.kinds), -np.inf)
        np.maximum.at(found, self.query_of, self.scores)
        return found

    def likeliest(
        self, chosen: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return scores and labels of the likeliest pair of each of the chosen (q,) queries."""
        order = np.lexsort((self.scores, self.query_of))
        last = np.append(self.query_of[order][1:] != self.query_of[order][:-1], True)
        places = order[last]
        places = places[chosen[self.query_of[places]]]
        return self.scores[places], self.labels[places]

    def highest_right(self) -> npt.NDArray[np.float64]:
        """Return (q,) the highest score of an edit in scope, if it is the highest of all."""
        found = np.full(len(self.kinds), -np.inf)
        np.maximum.at(found, self.query_of[self.labels], self.scores[self.labels])
        return np.where(found >= self.highest(), found, -np.inf)


def kind_of(query: ScopeQuery) -> str:
    """Return the source and kind of a dev query, as figures name it."""
    return f"{query.source} {query.kind}"


def judge(dev: DevSet, score: Callable[[Sequence[tuple[str, str]]], Any]) -> Judged:
    """Return the scores of every pair of a dev set."""
    kinds = np.array([kind_of(query) for query in dev.queries])
    return Judged(np.asarray(score(dev.pairs())), dev.labels(), dev.query_of(), kinds)


def figures(
    judged: Judged, thresholds: Sequence[Threshold], in_memory: Sequence[int]
) -> list[dict[str, Any]]:
    """Return, for each threshold and kind of dev query, the shares that fire.

    Args:
        judged: The probabilities.
        thresholds: The thresholds.
        in_memory: (q,) how many edits were in memory when each query was asked.
    """
    highest, right = judged.highest(), judged.highest_right()
    found = []
    for threshold in thresholds:
        needed = np.array([threshold.at(edits) for edits in in_memory])
        for kind in np.unique(judged.kinds):
            of_kind = judged.kinds == kind
            found.append(
                {
                    "stated_false_fire": threshold.false_fire,
                    "kind": str(kind),
                    "n": int(of_kind.sum()),
                    "fires": share((highest >= needed)[of_kind]),
                    "fires_on_own_edit": share((right >= needed)[of_kind]),
                }
            )
    return found


def share(hits: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return a share with its exact 95% interval."""
    low, high = exact_interval(int(hits.sum()), len(hits))
    return {"value": float(hits.mean()), "low": low, "high": high}


def recall_floor(dev: DevSet) -> float:
    """Return the closeness that all but a thousandth of the in-scope dev pairs reach."""
    closeness, labels = dev.closeness(), dev.labels()
    own = np.full(len(dev.queries), np.inf)
    np.minimum.at(own, dev.query_of()[labels], closeness[labels])
    return float(np.quantile(own[np.isfinite(own)], FLOOR_MISSES))


def expected_calibration_error(
    probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_]
) -> float:
    """Return the expected calibration error over equally wide bins (Guo et al., ICML 2017)."""
    error = 0.0
    for part in reliability(probabilities, labels):
        error += part["n"] / len(labels) * abs(part["in_scope"] - part["stated"])
    return float(error)


def reliability(
    probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_]
) -> list[dict[str, float]]:
    """Return the reliability curve: for each bin, stated probability and share in scope."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    return [
        {
            "stated": float(probabilities[bins == b].mean()),
            "in_scope": float(labels[bins == b].mean()),
            "n": int((bins == b).sum()),
        }
        for b in range(BINS)
        if (bins == b).any()
    ]
