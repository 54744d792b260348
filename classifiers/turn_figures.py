"""What a scorer does on written turns and facts of dev, and the threshold that turns are held to.

For the scope classifier, turns that had to be rewritten are judged as their queries are written,
not as a rewriter would; for the turn classifier as they stand after those before them. The edits of
all conversations of dev are in memory. Those of one half of the conversations decide,
the others tell what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from classifiers.dev_figures import share
from classifiers.scope import Probabilities
from classifiers.thresholds import ThresholdChoice, choose_threshold
from classifiers.training_pairs import Pair, shortlists, silent
from classifiers.turn_pairs import JudgedTurn
from classifiers.views import text_views
from memory_store.encoder import Encoder

TURN_RATES = (0.01, 0.02, 0.03, 0.05)
TURN_FALSE_FIRE = 0.03
"""The stated rate whose threshold rewritten turns are held to where no turn classifier is asked."""

Score = Callable[[Sequence[tuple[str, str]]], Probabilities]
Views = Callable[[str], tuple[str, ...]]


def turn_thresholds(
    turns: Sequence[JudgedTurn], score: Score, encoder: Encoder
) -> list[dict[str, Any]]:
    """Return for each stated rate the threshold that keeps to it, and what fires from there on.

    Args:
        turns: The turns of dev.
        score: Gives the probabilities of (query, edit) pairs.
        encoder: Finds the edits that are near a turn.
    """
    deciding, telling = halves_in_memory([turn for turn in turns if turn.rewritten], encoder)
    choices = turn_choices(deciding, judged(deciding, score))
    return turn_rows(telling, judged(telling, score), choices)


def halves_in_memory(
    turns: Sequence[JudgedTurn], encoder: Encoder, views: Views = text_views
) -> tuple[list[JudgedTurn], list[JudgedTurn]]:
    """Return the turns of each half of the conversations, with all edits in memory.

    Args:
        turns: The turns.
        encoder: Finds the edits that are near a turn.
        views: From its query to what they are looked up by.
    """
    found = in_memory(turns, encoder, views)
    first = [turn for turn in found if turn.conversation % 2 == 0]
    return first, [turn for turn in found if turn.conversation % 2]


def judged(turns: Sequence[JudgedTurn], score: Score) -> list[Probabilities]:
    """Return what a scorer says of each turn's edits."""
    scores = score([(pair.query, pair.edit) for turn in turns for pair in turn.pairs()])
    return np.split(scores, np.cumsum([len(turn.edits) for turn in turns])[:-1])


def turn_choices(
    turns: Sequence[JudgedTurn], judged: Sequence[Probabilities]
) -> list[ThresholdChoice]:
    """Return for each stated rate the threshold at which no more of the turns fire on nothing.

    Args:
        turns: The turns.
        judged: The probabilities of each one's edits.
    """
    others = [_highest(own) for own, turn in zip(judged, turns, strict=True) if not any(turn.right)]
    return [choose_threshold(others, rate) for rate in TURN_RATES]


def turn_rows(
    turns: Sequence[JudgedTurn],
    judged: Sequence[Probabilities],
    choices: Sequence[ThresholdChoice],
) -> list[dict[str, Any]]:
    """Return for each threshold what fires from there on.

    Args:
        turns: The turns.
        judged: The probabilities of each one's edits.
        choices: The thresholds.
    """
    return [
        {
            "false_fire": one.false_fire,
            "threshold": one.threshold,
            **turn_figures(turns, judged, one.threshold),
        }
        for one in choices
    ]


def in_memory(
    turns: Sequence[JudgedTurn], encoder: Encoder, views: Views = text_views
) -> list[JudgedTurn]:
    """Return turns with the edits that the router would judge, were all of them in memory."""
    edits = list(dict.fromkeys(edit for turn in turns for edit in turn.edits))
    queries = [turn.query for turn in turns]
    found = []
    listing = shortlists(queries, edits, encoder, silent, views)
    for turn, near in zip(turns, listing, strict=True):
        needed = {edit for edit, right in zip(turn.edits, turn.right, strict=True) if right}
        listed = tuple(edits[one.place] for one in near)
        # One that isn't found can't fire, and is still missed.
        listed += tuple(needed.difference(listed)) if not needed.intersection(listed) else ()
        right = tuple(edit in needed for edit in listed)
        found.append(replace(turn, edits=listed, right=right, near=(True,) * len(listed)))
    return found


def turn_figures(
    turns: Sequence[JudgedTurn], judged: Sequence[Probabilities], threshold: float
) -> dict[str, Any]:
    """Return the share of turns whose edit fires, none higher, and of the others that fire.

    Args:
        turns: The turns.
        judged: The probabilities of each one's edits.
        threshold: From which on an edit fires.
    """
    right, others = [], []
    for turn, own in zip(turns, judged, strict=True):
        fires = _highest(own) >= threshold
        if any(turn.right):
            right.append(bool(fires and turn.right[int(own.argmax())]))
        else:
            others.append(bool(fires))
    return {"right edit fires": _share(right), "another turn fires": _share(others)}


def fact_figures(pairs: Sequence[Pair], judged: Probabilities, threshold: float) -> dict[str, Any]:
    """Return the share of queries that fire on the edit that answers them, and of near ones.

    Args:
        pairs: Pairs of written facts, each by itself.
        judged: Their (n,) probabilities.
        threshold: From which on an edit fires.
    """
    fires: dict[bool, list[bool]] = {True: [], False: []}
    for pair, probability in zip(pairs, judged, strict=True):
        fires[pair.label].append(bool(probability >= threshold))
    return {"answered": _share(fires[True]), "something near": _share(fires[False])}


def _highest(probabilities: Probabilities) -> float:
    return float(max(probabilities, default=0.0))


def _share(fires: Sequence[bool]) -> dict[str, Any]:
    return {"n": len(fires), **share(np.array(fires))}
