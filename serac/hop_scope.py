"""What judges the hops of a multi-hop question: two classifiers of their own that have to agree.

Each keeps things apart that the other takes for the same. The first was trained on the facts of
encyclopedias, the second goes on from it on turns of conversations; neither saw written facts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from classifiers import CrossEncoderScorer, ScopeScorer, Threshold, TrainedScorer
from memory_store.errors import ArtifactError, ErrataError
from serac.second_scope import SecondScope, check_scorer, check_threshold

FIRST_OF_HOPS = Path(__file__).parent / "artifacts" / "hop-scope"
SECOND_OF_HOPS = FIRST_OF_HOPS.with_name("hop-second")

HOPS_SHARE_RATE = 2
"""A question of two hops has twice the chances to fire wrongly: each hop is held to the stated
false-fire rate over this, or the next stricter one measured; chosen on MQuAKE's dev cases."""

STRICTEST_SHARE = 0.005
"""No share of a rate is stricter than this, unless the rate itself is: at 0.2% half of MQuAKE's dev
cases that 0.5% answers were lost."""


@dataclass(frozen=True, slots=True)
class HopScope:
    """What judges hops.

    Attributes:
        scorer: Gives the probability that a hop is in an edit's scope.
        threshold: Probability from which on it is; it may depend on the number of edits.
        second: Has to agree, where there is one, unless the scorer finds the whole question in the
            edit's scope too.
        recall_floor: Closeness below which an edit is not judged.

    Raises:
        ErrataError: It is no scorer, or the threshold is none.
    """

    scorer: ScopeScorer
    threshold: float | Threshold
    second: SecondScope | None = None
    recall_floor: float = -math.inf

    def __post_init__(self) -> None:
        check_scorer(self.scorer)
        if not isinstance(self.threshold, Threshold):
            check_threshold(self.threshold)

    @classmethod
    def of(
        cls,
        scorer: TrainedScorer,
        per_hop: float | None = None,
        second: SecondScope | None = None,
    ) -> HopScope:
        """Return a trained classifier as it judges hops.

        Args:
            scorer: The classifier.
            per_hop: The false-fire rate that a hop is held to, or the next stricter one measured;
                a share of the classifier's default when ``None``.
            second: Has to agree.
        """
        rate = rate_of_hops(scorer.default_false_fire) if per_hop is None else per_hop
        return cls(scorer, scorer.threshold_within(rate), second, scorer.recall_floor)


def load_hop_scope(per_hop: float | None = None, device: str | None = None) -> HopScope:
    """Return the two shipped classifiers of hops.

    Args:
        per_hop: The false-fire rate that a hop is held to by each, or the next stricter one
            measured; a share of each one's own default when ``None``.
        device: Where they run; chosen by itself when ``None``.

    Raises:
        ArtifactError: A file is missing or damaged.
    """
    try:
        first = CrossEncoderScorer.load(FIRST_OF_HOPS, device)
        last = CrossEncoderScorer.load(SECOND_OF_HOPS, device)
    except ArtifactError as error:
        told = "no classifiers of hops, which are part of the package; hop_scope=None does without"
        raise ArtifactError(f"{told}: {error}") from error
    rate = rate_of_hops(last.default_false_fire) if per_hop is None else per_hop
    second = SecondScope(last, last.threshold_for().at(1)).held_to(rate)
    return HopScope.of(first, per_hop, second)


def rate_of_hops(false_fire: float) -> float:
    """Return the false-fire rate that a hop is held to.

    Args:
        false_fire: The rate that is stated for a query.
    """
    return max(false_fire / HOPS_SHARE_RATE, min(false_fire, STRICTEST_SHARE))


def check_hop_scope(given: object) -> None:
    """Refuse what is no judge of hops.

    Raises:
        ErrataError: It is none.
    """
    if given is not None and not isinstance(given, HopScope):
        raise ErrataError(f"{given!r} is no HopScope; HopScope.of(SCORER) gives one")
