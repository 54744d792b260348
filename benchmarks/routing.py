"""Does it fire where it should: every case routed with all edits in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.data import Case
from benchmarks.rows import Rows
from serac.decision import Decision
from serac.overlay import FactOverlay

AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class Routed:
    """A case with its decision."""

    case: Case
    decision: Decision

    def fires(self, threshold: float) -> bool:
        """Say whether any edit is in scope at a threshold."""
        return (self.decision.score or 0.0) >= threshold

    def fires_right(self, threshold: float) -> bool:
        """Say whether the likeliest edit is a right one, and in scope at a threshold."""
        candidates = self.decision.candidates
        return self.fires(threshold) and candidates[0].edit.id in self.case.right


def route_all(
    overlay: FactOverlay, cases: Sequence[Case], progress: Callable[[int], None]
) -> list[Routed]:
    """Route every case; the router sees the query alone."""
    routed = []
    for start in range(0, len(cases), AT_ONCE):
        part = cases[start : start + AT_ONCE]
        decisions = overlay.decide_many([case.query for case in part])
        routed += [Routed(case, found) for case, found in zip(part, decisions, strict=True)]
        progress(len(part))
    return routed


def add_scope_rows(rows: Rows, routed: Sequence[Routed], thresholds: dict[str, float]) -> None:
    """Add, for each kind of case and each threshold, how often it fires."""
    by_kind: dict[str, list[Routed]] = defaultdict(list)
    for one in routed:
        by_kind[one.case.kind].append(one)
    for name, threshold in thresholds.items():
        for kind, found in by_kind.items():
            setting: dict[str, Any] = {
                "false_fire": name,
                "threshold": threshold,
                "groups": [one.case.record for one in found],
            }
            if found[0].case.right:
                right = [one.fires_right(threshold) for one in found]
                rows.add(kind, f"fires on the right edit, {name}", right, **setting)
            else:
                fired = [one.fires(threshold) for one in found]
                rows.add(kind, f"fires, {name}", fired, **setting)


def add_retrieval_rows(rows: Rows, overlay: FactOverlay, cases: Sequence[Case]) -> None:
    """Add how often a right edit is the nearest, and among the eight nearest."""
    by_kind: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.right:
            by_kind[case.kind].append(case)
    for kind, asked in by_kind.items():
        first, eight = [], []
        for start in range(0, len(asked), AT_ONCE):
            part = asked[start : start + AT_ONCE]
            found = overlay.memory.search_many([case.query for case in part], 8)
            for case, hits in zip(part, found, strict=True):
                ids = [hit.edit.id for hit in hits]
                first.append(ids[0] in case.right)
                eight.append(bool(case.right & set(ids)))
        groups = [case.record for case in asked]
        rows.add(kind, "right edit nearest, whole query embedded", first, groups=groups)
        rows.add(kind, "right edit among the 8 nearest, whole query embedded", eight, groups=groups)
