"""Wrappers that never do the same work twice: many memories are asked the same cases in a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from classifiers import Probabilities, ScopeScorer
from memory_store import Encoder
from memory_store.encoder import Vectors


class RememberingEncoder:
    """Fits ``Encoder``; keeps every vector that another encoder made."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._vectors: dict[str, Vectors] = {}

    @property
    def fingerprint(self) -> str:
        """Name of the model and its weights."""
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return an (n, d) float32 array with rows of length one; (0, d) for no texts."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            fresh = self._encoder.encode(new)
            # Copies, since a row would keep the whole array alive.
            self._vectors.update((text, row.copy()) for text, row in zip(new, fresh, strict=True))
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([self._vectors[text] for text in texts])


class RememberingScorer:
    """Fits ``ScopeScorer``; keeps the probability of every pair that another scorer judged."""

    def __init__(self, scorer: ScopeScorer) -> None:
        self._scorer = scorer
        self._known: dict[tuple[str, str], float] = {}

    def score(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """Return (n,) probabilities that each query is in the scope of the edit beside it."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        if new:
            self._known.update(zip(new, map(float, self._scorer.score(new)), strict=True))
        return np.array([self._known[pair] for pair in pairs], dtype=np.float64)
