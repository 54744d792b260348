"""Whether a question may have several hops: a quick decision, before anything is taken apart.

A logistic regression over the pattern of a question's words, names left out. It is set to let
nearly every multi-hop question through; those of one hop that pass are seen to be such by the
decomposer, at the cost of its time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.artifact_files import read_hashed
from classifiers.thresholds import is_number
from memory_store.errors import ArtifactError

GATE_FILE = "gate.safetensors"
FEATURES = 2**15
LONGEST = 60
"""Words that are looked at, the last ones."""

_NAME = "[name]"
_TOKEN = re.compile(r"\"[^\"]*\"|“[^“”]*”|[\w'’.-]+|[?,]")  # noqa: RUF001


class MultiHopGate:
    """Tells which questions may have several hops.

    Args:
        weights: (:data:`FEATURES`,) weights of the hashed patterns.
        bias: What is added to their sum.
        threshold: Probability from which on a question may have several hops.
        sure: Probability from which on it has: hardly any question of one hop reaches it.
    """

    def __init__(
        self,
        weights: npt.NDArray[np.float32],
        bias: float,
        threshold: float,
        sure: float = math.inf,
    ) -> None:
        self.weights = weights
        self.bias = bias
        self.threshold = threshold
        self.sure = sure

    def probabilities(self, questions: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return (n,) probabilities that each question has several hops."""
        logits = hashed(questions) @ self.weights + self.bias
        return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float64)

    def passes(self, question: str) -> bool:
        """Say whether a question may have several hops."""
        return bool(self.probabilities([question])[0] >= self.threshold)

    def is_sure(self, question: str) -> bool:
        """Say whether a question has several hops, whatever a decomposer says."""
        return bool(self.probabilities([question])[0] >= self.sure)

    @classmethod
    def load(cls, folder: Path, facts: dict[str, Any]) -> MultiHopGate:
        """Read a gate.

        Args:
            folder: Where :data:`GATE_FILE` lies.
            facts: What the artifact's config says of it: ``sha256``, ``bias``, ``threshold``
                and ``sure``.

        Raises:
            ArtifactError: It is missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        damaged = ArtifactError(f"the gate in {folder} is damaged; train the decomposer again")
        try:
            sha256 = facts["sha256"]
            numbers = [facts[name] for name in ("bias", "threshold", "sure")]
        except (KeyError, TypeError):
            raise damaged from None
        if not (isinstance(sha256, str) and all(map(is_number, numbers))):
            raise damaged
        try:
            weights = load(read_hashed(folder / GATE_FILE, sha256))["weights"].astype(np.float32)
        except (SafetensorError, KeyError) as error:
            raise damaged from error
        if weights.shape != (FEATURES,) or not np.isfinite(weights).all():
            raise damaged
        return cls(weights, *map(float, numbers))


def hashed(questions: Iterable[str]) -> Any:
    """Return (n, :data:`FEATURES`) sparse rows: one to three words after one another, and length.

    Rows have unit length.
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(n_features=FEATURES, analyzer=patterns, dtype=np.float32)
    return vectorizer.transform(list(questions))


def patterns(question: str) -> list[str]:
    """Return the patterns of a question: its words, names as one sign, in ones, twos and threes."""
    words = ["<", *_words(question)[-LONGEST:], ">"]
    twos = [" ".join(two) for two in pairwise(words)]
    threes = [" ".join(three) for three in zip(words, words[1:], words[2:], strict=False)]
    return [*words, *twos, *threes, f"[length] {len(words) // 2}"]


def _words(question: str) -> list[str]:
    words: list[str] = []
    for place, found in enumerate(_TOKEN.finditer(question)):
        word = found.group()
        if word[0] in '"“' or word[0].isdigit() or (place and word[0].isupper()):
            if words[-1:] != [_NAME]:
                words.append(_NAME)
            continue
        lower = word.replace("’", "'").casefold()  # noqa: RUF001
        owner = lower.removesuffix("'s")
        words += [owner, "'s"] if owner != lower else [lower]
    return words
