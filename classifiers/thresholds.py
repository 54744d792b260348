"""Thresholds for a stated false-fire rate, by the number of edits in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

STATED_RATES = (0.001, 0.002, 0.005, 0.01, 0.05)


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """A threshold, and what it was seen to do on the out-of-scope queries it was chosen on.

    Attributes:
        false_fire: The stated rate.
        threshold: Probability from which on an edit is in scope.
        observed: Share of the queries that fired, or, in a memory smaller than the one that they
            were judged with, the share that is expected to.
        low: Lower end of the exact (Clopper-Pearson) 95% interval of that share.
        high: Upper end of it.
        queries: How many queries there were.
        edits: How many edits were in memory; ``None`` where it is for any number.
    """

    false_fire: float
    threshold: float
    observed: float
    low: float
    high: float
    queries: int
    edits: int | None = None

    def __post_init__(self) -> None:
        numbers = (self.false_fire, self.threshold, self.observed, self.low, self.high)
        if not all(map(is_number, numbers)) or not 0 < self.false_fire < 1 or self.threshold < 0:
            raise ValueError("a threshold needs numbers, and a rate between 0 and 1")
        if not _counts(self.queries) or not (self.edits is None or _counts(self.edits)):
            raise ValueError("queries and edits are counted from 1 on")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold that may depend on the number of edits in memory.

    Among more edits more of them look alike, so that one threshold for all memories would be
    too low for a large one or too high for a small one.

    Attributes:
        choices: One or more for the same stated rate, by ascending number of edits.

    Raises:
        ValueError: There is no choice, or they are of several rates, or not in order.
    """

    choices: tuple[ThresholdChoice, ...]

    def __post_init__(self) -> None:
        sizes = [choice.edits or 0 for choice in self.choices]
        if len({choice.false_fire for choice in self.choices}) != 1:
            raise ValueError("a threshold is for one stated rate")
        if len(sizes) > 1 and (0 in sizes or sizes != sorted(set(sizes))):
            raise ValueError("the numbers of edits of a threshold must rise")

    @property
    def false_fire(self) -> float:
        """The stated rate."""
        return self.choices[0].false_fire

    def choice_at(self, edits: int) -> ThresholdChoice:
        """Return the choice for the smallest measured memory that holds as many edits.

        It rises no further than that of the largest one that was measured.
        """
        for choice in self.choices:
            if choice.edits is None or choice.edits >= edits:
                return choice
        return self.choices[-1]

    def at(self, edits: int) -> float:
        """Return the probability from which on an edit is in scope."""
        return self.choice_at(edits).threshold


def is_number(value: object) -> bool:
    """Say whether a value is a finite number, and no truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _counts(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def by_rate(choices: Iterable[ThresholdChoice]) -> tuple[Threshold, ...]:
    """Return the thresholds of each stated rate, the strictest first."""
    ordered = sorted(choices, key=lambda one: (one.false_fire, one.edits or 0))
    return tuple(
        Threshold(tuple(same)) for _, same in groupby(ordered, key=lambda one: one.false_fire)
    )


def choose_threshold(
    scores: Sequence[float] | npt.NDArray[np.float64], false_fire: float
) -> ThresholdChoice:
    """Return the lowest threshold at which at most ``false_fire`` of the queries fire.

    Args:
        scores: (n,) highest probability that each out-of-scope query reached.
        false_fire: Share that may fire, in (0, 1).

    Raises:
        ValueError: There are no scores, or the rate is not in (0, 1).
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))[::-1]
    if ordered.size == 0 or not 0 < false_fire < 1:
        raise ValueError("a threshold needs scores and a rate between 0 and 1")
    allowed = int(false_fire * ordered.size)
    threshold = float(np.nextafter(ordered[allowed], 2.0)) if allowed < ordered.size else 0.0
    fired = int((ordered >= threshold).sum())
    low, high = exact_interval(fired, ordered.size)
    return ThresholdChoice(
        false_fire, threshold, fired / ordered.size, low, high, int(ordered.size)
    )


def best_balanced(scores: npt.NDArray[np.float64], in_scope: npt.NDArray[np.bool_]) -> float:
    """Return the threshold with the best balanced accuracy on (n,) scores.

    Args:
        scores: The scores.
        in_scope: (n,) whether each is of a query in scope.
    """
    thresholds = np.unique(scores)
    inside, outside = np.sort(scores[in_scope]), np.sort(scores[~in_scope])
    fired = 1 - np.searchsorted(inside, thresholds) / max(1, len(inside))
    silent = np.searchsorted(outside, thresholds) / max(1, len(outside))
    return float(thresholds[np.argmax(fired + silent)])


def exact_interval(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a share of ``hits`` in ``n``."""
    from scipy.stats import beta  # a second to import, and only needed where thresholds are chosen

    tail = (1 - level) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high
