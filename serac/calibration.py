"""A threshold chosen on the user's own queries, and kept with the memory that it was chosen for."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from classifiers import ScopeScorer, Threshold, ThresholdChoice, TrainedScorer, choose_threshold
from classifiers.thresholds import by_rate, exact_interval
from memory_store import EditMemory
from memory_store.errors import ErrataError

if TYPE_CHECKING:
    from serac.overlay import FactOverlay

AT_ONCE = 128
"""Queries that are routed in one batch."""

SETTING = "scope_threshold"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold to use, and the classifier that it belongs to.

    Attributes:
        threshold: The threshold, with what it was seen to do on the queries it was chosen on.
        classifier: Fingerprint of the classifier.
        raised: Whether the queries alone would have allowed a lower threshold than what the
            classifier was measured at; that was then taken.
    """

    threshold: Threshold
    classifier: str
    raised: bool = False


def calibrate(
    overlay: FactOverlay,
    queries: Sequence[str],
    false_fire: float,
    progress: Callable[[int], None] | None = None,
) -> Calibration:
    """Return the lowest threshold at which at most ``false_fire`` of the queries fire.

    It is never below what the classifier itself was measured at for that rate, or the next
    stricter one: queries that are far from the edits of today say nothing about edits that come
    later. In a memory that has grown since, it rises as the classifier's own does; one that has
    grown much is best calibrated anew.

    Args:
        overlay: The overlay whose memory the queries are judged with.
        queries: Queries that no edit is about, drawn as they come in use.
        false_fire: Share of them that may fire, in (0, 1).
        progress: Told how many more queries were judged.

    Raises:
        ErrataError: The rate, the queries or the memory allow no threshold.
        InvalidQueryError: One of the queries can't be asked.
    """
    scorer = _trained(overlay.scorer)
    if not 0 < false_fire < 1:
        raise ErrataError(f"a false-fire rate of {false_fire:g} can't be had; give one in (0, 1)")
    needed = float(np.ceil(1 / false_fire))
    if len(queries) < needed:
        raise ErrataError(
            f"{len(queries):,} queries say nothing about a false-fire rate of {false_fire:g}; "
            f"at least {needed:,.0f} are needed"
        )
    if not len(overlay.memory):
        raise ErrataError(
            f"namespace {overlay.memory.namespace!r} of {overlay.memory.path} has no edits to "
            "judge queries with; add them first"
        )
    edits = len(overlay.memory)
    scores = _highest(overlay, queries, progress)
    certain = int((~(scores < 1.0)).sum())
    if certain > int(false_fire * len(scores)):
        raise ErrataError(
            f"{certain} of the {len(queries):,} queries reach a probability of 1, so that at a "
            f"false-fire rate of {false_fire:g} no edit would ever fire; leave out those that an "
            "edit is about, or state a higher rate"
        )
    choice = replace(choose_threshold(scores, false_fire), edits=edits)
    floor = scorer.threshold_within(false_fire)
    raised = choice.threshold < floor.at(edits)
    if raised:
        fired = int((scores >= floor.at(edits)).sum())
        low, high = exact_interval(fired, len(scores))
        share = fired / len(scores)
        choice = replace(choice, threshold=floor.at(edits), observed=share, low=low, high=high)
    return Calibration(_growing(choice, edits, floor), scorer.fingerprint, raised)


def _growing(choice: ThresholdChoice, edits: int, floor: Threshold) -> Threshold:
    """Return a choice for a number of edits, raised where the classifier needs more for more."""
    found = [choice]
    for measured in floor.choices:
        if measured.edits is not None and measured.edits > edits:
            higher = max(choice.threshold, measured.threshold)
            found.append(replace(choice, threshold=higher, edits=measured.edits))
    return Threshold(tuple(found))


def measured(scorer: ScopeScorer, false_fire: float | None = None) -> Calibration:
    """Return what a classifier was measured at for a stated rate, or for its default one.

    Raises:
        ArtifactError: Nothing was measured for this rate.
    """
    trained = _trained(scorer)
    return Calibration(trained.threshold_for(false_fire), trained.fingerprint)


def remember(memory: EditMemory, calibration: Calibration) -> None:
    """Keep a calibration with the namespace of a memory; it is used when that is next opened."""
    choices = [asdict(choice) for choice in calibration.threshold.choices]
    record = {"classifier": calibration.classifier, "choices": choices}
    memory.set_setting(SETTING, json.dumps(record))


def remembered(memory: EditMemory, scorer: ScopeScorer) -> Threshold | None:
    """Return what was remembered, or ``None`` if that was nothing, or for another classifier."""
    kept = memory.get_setting(SETTING)
    if kept is None:
        return None
    try:
        record = json.loads(kept)
        classifier = record["classifier"]
        choices = [ThresholdChoice(**choice) for choice in record["choices"]]
        [threshold] = by_rate(choices)
        usable = isinstance(classifier, str) and all(c.threshold <= 1.0 for c in choices)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        usable = False
    if not usable:
        log.warning(
            "%s: its calibration can't be read and is not used; calibrate again", memory.path
        )
        return None
    if classifier != getattr(scorer, "fingerprint", None):
        log.warning(
            "%s: its calibration is of another scope classifier (%r) and is not used; calibrate "
            "again",
            memory.path,
            classifier,
        )
        return None
    return threshold


def forget(memory: EditMemory) -> bool:
    """Forget what was remembered; return whether there was anything."""
    there = memory.get_setting(SETTING) is not None
    memory.set_setting(SETTING, None)
    return there


def _highest(
    overlay: FactOverlay, queries: Sequence[str], progress: Callable[[int], None] | None
) -> np.ndarray:
    """Return (n,) highest probabilities, 0 where nothing was judged."""
    scores: list[float] = []
    for start in range(0, len(queries), AT_ONCE):
        part = queries[start : start + AT_ONCE]
        scores += [decision.score or 0.0 for decision in overlay.decide_many(part)]
        if progress is not None:
            progress(len(part))
    return np.array(scores, dtype=np.float64)


def _trained(scorer: ScopeScorer) -> TrainedScorer:
    if not isinstance(scorer, TrainedScorer):
        raise ErrataError(
            "only a trained scope classifier can be calibrated; a threshold belongs to its weights"
        )
    return scorer
