"""Rules of others for whether an edit applies: the nearest edit, if it is near enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.data import Case
from benchmarks.routing import AT_ONCE
from benchmarks.scored import OperatingPoint, Scored
from classifiers.pairs import ScopeData, read_scope_data
from classifiers.thresholds import best_balanced
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
