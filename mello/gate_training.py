"""Training of the gate on questions of several hops and of one, its threshold chosen on dev."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np

from classifiers import names
from classifiers.thresholds import exact_interval
from mello.gate import GATE_FILE, MultiHopGate, hashed
from mello.plan_examples import questions_by_hops

PASSING = 0.98
"""Share of dev's multi-hop questions that pass at least, over each source."""

SURE = 0.005
"""Share of dev's questions of one hop that may be taken for sure ones at most."""

AT_MOST = 3_000
"""Questions of each source."""

CARELESS = 0.3
"""Share of the questions that are trained on a second time, without capitals and end mark."""

STRENGTH = 10.0
"""Inverse strength of the regression's penalty; chosen on dev among 10 and 50."""


def train_gate(folder: Path, out: Path, seed: int = 0) -> dict[str, Any]:
    """Train a gate and write it; return what a config shall say of it.

    Args:
        folder: The data folder.
        out: Where :data:`mello.gate.GATE_FILE` goes.
        seed: Decides the parts and every random choice.

    Raises:
        ErrataError: A file of the data is missing or malformed.
    """
    from safetensors.numpy import save
    from sklearn.linear_model import LogisticRegression

    several, single = questions_by_hops(folder, "fit", seed)
    chance = random.Random(seed)  # noqa: S311
    several, single = (_at_most(found, chance) for found in (several, single))
    texts = [_roughened(found, chance) for found in (single, several)]
    labels = np.repeat([0, 1], [len(found) for found in texts])
    fitted = LogisticRegression(C=STRENGTH, max_iter=3000, class_weight="balanced").fit(
        hashed([*texts[0], *texts[1]]), labels
    )
    weights = fitted.coef_[0].astype(np.float16)
    gate = MultiHopGate(weights.astype(np.float32), float(fitted.intercept_[0]), 0.0)
    dev_several, dev_single = questions_by_hops(folder, "dev", seed)
    reached = {name: gate.probabilities(found) for name, found in dev_several.items()}
    threshold = min(float(np.quantile(found, 1 - PASSING)) for found in reached.values())
    alone = np.concatenate([gate.probabilities(found) for found in dev_single.values()])
    sure = max(threshold, float(np.quantile(alone, 1 - SURE)))
    reached |= {name: gate.probabilities(found) for name, found in dev_single.items()}
    content = save({"weights": weights})
    (out / GATE_FILE).write_bytes(content)
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bias": gate.bias,
        "threshold": threshold,
        "sure": sure,
        "dev": [
            _row(name, name in dev_several, found, threshold, sure)
            for name, found in reached.items()
        ],
    }


def _at_most(found: dict[str, list[str]], chance: random.Random) -> dict[str, list[str]]:
    return {name: chance.sample(t, min(AT_MOST, len(t))) for name, t in found.items()}


def _roughened(found: dict[str, list[str]], chance: random.Random) -> list[str]:
    """Return all questions, and some of them once more as they are typed in haste."""
    texts = [text for of_source in found.values() for text in of_source]
    return texts + [names.careless(text) for text in texts if chance.random() < CARELESS]


def _row(source: str, several: bool, found: Any, threshold: float, sure: float) -> dict[str, Any]:
    hits, n = int((found >= threshold).sum()), len(found)
    low, high = exact_interval(hits, n)
    return {
        "source": source,
        "hops": "several" if several else "one",
        "passes": hits / n,
        "low": low,
        "high": high,
        "sure": float((found >= sure).mean()),
        "n": n,
    }
