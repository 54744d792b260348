"""Training of the similarity scorer: fit, calibrate on other data, choose thresholds on dev."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.artifact_files import as_records
from classifiers.dev_figures import share
from classifiers.features import pair_features
from classifiers.pairs import ScopeData, ScopeQuery, read_scope_data
from classifiers.similarity import SimilarityScorer
from classifiers.thresholds import (
    STATED_RATES,
    ThresholdChoice,
    choose_threshold,
)
from classifiers.views import text_views
from memory_store.encoder import Encoder

NEAREST = 8
"""Edits judged for each view."""

DEFAULT_FALSE_FIRE = 0.05
"""Lower rates cost most paraphrases, and everyday questions fire far less in any case."""

HARD_KIND = "neighborhood"
"""The kind of query that a stated false-fire rate is about: the hardest one."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JudgedPairs:
    """All pairs of one part of the data.

    Attributes:
        features: (n, f) similarity features.
        labels: (n,) whether the query is in the edit's scope.
        query_of: (n,) place of each pair's query in ``queries``.
        queries: The queries.
    """

    features: npt.NDArray[np.float64]
    labels: npt.NDArray[np.bool_]
    query_of: npt.NDArray[np.int64]
    queries: tuple[ScopeQuery, ...]


def train_similarity(
    data_folder: Path,
    encoder: Encoder,
    *,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> SimilarityScorer:
    """Train a scorer from a folder of benchmark data.

    Args:
        data_folder: See :func:`classifiers.pairs.read_scope_data`.
        encoder: Embeds queries and edits.
        seed: Decides the split of the data and the classifier's own chance.
        progress: Told the name of a stage, how much is done, and how much there is.

    Returns:
        The scorer, with its seed, counts and figures on dev as ``facts``.
    """
    report = progress or (lambda stage, done, total: None)
    data = read_scope_data(data_folder, seed)
    edit_vectors = _encode_all(encoder, data.edits, lambda n: report("edits", n, len(data.edits)))
    parts = {
        part: _judge(data, part, encoder, edit_vectors, report)
        for part in ("fit", "calibrate", "dev")
    }
    classifier = _fit_and_calibrate(parts["fit"], parts["calibrate"], seed)
    scores = _highest_scores(classifier, parts["dev"])
    hard = [s for s, q in zip(scores, parts["dev"].queries, strict=True) if q.kind == HARD_KIND]
    choices = [choose_threshold(hard, rate) for rate in STATED_RATES]
    config = {
        "thresholds": as_records(choices),
        "default_false_fire": DEFAULT_FALSE_FIRE,
        "seed": seed,
        "edits_in_memory": len(data.edits),
        "queries_left_out": data.left_out,
        "pairs": {part: len(judged.labels) for part, judged in parts.items()},
        "dev": _dev_figures(classifier, parts["dev"], scores, choices),
    }
    return SimilarityScorer(encoder, classifier, config)


def _encode_all(
    encoder: Encoder, texts: Sequence[str], done: Callable[[int], None], batch: int = 512
) -> npt.NDArray[np.float32]:
    rows = []
    for start in range(0, len(texts), batch):
        rows.append(encoder.encode(texts[start : start + batch]))
        done(min(start + batch, len(texts)))
    return np.concatenate(rows) if rows else np.empty((0, encoder.dimension), np.float32)


def _judge(
    data: ScopeData,
    part: str,
    encoder: Encoder,
    edit_vectors: npt.NDArray[np.float32],
    report: Callable[[str, int, int], None],
) -> JudgedPairs:
    """Pair each view of each query with its nearest edits, as it will be in use."""
    queries = tuple(query for query in data.queries if query.part == part)
    place_of = {edit: place for place, edit in enumerate(data.edits)}
    viewed = [(at, view) for at, query in enumerate(queries) for view in text_views(query.text)]
    vectors = _encode_all(
        encoder, [view for _, view in viewed], lambda n: report(f"{part} queries", n, len(viewed))
    )
    features, labels, query_of = [], [], []
    for (at, view), vector, near in zip(
        viewed, vectors, _nearest(vectors, edit_vectors), strict=True
    ):
        query = queries[at]
        places = _with(near, query, place_of)
        texts = [data.edits[place] for place in places]
        features.append(pair_features(view, texts, vector, edit_vectors[places]))
        labels += [_in_scope(query, view, text) for text in texts]
        query_of += [at] * len(texts)
    return JudgedPairs(np.concatenate(features), np.array(labels), np.array(query_of), queries)


def _nearest(
    vectors: npt.NDArray[np.float32], edit_vectors: npt.NDArray[np.float32], batch: int = 256
) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, len(vectors), batch):
        similarities = vectors[start : start + batch] @ edit_vectors.T
        yield from np.argpartition(-similarities, NEAREST, axis=1)[:, :NEAREST]


def _with(near: Iterable[np.int64], query: ScopeQuery, place_of: dict[str, int]) -> list[int]:
    """Add the edit a query was written for or against, which may not be among the nearest.

    Only for fitting and calibration: on dev the memory finds what it finds.
    """
    places = [int(place) for place in near]
    own = query.edit or query.against
    if query.part != "dev" and own is not None and place_of[own] not in places:
        places.append(place_of[own])
    return places


def _in_scope(query: ScopeQuery, view: str, edit: str) -> bool:
    """A query is in the scope of its own edit, seen whole or by its last sentence."""
    return query.edit == edit and query.text.rstrip().endswith(view)


def _fit_and_calibrate(fit: JudgedPairs, calibrate: JudgedPairs, seed: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.frozen import FrozenEstimator

    fitted = HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=150, max_leaf_nodes=15, random_state=seed
    ).fit(fit.features, fit.labels)
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted), method="sigmoid")
    return calibrated.fit(calibrate.features, calibrate.labels)


def _highest_scores(classifier: Any, judged: JudgedPairs) -> npt.NDArray[np.float64]:
    """Return, for each query, the highest probability over its views and nearest edits."""
    highest = np.zeros(len(judged.queries))
    np.maximum.at(highest, judged.query_of, classifier.predict_proba(judged.features)[:, 1])
    return highest


def _dev_figures(
    classifier: Any,
    dev: JudgedPairs,
    scores: npt.NDArray[np.float64],
    choices: Sequence[ThresholdChoice],
) -> list[dict[str, Any]]:
    """Return, for each threshold and kind of dev query, the shares that fire."""
    right = np.zeros(len(dev.queries))
    probabilities = classifier.predict_proba(dev.features)[:, 1]
    np.maximum.at(right, dev.query_of[dev.labels], probabilities[dev.labels])
    kinds = np.array([f"{query.source} {query.kind}" for query in dev.queries])
    rows = []
    for choice in choices:
        for kind in np.unique(kinds):
            of_kind = kinds == kind
            rows.append(
                {
                    "stated_false_fire": choice.false_fire,
                    "kind": str(kind),
                    "n": int(of_kind.sum()),
                    "fires": share(scores[of_kind] >= choice.threshold),
                    "fires_on_own_edit": share(right[of_kind] >= choice.threshold),
                }
            )
    return rows
