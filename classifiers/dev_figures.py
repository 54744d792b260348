"""What a scorer does on dev: calibration, recall floor, thresholds and figures.

Every dev query is asked with all edits of the training files in memory, as the router asks.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.edited_subjects import EditedSubjects
from classifiers.facts import read_facts
from classifiers.pairs import ScopeQuery, folded, part_of, read_scope_data, records, texts_reported_on
from classifiers.shortlist import Listed
from classifiers.thresholds import ThresholdChoice, exact_interval
from classifiers.training_pairs import Report, shortlists
from memory_store.encoder import Encoder

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
    """

    queries: tuple[ScopeQuery, ...]
    near: tuple[list[Listed], ...]
    edits: tuple[str, ...]
    right: tuple[frozenset[str], ...]

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
        """Return a part of it, drawn evenly over the kinds of query."""
        chance = random.Random(seed)  # noqa: S311
        by_kind: dict[str, list[int]] = {}
        for place, query in enumerate(self.queries):
            by_kind.setdefault(f"{query.source} {query.kind}", []).append(place)
        each = most // max(1, len(by_kind))
        drawn = sorted(
            place
            for places in by_kind.values()
            for place in chance.sample(places, min(each, len(places)))
        )
        return DevSet(
            tuple(self.queries[n] for n in drawn),
            tuple(self.near[n] for n in drawn),
            self.edits,
            tuple(self.right[n] for n in drawn),
        )


def read_dev_set(folder: Path, encoder: Encoder, seed: int, report: Report) -> DevSet:
    """Return the dev queries of the training files with their shortlists."""
    data = read_scope_data(folder, seed)
    queries = [query for query in data.queries if query.part == "dev"]
    queries += _more_neighbours(folder, seed, {folded(query.text) for query in queries})
    facts = read_facts(folder, seed).facts
    about = {fact.edit: (fact.family, fact.relation, folded(fact.subject)) for fact in facts}
    same: dict[tuple[str, str, str], set[str]] = {}
    for edit, key in about.items():
        same.setdefault(key, set()).add(edit)
    in_memory = tuple(dict.fromkeys([*data.edits, *(fact.edit for fact in facts)]))
    right = [
        frozenset() if query.edit is None
        else frozenset({query.edit, *same.get(about.get(query.edit, ("", "", "")), ())})
        for query in queries
    ]
    near = shortlists([query.text for query in queries], in_memory, encoder, report)
    return DevSet(tuple(queries), tuple(near), in_memory, tuple(right))


def _more_neighbours(folder: Path, seed: int, known: set[str]) -> list[ScopeQuery]:
    """Return the neighbourhood prompts of all CounterFact edits of the dev part."""
    facts = list(records(folder / "counterfact" / "facts.jsonl"))
    full = list(records(folder / "counterfact" / "train.jsonl"))
    rewrites = [record["requested_rewrite"] for record in full]
    relation_of = {rewrite["prompt"]: rewrite["relation_id"] for rewrite in rewrites}
    edited, reported = EditedSubjects(facts, full), texts_reported_on(folder)
    found = []
    for fact in facts:
        text = fact.get("locality_prompt", "")
        relation = relation_of.get(fact["prompt"].replace(fact["subject"], "{}"))
        usable = fact["split"] != "edit" and part_of(fact["subject"], seed) == "dev"
        if not usable or not relation or not text or folded(text) in known | reported:
            continue
        if not edited.cover(text, relation):
            known.add(folded(text))
            found.append(ScopeQuery(text, None, None, "neighborhood", "counterfact", "dev"))
    return found


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

    def highest_right(self) -> npt.NDArray[np.float64]:
        """Return (q,) the highest score of an edit in scope, if it is the highest of all."""
        found = np.full(len(self.kinds), -np.inf)
        np.maximum.at(found, self.query_of[self.labels], self.scores[self.labels])
        return np.where(found >= self.highest(), found, -np.inf)


def judge(dev: DevSet, score: Callable[[Sequence[tuple[str, str]]], Any]) -> Judged:
    """Return the scores of every pair of a dev set."""
    kinds = np.array([f"{query.source} {query.kind}" for query in dev.queries])
    return Judged(np.asarray(score(dev.pairs())), dev.labels(), dev.query_of(), kinds)


def figures(judged: Judged, choices: Sequence[ThresholdChoice]) -> list[dict[str, Any]]:
    """Return, for each threshold and kind of dev query, the shares that fire."""
    highest, right = judged.highest(), judged.highest_right()
    return [
        {
            "stated_false_fire": choice.false_fire,
            "kind": str(kind),
            "n": int((judged.kinds == kind).sum()),
            "fires": share(highest[judged.kinds == kind] >= choice.threshold),
            "fires_on_own_edit": share(right[judged.kinds == kind] >= choice.threshold),
        }
        for choice in choices
        for kind in np.unique(judged.kinds)
    ]


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
