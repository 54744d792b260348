"""What judges rewritten turns: a classifier of its own, trained on turns of conversations.

The scope classifier was trained on single questions about the facts of encyclopedias. People ask
otherwise in conversations, and about other things.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from classifiers import CrossEncoderScorer, ScopeScorer

SHIPPED_SCOPE = Path(__file__).parents[1] / "artifacts" / "rewritten-scope"


@dataclass(frozen=True, slots=True)
class RewrittenScope:
    """What judges turns that were made to stand on their own.

    Attributes:
        scorer: Gives the probability that one is in an edit's scope.
        threshold: Probability from which on it is.
    """

    scorer: ScopeScorer
    threshold: float


def load_rewritten_scope(
    folder: Path = SHIPPED_SCOPE, *, false_fire: float | None = None, device: str | None = None
) -> RewrittenScope:
    """Return the classifier of an artifact, with its threshold.

    Args:
        folder: Where the artifact lies.
        false_fire: Share of other turns that may fire: the threshold is that of the highest rate
            measured that is no more; the artifact's default when ``None``.
        device: Where it runs; chosen by itself when ``None``.

    Raises:
        ArtifactError: A file is missing or damaged, or was made for another body.
    """
    scorer = CrossEncoderScorer.load(folder, device)
    if false_fire is None:
        threshold = scorer.threshold_for()
    else:
        threshold = scorer.threshold_within(false_fire)
    return RewrittenScope(scorer, threshold.choices[0].threshold)
