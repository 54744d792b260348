"""What a scorer does on written turns and facts of dev, and the threshold that turns are held to.

Turns that had to be rewritten are judged as their queries are written, not as a rewriter would,
with the edits of all conversations of dev in memory. Those of one half of the conversations decide,
the others tell what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from classifiers.dev_figures import share
from classifiers.scope import Probabilities
from classifiers.thresholds import choose_threshold
from classifiers.training_pairs import Pair, shortlists, silent
from classifiers.turn_pairs import JudgedTurn
from memory_store.encoder import Encoder

TURN_RATES = (0.01, 0.02, 0.03, 0.05)
TURN_FALSE_FIRE = 0.03
"""The stated rate whose threshold turns are held to in use."""

Score = Callable[[Sequence[tuple[str, str]]], Probabilities]


def turn_thresholds(
    turns: Sequence[JudgedTurn], score: Score, encoder: Encoder
) -> list[dict[str, Any]]:
    """Return for each stated rate the threshold that keeps to it, and what fires from there on.

    Args:
        turns: The turns of dev.
        score: Gives the probabilities of (query, edit) pairs.
        encoder: Finds the edits that are near a turn.
    """
    halved = sorted(turns, key=lambda turn: turn.conversation % 2)
    dev = in_memory([turn for turn in halved if turn.rewritten], encoder)
    scores = score([(pair.query, pair.edit) for turn in dev for pair in turn.pairs()])
    judged = np.split(scores, np.cumsum([len(turn.edits) for turn in dev])[:-1])
    half = sum(turn.conversation % 2 == 0 for turn in dev)
    others = [
        _highest(own)
        for own, turn in zip(judged[:half], dev[:half], strict=True)
        if not any(turn.right)
    ]
    choices = [choose_threshold(others, rate) for rate in TURN_RATES]
    return [
        {
            "false_fire": one.false_fire,
            "threshold": one.threshold,
            **turn_figures(dev[half:], judged[half:], one.threshold),
        }
        for one in choices
    ]


def in_memory(turns: Sequence[JudgedTurn], encoder: Encoder) -> list[JudgedTurn]:
    """Return turns with the edits that the router would judge, were all of them in memory."""
    edits = list(dict.fromkeys(edit for turn in turns for edit in turn.edits))
    queries = [turn.query for turn in turns]
    found = []
    for turn, near in zip(turns, shortlists(queries, edits, encoder, silent), strict=True):
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
