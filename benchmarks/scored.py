"""What a method said of a case, and the shares and ROC points that follow from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.data import Case
from benchmarks.routing import Routed
from benchmarks.rows import Rows

ROC_POINTS = 60
"""Points of one curve at most; three curves share a plot of one kind of query."""

TOGETHER = {
    "neighborhood or near_synonym": ("neighborhood", "near_synonym"),
    "everyday or everyday_same_answer": ("everyday", "everyday_same_answer"),
    "relation_specificity or same_answer": ("relation_specificity", "same_answer"),
}
"""Kinds that are also reported as one: as their data sets label them."""

DOUBTFUL = frozenset([*TOGETHER, *(doubtful for _, doubtful in TOGETHER.values())])
"""Kinds with labels that a person may not give; they have rows and no plots."""

RIGHT = "fires on the right edit"
WRONG = "fires on a wrong edit"
FIRES = "fires"

Curve = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scored:
    """A case with the edit that a method holds for the likeliest.

    Attributes:
        case: The case.
        edit: Id of that edit; ``None`` where no edit was looked at.
        score: What a threshold is applied to: a probability or a similarity.
    """

    case: Case
    edit: str | None
    score: float

    def fires(self, threshold: float) -> bool:
        """Say whether the edit is in scope at a threshold."""
        return self.edit is not None and self.score >= threshold

    def is_right(self) -> bool:
        """Say whether the edit is a right one."""
        return self.edit in self.case.right


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A method with a threshold.

    Attributes:
        method: Name of the method.
        threshold: Score from which on it fires.
        label: What tells it from other points of the method; empty if it has one alone.
        default: Whether it is what the method does unless told otherwise.
        setting: What else a row should say.
    """

    method: str
    threshold: float
    label: str = ""
    default: bool = True
    setting: dict[str, Any] = field(default_factory=dict)


def from_routed(routed: Sequence[Routed]) -> list[Scored]:
    """Return the likeliest edit of each decision."""
    return [
        Scored(one.case, one.decision.candidates[0].edit.id, one.decision.candidates[0].probability)
        if one.decision.candidates
        else Scored(one.case, None, 0.0)
        for one in routed
    ]


def by_kind(scored: Iterable[Scored]) -> dict[str, list[Scored]]:
    """Return the cases by kind, in the order in which the kinds come."""
    found: dict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        found[one.case.kind].append(one)
    return dict(found)


def add_point_rows(
    rows: Rows, scored: Sequence[Scored], point: OperatingPoint, **more: Any
) -> None:
    """Add, for each kind of case, how often a method fires at a threshold, and on what."""
    label = f", {point.label}" if point.label else f", {point.method}"
    kinds = by_kind(scored)
    for name, parts in TOGETHER.items():
        if kinds.keys() >= set(parts):
            kinds[name] = [one for part in parts for one in kinds[part]]
    for kind, found in kinds.items():
        setting: dict[str, Any] = {
            "method": point.method,
            "threshold": point.threshold,
            "default": point.default,
            **point.setting,
            **more,
            "groups": [one.case.record for one in found],
        }
        fires = np.array([one.fires(point.threshold) for one in found])
        if not found[0].case.right:
            rows.add(kind, FIRES + label, fires.tolist(), **setting)
            continue
        right = np.array([one.is_right() for one in found])
        rows.add(kind, RIGHT + label, (fires & right).tolist(), **setting)
        if point.default:
            rows.add(kind, WRONG + label, (fires & ~right).tolist(), **setting)


def roc(scored: Sequence[Scored]) -> dict[str, Curve]:
    """Return the ROC curve of a method for each kind of out-of-scope case.

    A point is (share of the kind that fires, share of the in-scope cases that fire on a right
    edit). Repeating an edit's own prompt is easy, so those cases are left out where there
    are others.
    """
    kinds = by_kind(scored)
    inside = [one for found in kinds.values() for one in found if one.case.right]
    inside = [one for one in inside if one.case.kind != "exact"] or inside
    outside = {kind: found for kind, found in kinds.items() if not found[0].case.right}
    return {kind: _curve(inside, found) for kind, found in outside.items() if inside}


def _curve(inside: Sequence[Scored], outside: Sequence[Scored]) -> Curve:
    reached = np.sort([one.score if one.edit else -np.inf for one in inside if one.is_right()])
    fired = np.sort([one.score if one.edit else -np.inf for one in outside])[::-1]
    allowed = np.unique(np.geomspace(1, len(fired), ROC_POINTS - 1).astype(int) - 1)
    thresholds = [np.nextafter(fired[0], np.inf), *fired[allowed]]
    points = [
        (
            float((fired >= threshold).mean()),
            float((reached >= threshold).sum() / len(inside)),
        )
        for threshold in thresholds
        if np.isfinite(threshold)
    ]
    return sorted({(round(x, 6), round(y, 6)) for x, y in points})
