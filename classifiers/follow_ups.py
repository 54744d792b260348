"""Does an edit apply to a turn that is only understood with the turns before it?

The follow-up classifier is a scope cross-encoder that reads a conversation as one text, its last
turn marked, beside an edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

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

WEIGHT, THRESHOLD = 0.25, 0.52
"""Chosen on the dev conversations, for the shipped artifact: of 131 turns of another matter three
fire, as many as before."""

SURE = 1e-4
"""Neither classifier is taken to be surer than this."""

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
    """A follow-up classifier beside the scope classifier.

    What the scope classifier says of the turn with a guessed name in it, and what this one says of
    the conversation, are mixed: each knows what the other doesn't.

    Attributes:
        scorer: Gives the probability that a conversation's last turn is in an edit's scope.
        threshold: Probability of both together from which on it is.
        weight: How much the conversation counts, from 0 to 1.
    """

    scorer: ScopeScorer
    threshold: float = THRESHOLD
    weight: float = WEIGHT

    def mixed(self, alone: Sequence[float], pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """Return (n,) probabilities of both together: the mean of their log-odds, by weight.

        Args:
            alone: (n,) what the scope classifier says.
            pairs: (conversation as one text, edit) of each.
        """
        unique = list(dict.fromkeys(pairs))  # an edit is found by several guessed names
        said = dict(zip(unique, np.asarray(self.scorer.score(unique)).tolist(), strict=True))
        together = np.array([said[pair] for pair in pairs], dtype=np.float64)
        odds = (1 - self.weight) * _log_odds(np.asarray(alone)) + self.weight * _log_odds(together)
        return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


def load_follow_ups(folder: Path | None = None, device: str | None = None) -> FollowUps:
    """Return the follow-up classifier of a folder, or the shipped one.

    Args:
        folder: Where the artifact lies.
        device: Where it runs; by default the best device there is.

    Raises:
        ArtifactError: It is missing or damaged.
    """
    return FollowUps(CrossEncoderScorer.load(folder or SHIPPED, device))


def _log_odds(probabilities: Probabilities) -> Probabilities:
    kept = np.clip(probabilities, SURE, 1 - SURE)
    return np.asarray(np.log(kept / (1 - kept)), dtype=np.float64)
