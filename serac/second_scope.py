"""A second classifier, which has to agree with the first where an edit is in scope."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from classifiers import ScopeScorer, TrainedScorer
from memory_store.errors import ErrataError


@dataclass(frozen=True, slots=True)
class SecondScope:
    """What is asked too about an edit that the first classifier puts in scope.

    Attributes:
        scorer: Gives the probability that a query is in the edit's scope.
        threshold: Probability from which on it agrees.

    Raises:
        ErrataError: It is no scorer, or the threshold no number.
    """

    scorer: ScopeScorer
    threshold: float

    def __post_init__(self) -> None:
        check_scorer(self.scorer)
        check_threshold(self.threshold)

    @property
    def fingerprint(self) -> str:
        """Name of the scorer's weights and calibration, where it was trained."""
        return fingerprint_of(self.scorer)

    def held_to(self, false_fire: float) -> SecondScope:
        """Return it with the threshold of a stated false-fire rate, where that is stricter.

        Where none as strict was measured, it is that of the strictest.

        Args:
            false_fire: The rate.
        """
        if not isinstance(self.scorer, TrainedScorer):
            return self
        stricter = self.scorer.threshold_within(false_fire).at(1)
        return replace(self, threshold=max(self.threshold, stricter))


def fingerprint_of(scorer: ScopeScorer) -> str:
    """Return the name of a scorer's weights and calibration; of its class where it has none."""
    return str(getattr(scorer, "fingerprint", type(scorer).__name__))


def check_scorer(given: object) -> None:
    """Refuse what can't judge.

    Raises:
        ErrataError: It can't.
    """
    if not callable(getattr(given, "score", None)):
        raise ErrataError(f"{given!r} is no ScopeScorer: it has no score()")


def check_threshold(given: object) -> None:
    """Refuse what can't be a threshold.

    Raises:
        ErrataError: It is no number.
    """
    if isinstance(given, bool) or not isinstance(given, int | float) or math.isnan(given):
        raise ErrataError(f"a threshold is a number, not {given!r}")
