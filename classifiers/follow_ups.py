"""Does an edit apply to a turn that is only understood with the turns before it?

The follow-up classifier is a scope cross-encoder that reads a conversation as one text, its last
turn marked, beside an edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from classifiers.cross_encoder import CrossEncoderScorer
from classifiers.scope import Probabilities, ScopeScorer

SHIPPED = Path(__file__).parent / "artifacts" / "follow-ups"
"""The artifact that is used unless another is named."""

EARLIER = 8
"""Turns before the last one that are shown."""

EARLIER_CHARACTERS = 160
"""Characters of each that are shown: its beginning, where names are."""

LAST_CHARACTERS = 400
"""Characters of the last turn that are shown: its end, where the question is."""

BETWEEN = " | "
NOW = " >> "


def dialogue_text(before: Sequence[str], last: str) -> str:
    """Return a conversation as one text.

    Args:
        before: The turns before the last one, the oldest first, whoever spoke.
        last: The user's last turn.
    """
    shown = [" ".join(turn.split())[:EARLIER_CHARACTERS] for turn in before[-EARLIER:]]
    return BETWEEN.join(filter(None, shown)) + NOW + " ".join(last.split())[-LAST_CHARACTERS:]


@dataclass(frozen=True, slots=True)
class FollowUps:
    """A follow-up classifier with its threshold.

    Attributes:
        scorer: Gives the probability that a conversation's last turn is in an edit's scope.
        threshold: Probability from which on it is.
    """

    scorer: ScopeScorer
    threshold: float

    def score(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """Return (n,) probabilities for (conversation as one text, edit) pairs."""
        return self.scorer.score(pairs)


def load_follow_ups(
    folder: Path | None = None, false_fire: float | None = None, device: str | None = None
) -> FollowUps:
    """Return the follow-up classifier of a folder, or the shipped one.

    Args:
        folder: Where the artifact lies.
        false_fire: The stated rate whose threshold is used; by default the artifact's own.
        device: Where it runs; by default the best device there is.

    Raises:
        ArtifactError: It is missing or damaged, or nothing was measured for the rate.
    """
    scorer = CrossEncoderScorer.load(folder or SHIPPED, device)
    return FollowUps(scorer, scorer.threshold_for(false_fire).at(0))
