"""The turn classifier in use: a later turn is judged with what was said before it too.

The query rewriter guesses what a turn asks, and errs about what it refers to; a classifier that
reads the turns themselves errs about other things. So both are believed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from classifiers import ARTIFACTS, CrossEncoderScorer, ScopeScorer
from classifiers.conversation_view import conversation_view
from memory_store.errors import ArtifactError, ErrataError
from serac.conversation import Turn
from serac.second_scope import check_scorer, check_threshold, fingerprint_of

SHIPPED = ARTIFACTS / "turn-scope"

THRESHOLD = 0.8
"""Probability by both from which on an edit is in scope of a later turn. Chosen on the dev
conversations of ``benchmarks/own_cases``, for the shipped classifiers and rewriter: of the first 86
4% of the turns that no edit answers reach it."""

PRIOR = 0.04
"""Share of the pairs of those turns and the edits near them that are in scope. Either classifier
has reckoned with it already, and it must not count twice."""

LEAST = 0.001
"""Probability by the scope classifier below which the turn classifier isn't asked: it never is as
sure as would make up for it."""

_SUREST = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class TurnScope:
    """What judges later turns with those before them.

    Attributes:
        scorer: Gives the probability that the last turn of a conversation, as
            :func:`classifiers.conversation_view.conversation_view` has it, is in an edit's scope.
        threshold: Probability from which on it is, both classifiers taken together.

    Raises:
        ErrataError: It is no scorer, or the threshold no number.
    """

    scorer: ScopeScorer
    threshold: float = THRESHOLD

    def __post_init__(self) -> None:
        check_scorer(self.scorer)
        check_threshold(self.threshold)

    @property
    def fingerprint(self) -> str:
        """Name of the scorer's weights and calibration, where it was trained."""
        return fingerprint_of(self.scorer)

    def together(self, in_conversation: float, as_read: float) -> float:
        """Return the probability by both classifiers, as if they erred independently of each other.

        Args:
            in_conversation: The turn classifier's own.
            as_read: The scope classifier's of the turn as it was read.
        """
        odds = _log_odds(in_conversation) + _log_odds(as_read) - _log_odds(PRIOR)
        return 1 / (1 + math.exp(-odds))


def view_of(turns: Sequence[Turn]) -> str:
    """Return a conversation as the turn classifier reads it."""
    before = [(turn.role, turn.content) for turn in turns[:-1] if turn.role != "system"]
    return conversation_view(before, turns[-1].content)


def load_turn_scope(device: str | None = None) -> TurnScope:
    """Return the shipped turn classifier.

    Args:
        device: Where it runs; chosen by itself when ``None``.

    Raises:
        ArtifactError: A file is missing or damaged.
    """
    try:
        return TurnScope(CrossEncoderScorer.load(SHIPPED, device))
    except ArtifactError as error:
        told = "no turn classifier, which is part of the package; turn_scope=None does without"
        raise ArtifactError(f"{told}: {error}") from error


def check_turn_scope(given: object) -> None:
    """Refuse what is no judge of turns.

    Raises:
        ErrataError: It is none.
    """
    if given is not None and not isinstance(given, TurnScope):
        raise ErrataError(f"{given!r} is no TurnScope; TurnScope(SCORER, THRESHOLD) is one")


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1 - _SUREST), _SUREST)
    return math.log(bounded / (1 - bounded))
