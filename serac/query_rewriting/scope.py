"""What judges rewritten turns: a classifier of its own, trained on turns of conversations.

The scope classifier was trained on single questions about the facts of encyclopedias. People ask
otherwise in conversations, and about other things. The hops of a multi-hop question are judged by
both: each keeps things apart that the other takes for the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from classifiers import CrossEncoderScorer, ScopeScorer
from classifiers.artifact_files import TrainedScorer
from memory_store.errors import ArtifactError, ErrataError

SHIPPED_SCOPE = Path(__file__).parents[1] / "artifacts" / "rewritten-scope"
SHIPPED_HOP_SCOPE = SHIPPED_SCOPE.with_name("hop-scope")
"""The one that hops are judged by: trained without the written facts."""


@dataclass(frozen=True, slots=True)
class RewrittenScope:
    """What judges questions that a model wrote: turns made to stand on their own, and hops.

    Attributes:
        scorer: Gives the probability that one is in an edit's scope.
        threshold: Probability from which on it is.
    """

    scorer: ScopeScorer
    threshold: float

    @property
    def fingerprint(self) -> str:
        """Name of the scorer's weights and calibration, where it was trained."""
        return str(getattr(self.scorer, "fingerprint", type(self.scorer).__name__))

    def held_to(self, false_fire: float | None) -> RewrittenScope:
        """Return it with the threshold of a stated false-fire rate, where that is stricter.

        Where none as strict was measured, it is that of the strictest.

        Args:
            false_fire: The rate; ``None`` for the threshold that there is.
        """
        if false_fire is None or not isinstance(self.scorer, TrainedScorer):
            return self
        stricter = self.scorer.threshold_within(false_fire).at(1)
        return replace(self, threshold=max(self.threshold, stricter))


def load_rewritten_scope(
    folder: Path = SHIPPED_SCOPE, *, device: str | None = None
) -> RewrittenScope:
    """Return the classifier of an artifact, with its default threshold.

    Args:
        folder: Where the artifact lies.
        device: Where it runs; chosen by itself when ``None``.

    Raises:
        ArtifactError: A file is missing or damaged, or was made for another body.
    """
    told = "no classifier of rewritten turns, which errata train rewritten-scope makes"
    return _load(folder, device, told)


def load_hop_scope(device: str | None = None) -> RewrittenScope:
    """Return the shipped second classifier of hops, with its default threshold.

    Args:
        device: Where it runs; chosen by itself when ``None``.

    Raises:
        ArtifactError: A file is missing or damaged.
    """
    told = "no second classifier of hops, which is part of the package; hop_scope=None does without"
    return _load(SHIPPED_HOP_SCOPE, device, told)


def _load(folder: Path, device: str | None, told: str) -> RewrittenScope:
    try:
        scorer = CrossEncoderScorer.load(folder, device)
        return RewrittenScope(scorer, scorer.threshold_for().at(1))
    except ArtifactError as error:
        raise ArtifactError(f"{told}: {error}") from error


def check_rewritten_scope(given: object) -> None:
    """Refuse what is no judge of rewritten turns.

    Raises:
        ErrataError: It is none.
    """
    if given is None:
        return
    if not isinstance(given, RewrittenScope):
        raise ErrataError(f"{given!r} is no RewrittenScope; load_rewritten_scope(FOLDER) gives one")
    if not callable(getattr(given.scorer, "score", None)):
        raise ErrataError(f"{given.scorer!r} is no ScopeScorer: it has no score()")
    if not isinstance(given.threshold, int | float) or math.isnan(given.threshold):
        raise ErrataError(f"the threshold of a RewrittenScope is a number, not {given.threshold!r}")
