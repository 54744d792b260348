"""Rules of others for whether an edit applies: the nearest edit, if it is near enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.data import Case
from benchmarks.routing import AT_ONCE
from benchmarks.scored import OperatingPoint, Scored
from classifiers.pairs import ScopeData, read_scope_data
from memory_store import EditMemory, Encoder

SERAC = "SERAC's rule"
COSINE = "cosine"
MELLO = "MeLLo's retrieval"

SERAC_COSINE = 1 - math.log(2) / 2
"""Cosine of unit vectors whose distance d has exp(-d²) = 0.5."""


def nearest(
    memory: EditMemory, cases: Sequence[Case], progress: Callable[[int], None]
) -> list[Scored]:
    """Return for each case the edit nearest to the whole query, scored by its cosine."""
    scored = []
    for start in range(0, len(cases), AT_ONCE):
        part = cases[start : start + AT_ONCE]
        found = memory.search_many([case.query for case in part], 1)
        scored += [
            Scored(case, hits[0].edit.id, hits[0].similarity) if hits else Scored(case, None, 0.0)
            for case, hits in zip(part, found, strict=True)
        ]
        progress(len(part))
    return scored


def rules(folder: Path, encoder: Encoder, seed: int) -> tuple[OperatingPoint, ...]:
    """Return the rules over one search for the nearest edit, each with its threshold.

    SERAC's (Mitchell et al., ICML 2022) fires where exp(-d²) is at least a half; its encoder
    was trained for that, ours was not. MeLLo's retrieval (Zhong et al., EMNLP 2023) always
    gives what it finds; there the language model then says whether it contradicts its answer.
    The threshold on the cosine is the best one on dev.

    Args:
        folder: The data folder.
        encoder: What the memory is searched with.
        seed: The seed that the scope classifier was trained with; decides what is dev.
    """
    chosen = cosine_threshold(read_scope_data(folder, seed), encoder)
    return (
        OperatingPoint(SERAC, SERAC_COSINE),
        OperatingPoint(COSINE, chosen),
        OperatingPoint(MELLO, -1.0),
    )


def cosine_threshold(data: ScopeData, encoder: Encoder) -> float:
    """Return the threshold on the nearest edit's cosine with the best balanced accuracy on dev.

    The dev queries are CounterFact's; all edits of the training files are in memory.
    """
    dev = [one for one in data.queries if (one.part, one.source) == ("dev", "counterfact")]
    asked, edits = encoder.encode([one.text for one in dev]), encoder.encode(data.edits)
    nearness = [float((edits @ query).max()) for query in asked]
    return best_balanced(np.array(nearness), np.array([one.edit is not None for one in dev]))


def best_balanced(scores: npt.NDArray[np.float64], in_scope: npt.NDArray[np.bool_]) -> float:
    """Return the threshold that fires on the most of (n,) cases in scope and the least others."""
    thresholds = np.unique(scores)
    inside, outside = np.sort(scores[in_scope]), np.sort(scores[~in_scope])
    fired = 1 - np.searchsorted(inside, thresholds) / max(1, len(inside))
    silent = np.searchsorted(outside, thresholds) / max(1, len(outside))
    return float(thresholds[np.argmax(fired + silent)])
